"""Entities of the scripts: hashes, of which a script reads the fields that it mentions, and no others.

A lib with the section `HASH` has an entity: the fields of its hash in an order of its choice, `field=text` where an
absent one is not the empty string. `OWN` are further members that only a run knows (false at first, or as given). The
source names members as any table's (`u.session`); in the composed script an entity is an array, because making and
reading one costs a fraction of a table with keys, and because a field that nobody mentions need not be read.

- `u.session` becomes `u[6]`;
- `put(u, {session = x, client = y})` becomes `u[6] = x` and `put(u, 'session', u[6], 'client', y)`, where nobody reads
  the client;
- `FIELDS_USER` becomes the names for HMGET, and `ENTITY_USER` the array made of its reply `v`, of `id` and of `key`.

The first field is always read: it says whether there is a hash.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

COMMON = ("id", "key", "writes", "count", "json")
"""Members of every entity, in the same slots, so that code for all of them need not know which it has."""

_STRING = r"'(?:\\.|[^'\\])*'"
_ACCESS = re.compile(_STRING + r"|(?<=[\w\])])\.(?P<name>[a-z]\w*)\b")
_PUT = re.compile(r"^(?P<before>.*?)\bput\((?P<entity>\w+), \{", re.MULTILINE)
_TOKEN = re.compile(_STRING + r"|[(){},]|[^'(){},]+")
_LIBRARIES = re.compile(r"(?:redis|string|table|math|cjson)$")


class EntityError(Exception):
    """A member is used in a way that the array cannot serve."""


@dataclass(frozen=True)
class Entity:
    """One kind: its fields and its own members, each with the Lua text of its default."""

    name: str
    fields: Mapping[str, str]
    own: Mapping[str, str]

    @property
    def first(self) -> str:
        """The field that every hash of the kind has."""
        return next(iter(self.fields))


def read_entity(name: str, fields: str, own: str) -> Entity:
    """Read the sections HASH and OWN of the lib `name`."""

    def defaults(words: str, absent: str) -> dict[str, str]:
        pairs = (word.partition("=") for word in words.split())
        return {member: f"'{text}'" if equals else absent for member, equals, text in pairs}

    return Entity(name, defaults(fields, "''"), defaults(own, "false"))


def bind(text: str, entities: Sequence[Entity]) -> str:
    """Turn a script's entities into arrays. Raises EntityError where a table has a key named like a member."""
    members = set(COMMON).union(*({*entity.fields, *entity.own} for entity in entities))
    mentioned = {match["name"] for match in _accesses(text)} & members
    text = _with_puts(text, mentioned)
    for name in re.findall(r"\b(\w+) = ", " ".join(re.findall(r"\{[^{}]*\}", re.sub(_STRING, "", text)))):
        if name in mentioned:
            raise EntityError(f"a table with the key {name} cannot be told from an entity")
    slots = {name: slot for slot, name in enumerate(COMMON, 1)}
    for entity in entities:
        fields = [name for name in entity.fields if name in mentioned or name == entity.first]
        own = [name for name in entity.own if name in mentioned]
        _give_slots(slots, [*fields, *own])
        text = text.replace(f"FIELDS_{entity.name.upper()}", ", ".join(f"'{name}'" for name in fields))
        text = text.replace(f"ENTITY_{entity.name.upper()}", _array(entity, fields, own, slots))

    def access(match: re.Match[str]) -> str:
        slot = slots.get(match["name"]) if match["name"] else None
        return match[0] if slot is None or _is_library(match) else f"[{slot}]"

    return _ACCESS.sub(access, text)


def _with_puts(text: str, mentioned: Collection[str]) -> str:
    """Write `put(u, {field = value, ...})` out: into the array what is read in this run, and all into the hash."""
    while match := _PUT.search(text):
        pairs, end = _pairs(text, match.end())
        lines, given = [], []
        for field, value in pairs:
            if field in mentioned:
                lines.append(f"{match['entity']}.{field} = {value}")
                value = f"{match['entity']}.{field}"
            given.append(f"'{field}', {value}")
        # As many as `put` takes at once.
        calls = [", ".join(given[begin : begin + 3]) for begin in range(0, len(given), 3)]
        lines += [f"put({match['entity']}, {fields})" for fields in calls]
        text = text[: match.start()] + match["before"] + " ".join(lines) + text[end:]
    return text


def _pairs(text: str, begin: int) -> tuple[list[tuple[str, str]], int]:
    """Read `field = value, ...})` from `begin` on; return the pairs, and where it ends."""
    depth, at = 0, begin
    parts = [""]
    while depth >= 0:
        token = _TOKEN.match(text, at)
        if token is None:
            raise EntityError(f"a put that does not end: {text[begin : begin + 60]}")
        at = token.end()
        depth += (token[0] in "({") - (token[0] in ")}")
        if token[0] == "," and not depth:
            parts.append("")
        elif depth >= 0:
            parts[-1] += token[0]
    if text[at : at + 1] != ")":
        raise EntityError(f"a put with more than fields: {text[begin:at]}")
    pairs = [part.split(" = ", 1) for part in map(str.strip, parts) if part]
    return [(field, value.strip()) for field, value in pairs], at + 1


def _accesses(text: str) -> list[re.Match[str]]:
    return [match for match in _ACCESS.finditer(text) if match["name"] and not _is_library(match)]


def _is_library(match: re.Match[str]) -> bool:
    return _LIBRARIES.search(match.string, max(0, match.start() - 6), match.start()) is not None


def _give_slots(slots: dict[str, int], names: Sequence[str]) -> None:
    """Give each name a slot. One that another kind has too keeps it, and the others of this kind stand around it."""
    taken = {slots[name] for name in names if name in slots}
    free = (slot for slot in range(len(COMMON) + 1, 100) if slot not in taken)
    for name in names:
        if name not in slots:
            slots[name] = next(free)


def _array(entity: Entity, fields: Sequence[str], own: Sequence[str], slots: Mapping[str, int]) -> str:
    at = dict(enumerate(("id", "key", "false", "1", "false"), 1))
    at |= {slots[name]: f"v[{i}] or {entity.fields[name]}" for i, name in enumerate(fields, 1)}
    at |= {slots[name]: entity.own[name] for name in own}
    return "{" + ", ".join(at.get(slot, "false") for slot in range(1, max(at) + 1)) + "}"
