"""Write out how a script's entities are read: only the fields that this script looks at.

A library says once what a hash holds and what an absent field means:

    local c = fetch(CONTACT, id, {state = '', offers = '0'}, {json = false})

From that comes, in each script, one HMGET of the fields that the script reads anywhere (`c.state`), and the table
with them; the second table adds members that are not in the hash. `create` makes the table without reading.
`extend(u, {…})` reads further fields into an entity. A change of a field that the script never reads is only noted
for the HSET.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dispatcher.store.inline import arguments

_MAKE = re.compile(r"(?:local )?\b(\w+) = (fetch|create)\(")
_EXTEND = re.compile(r"\bextend\(")
_READ = re.compile(r"(?<=[\w\])]\.)[a-z]\w*")
_WRITE = re.compile(r"^\s*\w+(?:\['(\w+)'\]|\.(\w+)) = [^\n]*\n", re.MULTILINE)
ROOM = ", nil" * 16
"""Place for the changes of eight fields, so that a table need not grow."""


def expanded(texts: Iterable[str]) -> list[str]:
    """Return the texts of a script with `fetch`, `create` and `extend` written out."""
    texts = list(texts)
    read = set(_READ.findall(_WRITE.sub(_right_side, "\n".join(texts))))
    return [_expand(_WRITE.sub(lambda match: _live(match, read), text + "\n"), read) for text in texts]


def _right_side(match: re.Match[str]) -> str:
    return match[0].partition(" = ")[2]


def _live(match: re.Match[str], read: set[str]) -> str:
    return match[0] if (match[1] or match[2]) in read else ""


def _expand(text: str, read: set[str]) -> str:
    count = 0
    while match := _MAKE.search(text):
        (key, id, fields, *more), end = arguments(text, match.end() - 1)
        wanted = _members(fields, read)
        members = [f"id = {id}", *(f"{name} = {value}" for name, value in _members(more[0] if more else "{}", read))]
        count += 1
        lines = [f"local key_{count} = {key} .. {id}"]
        if match[2] == "fetch":
            lines.append(_get(f"got_{count}", f"key_{count}", wanted))
            members += [f"{name} = got_{count}[{i}] or {value}" for i, (name, value) in enumerate(wanted, 1)]
        else:
            members += [f"{name} = {value}" for name, value in wanted]
        lines.append(f"{match[0].partition(' = ')[0]} = {{key_{count}{ROOM}, {', '.join(members)}}}")
        text = text[: match.start()] + "\n".join(lines) + text[end:]
    while match := _EXTEND.search(text):
        (entity, fields), end = arguments(text, match.end() - 1)
        wanted = _members(fields, read)
        count += 1
        lines = [_get(f"got_{count}", f"{entity}[1]", wanted)]
        lines += [f"{entity}.{name} = got_{count}[{i}] or {value}" for i, (name, value) in enumerate(wanted, 1)]
        text = text[: match.start()] + "\n".join(lines) + text[end:]
    return text


def _members(table: str, read: set[str]) -> list[tuple[str, str]]:
    pairs = (member.split(" = ", 1) for member in arguments(table, 0)[0])
    return [(name, value) for name, value in pairs if name in read]


def _get(name: str, key: str, wanted: list[tuple[str, str]]) -> str:
    fields = ", ".join(f"'{field}'" for field, _ in wanted)
    return f"local {name} = redis.call('HMGET', {key}, {fields})"
