"""Assemble the Lua scripts of `lua/`: header contract, includes by name, keys, arguments, clock.

A command file begins with a comment header: a sentence, then `KEYS`, `ARGV`, `REPLY`, `ERRORS`, `EVENTS`,
`CALLS` (the bound on redis.calls), optionally `FLAGS` and `USES`. A lib file has at least `USES` where it needs
others. From that the composer makes one text per command:

- the `#!lua` line, with the flags;
- `KEYS` and `ARGV` bound to names: `META` and `P` (the key prefix), each key of the key table that the script
  mentions in capitals (`WAITING .. queue_id`), each argument by its own name; its own name is `script`;
- of the libs it uses, dependencies first, the functions that it reaches; then the command. A section `ONCE` names
  functions that few runs call more than once: what only they use stands inside of them, and is made when they are
  called. To make a function costs as much as a small command of Redis;
- entities as arrays (see `entities`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import dispatcher
from dispatcher.store.entities import Entity, bind, read_entity
from dispatcher.store.keys import CHANNELS, TENANT_KEYS

COMMON_ARGUMENTS = ("actor", "client", "request_id", "supervisor")
"""What every command is told: who sends it, on which client under which id, and whether he is a supervisor."""

SECTIONS = ("KEYS", "ARGV", "REPLY", "ERRORS", "EVENTS", "CALLS", "FLAGS", "USES", "ENDS", "ONCE", "HASH", "OWN")
REQUIRED_SECTIONS = ("KEYS", "ARGV", "REPLY", "ERRORS", "EVENTS", "CALLS")

_SECTION = re.compile(rf"^-- ({'|'.join(SECTIONS)})(?: +(.*))?$")
_COMMENT = re.compile(r"('(?:\\.|[^'\\])*')|[ \t]*--.*")
_FUNCTION = re.compile(r"^local function (\w+)\((.*)\)")
_LOCAL = re.compile(r"^local (?!function)([\w, ]+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_SILENT = re.compile(r"'(?:\\.|[^'\\])*'|--.*")
_NAME = re.compile(r"\b[A-Z][A-Z_]*\b")
_KEYS = {key.facet.upper(): key for key in TENANT_KEYS + CHANNELS}


class ScriptError(Exception):
    """A script file breaks the header contract."""


@dataclass(frozen=True)
class Source:
    """One Lua file: the sections of its header, and its text without comments."""

    name: str
    sections: Mapping[str, str]
    body: str

    @property
    def uses(self) -> tuple[str, ...]:
        """The libs it needs."""
        return tuple(self.sections.get("USES", "").split())

    @property
    def ends(self) -> set[str]:
        """Functions of other libs that it calls where the script has them."""
        return set(self.sections.get("ENDS", "").split())

    @property
    def entity(self) -> Entity | None:
        """The entity that it has."""
        fields = self.sections.get("HASH")
        return read_entity(self.name, fields, self.sections.get("OWN", "")) if fields else None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of ARGV, in order."""
        return COMMON_ARGUMENTS + tuple(self.sections.get("ARGV", "").split())


def read_source(path: Path) -> Source:
    """Read one Lua file. Raises ScriptError where its header is not well formed."""
    text = path.read_text(encoding="utf-8")
    sections: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if match := _SECTION.match(line):
            if match[1] in sections:
                raise ScriptError(f"{path.name}: {match[1]} stands twice")
            sections[match[1]] = (match[2] or "").strip()
    body = "\n".join(line for line in _COMMENT.sub(lambda match: match[1] or "", text).splitlines() if line.strip())
    return Source(path.stem, sections, body)


def lua_folder() -> Path:
    """Return the folder of the scripts: inside the installed package, or beside it in a checkout."""
    package = Path(dispatcher.__file__).parent
    inside = package / "lua"
    return inside if inside.is_dir() else package.parent / "lua"


_TEXTS: dict[tuple[Path, str, bool], dict[str, str]] = {}
"""What has been composed in this process, because composing takes longer than anything else at a start."""


