"""Write out how a script reads and changes its entities, the hashes of users, contacts and queues.

A library says once what a hash holds and what an absent field means; the second table adds members that are not
in the hash. `create` makes an entity without reading it; `extend` reads further fields into one; `peek` reads one
that the script does not change.

    c = fetch(CONTACT, id, {state = '', offers = '0'}, {json = false})
    put(c, 'state', 'waiting')
    flush()

From that comes, in each script, one HMGET of the fields that this script looks at anywhere, and an array: a table
with names costs four times as much to make. Member 1 is the key, 2 the `id`, then each field has its place
(`c.state` → `c[5]`), up to `WIDTH`; behind stand the changes: field, value, field, value …, which `flush` hands to
HSET. Neighbouring `put`s are noted in one step. A change of a field that the script never looks at is only noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from dispatcher.store.inline import arguments, tokens

_MAKE = re.compile(r"(?:local )?\b(\w+) = (fetch|create|peek)\(")
_EXTEND = re.compile(r"^( *)extend\(", re.MULTILINE)
_PUT = re.compile(r"^ *put\(", re.MULTILINE)
_FLUSH = re.compile(r"^( *)flush\(\)$", re.MULTILINE)
_FIELD = re.compile(r"(?<=[\w\])])\.([a-z]\w*)\b(?!\()")
ROOM = ", nil" * 16
"""Place for the changes of eight fields, so that the array need not grow."""


def expanded(texts: Iterable[str]) -> list[str]:
    """Return the texts of a script with its entities written out."""
    return _Entities(list(texts)).texts


class _Entities:
    """The kinds of entities in one script (by the name of their key): each member's place."""

    def __init__(self, texts: list[str]) -> None:
        looked_at = {name for text in texts for name in _FIELD.findall(text)}
        self._places: dict[str, dict[str, int]] = {}
        for text in texts:
            for match in _MAKE.finditer(text):
                (kind, _, *tables), _ = arguments(text, match.end() - 1)
                places = self._places.setdefault(kind, {"key": 1, "id": 2})
                for name, _ in (member for table in tables for member in _members(table)):
                    if name in looked_at:
                        places.setdefault(name, len(places) + 1)
        self._width = max((max(places.values()) for places in self._places.values()), default=0)
        self._place = {name: place for places in self._places.values() for name, place in places.items()}
        self._count = 0
        self.texts = [self._expand(text) for text in texts]

    def _expand(self, text: str) -> str:
        text = self._merge_puts(text)
        while match := _MAKE.search(text):
            made, end = self._make(text, match)
            text = text[: match.start()] + made + text[end:]
        while match := _EXTEND.search(text):
            (entity, fields), end = arguments(text, match.end() - 1)
            wanted = [(name, value) for name, value in _members(fields) if name in self._place]
            lines = [self._get(f"{entity}[1]", wanted)]
            lines += [f"{entity}.{name} = {value}" for name, value in self._got(wanted)]
            text = text[: match.start()] + "\n".join(lines) + text[end:]
        text = _FLUSH.sub(
            rf"\1for i = 1, #changed do redis.call('HSET', changed[i][1], unpack(changed[i], {self._width + 1})) end",
            text,
        )
        return "".join(self._fields(text))

    def _fields(self, text: str) -> Iterator[str]:
        for is_string, pieces in groupby(tokens(text), key=lambda token: token.kind == "string"):
            piece = "".join(token.text for token in pieces)
            yield piece if is_string else _FIELD.sub(lambda match: self._member(match[1]), piece)

    def _member(self, name: str) -> str:
        return f"[{self._place[name]}]" if name in self._place else f".{name}"

    def _make(self, text: str, match: re.Match[str]) -> tuple[str, int]:
        """Return the statements that make one entity, and the place behind the macro."""
        (kind, id, fields, *more), end = arguments(text, match.end() - 1)
        places = self._places[kind]
        wanted = [(name, value) for name, value in _members(fields) if name in places]
        values = {name: value for name, value in _members(more[0] if more else "{}") if name in places}
        lines = []
        if match[2] != "create":
            lines.append(self._get(f"{kind} .. {id}", wanted))
            values |= dict(self._got(wanted))
        else:
            values |= dict(wanted)
        members = [f"{kind} .. {id}", id, *(values.get(name, "false") for name in list(places)[2:])]
        room = ""
        if match[2] != "peek":
            members += ["false"] * (self._width - len(members))
            room = ROOM
        lines.append(f"{match[0].partition(' = ')[0]} = {{{', '.join(members)}{room}}}")
        return "\n".join(lines), end

    def _get(self, key: str, wanted: list[tuple[str, str]]) -> str:
        self._count += 1
        fields = ", ".join(f"'{field}'" for field, _ in wanted)
        return f"local got_{self._count} = redis.call('HMGET', {key}, {fields})"

    def _got(self, wanted: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [
            (name, f"got_{self._count}[{i}]" + ("" if value == "false" else f" or {value}"))
            for i, (name, value) in enumerate(wanted, 1)
        ]

    def _merge_puts(self, text: str) -> str:
        place = 0
        while match := _PUT.search(text, place):
            puts: list[list[str]] = []
            start = end = match.start()
            while (found := _PUT.match(text, end)) and (not puts or puts[0][0] == _entity(text, found)):
                put, end = arguments(text, found.end() - 1)
                puts.append(put)
                end += text[end : end + 1] == "\n"
            noted = self._note(puts)
            text = text[:start] + noted + text[end:]
            place = start + len(noted)
        return text

    def _note(self, puts: list[list[str]]) -> str:
        """Return the statements that change one entity and note it."""
        entity = puts[0][0]
        lines = ["do", f"local n = #{entity}"]
        lines.append(f"if n == {self._width} then changed[#changed + 1] = {entity} end")
        places, values = [], []
        for i, (_, quoted, value) in enumerate(puts):
            field = quoted.strip("'")
            if field in self._place:
                lines.append(f"{entity}.{field} = {value}")
                value = f"{entity}.{field}"
            elif not re.fullmatch(r"\w+|'[^']*'", value):
                lines.append(f"local value_{i} = {value}")
                value = f"value_{i}"
            places += [f"{entity}[n + {2 * i + 1}]", f"{entity}[n + {2 * i + 2}]"]
            values += [quoted, value]
        lines += [f"{', '.join(places)} = {', '.join(values)}", "end", ""]
        return "\n".join(lines)


def _entity(text: str, match: re.Match[str]) -> str:
    return arguments(text, match.end() - 1)[0][0]


def _members(table: str) -> list[tuple[str, str]]:
    name_and_value = (member.split(" = ", 1) for member in arguments(table, 0)[0])
    return [(name, value) for name, value in name_and_value]