class Scripts:
    """All scripts, composed. `clock="virtual"` reads the time from the tenant's `clock` key instead of the server.

    `counting` adds the number of redis.calls made as a fourth element of every reply; for tests and the bench.
    `folder` holds the scripts where it is not the program's own.
    """

    def __init__(
        self,
        clock: Literal["server", "virtual"] = "server",
        counting: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._clock = clock
        self._counting = counting
        self._folder = folder or lua_folder()
        self._texts = _TEXTS.setdefault((self._folder, clock, counting), {})

    @cached_property
    def commands(self) -> Mapping[str, Source]:
        """The command files by name. Raises ScriptError where a header lacks a section."""
        sources = {path.stem: read_source(path) for path in sorted((self._folder / "commands").glob("*.lua"))}
        for source in sources.values():
            missing = [section for section in REQUIRED_SECTIONS if section not in source.sections]
            if missing:
                raise ScriptError(f"{source.name}: no {', '.join(missing)}")
        return sources

    @cached_property
    def libs(self) -> Mapping[str, Source]:
        """The lib files by name, the clock already chosen."""
        libs = {path.stem: read_source(path) for path in sorted((self._folder / "lib").glob("*.lua"))}
        if self._clock == "virtual":
            libs["clock"] = libs["clock_virtual"]
        return libs

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all commands."""
        return tuple(self.commands)

    def arguments(self, name: str) -> tuple[str, ...]:
        """Return the names of a command's ARGV, in order."""
        return self.commands[name].arguments

    def text(self, name: str, *, embedded: bool = False) -> str:
        """Return a command's whole text; `embedded` without the `#!lua` line, which fakeredis does not know."""
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = self._compose(name)
        return "-- " + text if embedded else text

    def _compose(self, name: str) -> str:
        command = self.commands[name]
        libs = [self.libs[lib] for lib in self._resolve(command)]
        parts = _parts("\n".join(lib.body for lib in libs))
        absent = {name for lib in libs for name in lib.ends} - {name for name, _ in parts}
        parts = [(name, _without_calls(text, absent)) for name, text in parts]
        once = {name for lib in libs for name in lib.sections.get("ONCE", "").split()}
        parts = [*_nested(_without_unused(parts, command.body), command.body, once), ("", command.body)]
        texts = [text for _, text in parts]
        mentioned = _words("\n".join(texts))
        bound = [f"local {arg} = ARGV[{i}]" if arg in mentioned else "" for i, arg in enumerate(command.arguments, 1)]
        flags = command.sections.get("FLAGS", "")
        lines = ["#!lua flags=" + flags if flags else "#!lua"]
        lines.append("local P = string.sub(KEYS[1], 1, -5)")
        lines += filter(None, bound[: len(COMMON_ARGUMENTS)])
        if "script" in mentioned:
            lines.append(f"local script = '{name}'")
        lines += _COUNTING_CALL if self._counting else ["local call = redis.call"]
        lines += texts[:-1]
        lines += filter(None, bound[len(COMMON_ARGUMENTS) :])
        lines.append(texts[-1])
        if self._counting:
            lines += _COUNTING_TAIL
        text = bind("\n".join(lines), [lib.entity for lib in libs if lib.entity])
        text = _NAME.sub(_key, text.replace("redis.call(", "call("))
        return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"

    def _resolve(self, command: Source) -> list[str]:
        """Return the libs a command needs, dependencies first."""
        order: list[str] = []

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                raise ScriptError(f"{name} uses itself: {' '.join(path)}")
            if name not in self.libs:
                raise ScriptError(f"{path[-1] if path else command.name}: there is no lib {name}")
            if name not in order:
                for other in self.libs[name].uses:
                    visit(other, (*path, name))
                order.append(name)

        for lib in command.uses:
            visit(lib, ())
        return sorted(order, key=lambda name: bool(self.libs[name].ends))


def _without_calls(text: str, names: set[str]) -> str:
    """Leave out the calls of functions that a script does not have."""
    return "\n".join(line for line in text.splitlines() if line.strip().removesuffix("()") not in names)


def _key(match: re.Match[str]) -> str:
    """Write a key's prefix out where it is used: few scripts run past the same one twice."""
    key = _KEYS.get(match[0])
    return match[0] if key is None else f"P .. '{key.facet}{':' if key.id else ''}'"


def _words(text: str) -> set[str]:
    """Return the names that a text mentions outside of strings and comments."""
    return set(_WORD.findall(_SILENT.sub(" ", text)))


def _parts(libs: str) -> list[tuple[str, str]]:
    """Split the libs into their functions and, without a name, what stands between them."""
    parts: list[tuple[str, str]] = []
    name = ""
    lines: list[str] = []
    for line in libs.splitlines():
        begins = _FUNCTION.match(line)
        if begins:
            parts.append((name, "\n".join(lines)))
            name, lines = begins[1], []
        lines.append(line)
        if name and line == "end":
            parts.append((name, "\n".join(lines)))
            name, lines = "", []
    parts.append((name, "\n".join(lines)))
    return [(name, text) for name, text in parts if text]


def _without_unused(parts: list[tuple[str, str]], command: str) -> list[tuple[str, str]]:
    """Leave out every function that nothing uses: making a function costs time in every run."""
    needed = _reached(parts, command)
    return [(name, text) for name, text in parts if not name or name in needed]


def _nested(parts: list[tuple[str, str]], command: str, once: set[str]) -> list[tuple[str, str]]:
    """Put each function into the one of `once` that all its users are in, if there is such a one."""
    texts = {name: text for name, text in parts if name}
    between = "\n".join(text for name, text in parts if not name)
    known = {*texts, *COMMON_ARGUMENTS, *_words(" ".join(_LOCAL.findall(between)))}
    for name, text in texts.items():
        # Inside, a function would take an argument of the outer one for what stands outside of both.
        for argument in _words(_FUNCTION.findall(text)[0][1]) & known:
            raise ScriptError(f"{name}: the argument {argument} is called like something outside")
    outside = _words(between + "\n" + command)
    words = {name: _words(text) for name, text in texts.items()}
    around: dict[str, list[str]] = {}
    # Whoever uses a function stands behind it: by then it is known what he is in, the innermost first.
    for name in reversed(texts):
        users = [[user, *around[user]] for user in around if name in words[user]]
        shared = [] if name in outside or not users else [other for other in users[0] if other in once]
        around[name] = [other for other in shared if all(other in user for user in users)]

    def whole(name: str) -> str:
        first, *rest = texts[name].splitlines()
        return "\n".join([first, *(whole(inner) for inner in texts if around[inner][:1] == [name]), *rest])

    return [(name, whole(name) if name else text) for name, text in parts if not name or not around[name]]


def _reached(parts: list[tuple[str, str]], command: str) -> set[str]:
    """Return the functions that a command, and what stands between the functions, use through any number of others."""
    functions = {name: text for name, text in parts if name}

    def used(text: str) -> set[str]:
        return _words(text) & functions.keys()

    new = used("\n".join(text for name, text in parts if not name) + "\n" + command)
    reached: set[str] = set()
    while new:
        reached |= new
        new = {word for name in new for word in used(functions[name])} - reached
    return reached


_COUNTING_CALL = """local calls = 0
local function call(...)
  calls = calls + 1
  return redis.call(...)
end
local function command()""".replace("redis.call(", "redis['call'](").splitlines()
_COUNTING_TAIL = ["end", "local reply = command()", "reply[4] = tostring(calls)", "return reply"]
