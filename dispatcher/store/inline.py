"""Write small Lua functions into their callers, because in a script that runs once every closure is paid anew.

A library function that a script calls from one place only costs the making of a function and of its captured
variables, for one call. `inlined` takes the functions of a script one by one, callees first, and where such a call
is a whole statement (`f(x)`, `local a, b = f(x)`, `a = f(x)`, `return f(x)`), it puts the body there:

    local c = contact(id)      →      local c
                                      repeat local v_1 = …; if … then c = nil break end; c = … until true

A function of a single `return` may be called from anywhere; its expression takes the place of the call. Whatever
does not fit (a function as a value, a return inside a loop, a nested function) stays a function.

The variables of the body get names of their own, so nothing is captured by accident; a name of the libraries
that the caller has redefined keeps the function a function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"(?P<string>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|(?P<name>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<space>\s+|--[^\n]*)|(?P<other>\.\.\.?|[=~<>]=|.)",
)
_HEADER = re.compile(r"local function (\w+)\((.*?)\)\n(.*)\nend", re.DOTALL)
_SITE = re.compile(r"^\s*(?:(?P<give>return )|(?P<fresh>local )?(?P<targets>\w+(?:, \w+)*) = )?$")
_OPENS = {"if", "for", "while", "function", "repeat"}
_CLOSES_BLOCK = {"end", "else", "elseif", "until"}
_SIMPLE = re.compile(r"^(?:\w+|'(?:\\.|[^'\\])*'|nil)$")


@dataclass
class Token:
    """A piece of Lua; `variable` where it names a variable or a function (not a field)."""

    text: str
    kind: str
    variable: bool = False


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Split Lua text into tokens; their texts joined are the text again."""
    found = [Token(match[0], match.lastgroup or "") for match in _TOKEN.finditer(text)]
    solid = [token for token in found if token.kind != "space"]
    braces: list[str] = []
    for i, token in enumerate(solid):
        before = solid[i - 1].text if i else ""
        after = solid[i + 1].text if i + 1 < len(solid) else ""
        if token.text in "({[":
            braces.append(token.text)
        elif token.text in ")}]" and braces:
            braces.pop()
        elif token.kind == "name" and before not in (".", ":"):
            is_member = bool(braces) and braces[-1] == "{" and before in ("{", ",") and after == "="
            token.variable = not is_member
    return tuple(found)


@dataclass
class Function:
    """A top-level function of the libraries."""

    name: str
    parameters: list[str]
    body: str

    @classmethod
    def parse(cls, text: str) -> Function:
        """Read `local function name(parameters) … end`."""
        match = _HEADER.fullmatch(text)
        if match is None:
            raise ValueError(f"not a function: {text[:60]}")
        return cls(match[1], [name.strip() for name in match[2].split(",") if name.strip()], match[3])

    @property
    def expression(self) -> str | None:
        """What it returns, if that is all it does."""
        body = self.body.strip()
        if not body.startswith("return ") or any(t.text in _OPENS | {"end"} for t in tokens(body) if t.variable):
            return None
        return body[7:]


@lru_cache(maxsize=4096)
def declared(body: str) -> frozenset[str]:
    """Return the names of a body's own variables, loop variables included."""
    names: set[str] = set()
    for match in re.finditer(r"\b(?:local|for) ((?:\w+)(?:, \w+)*)", body):
        names.update(match[1].split(", "))
    return frozenset(names)


def assigned(body: str, name: str) -> bool:
    """Whether a body changes a variable that it was given."""
    return re.search(rf"(?:^|[^.\w]){name}(?:, \w+)* = |, {name}(?:, \w+)* = ", body) is not None


def arguments(text: str, start: int) -> tuple[list[str], int]:
    """Split the arguments of the call whose `(` stands at `start`; return them and the place after its `)`."""
    found, depth, begin, place = [], 0, start + 1, start
    for token in tokens(text[start:]):
        if token.text in "({[" and token.kind == "other":
            depth += 1
        elif token.text in ")}]" and token.kind == "other":
            depth -= 1
        if depth == 0 or (depth == 1 and token.text == ","):
            found.append(text[begin:place].strip())
            begin = place + 1
        place += len(token.text)
        if depth == 0:
            break
    return [argument for argument in found if argument], place


def renamed(text: str, names: dict[str, str]) -> str:
    """Replace variables by other names or simple expressions."""
    return "".join(names.get(t.text, t.text) if t.variable else t.text for t in tokens(text))


class Returns:
    """Turns the `return`s of a body into assignments and breaks."""

    def __init__(self, body: str, targets: Sequence[str]) -> None:
        self._pieces = tokens(body)
        self._targets = ", ".join(targets)
        self.breaks = False
        self.falls_through = True
        self.possible = True
        self.text = self._rewrite()

    def _rewrite(self) -> str:
        out: list[str] = []
        blocks: list[str] = []
        pieces = self._pieces
        i = 0
        while i < len(pieces):
            text = pieces[i].text if pieces[i].variable else ""
            if text in _OPENS:
                blocks.append(text)
                self.possible = self.possible and text != "function"
            elif text in ("end", "until") and blocks:
                blocks.pop()
            elif text == "return":
                if any(block in ("for", "while", "repeat") for block in blocks):
                    self.possible = False
                end = i + 1
                while end < len(pieces) and not (pieces[end].variable and pieces[end].text in _CLOSES_BLOCK):
                    end += 1
                value = "".join(piece.text for piece in pieces[i + 1 : end]).strip()
                out.append(self._give(value, last=end == len(pieces)))
                i = end
                continue
            out.append(pieces[i].text)
            i += 1
        return "".join(out)

    def _give(self, value: str, *, last: bool) -> str:
        if self._targets:
            statement = f"{self._targets} = {value or 'nil'}"
        elif value.endswith(")") and re.match(r"\w+\(", value):
            statement = value
        else:
            statement = "" if not value or _SIMPLE.match(value) else f"local _ = {value}"
        if last:
            self.falls_through = False
            return statement + "\n"
        self.breaks = True
        return f"{statement} break\n"


def inlined(parts: Iterable[tuple[str, str]], always: Iterable[str] = ()) -> list[str]:
    """Return the texts of a script's `parts` (name of a function or "", text) that are left, in order.

    The functions named in `always` go into each of their callers; the last part is the command.
    """
    return _Inliner(parts, set(always)).run()


class _Inliner:
    """The texts of one script; functions leave it as they are written into their callers."""

    def __init__(self, parts: Iterable[tuple[str, str]], always: set[str]) -> None:
        self._parts = list(parts)
        self._always = always
        self._shared = {name for name, _ in self._parts if name}
        for name, text in self._parts[:-1]:
            if not name:
                self._shared |= declared(text)
        self._count = 0

    def run(self) -> list[str]:
        """Return the texts that are left, in order."""
        left = 0
        while left != len(self._parts):
            left = len(self._parts)
            for name in [name for name, _ in self._parts if name]:
                self._inline(name)
        return [text for _, text in self._parts]

    def _inline(self, name: str) -> None:
        at = next(i for i, (other, _) in enumerate(self._parts) if other == name)
        function = Function.parse(self._parts[at][1])
        calls = values = 0
        for i, (_, text) in enumerate(self._parts):
            if name not in text:
                continue
            pieces = [t for t in tokens(text) if t.kind != "space"]
            for j, token in enumerate(pieces):
                if token.variable and token.text == name and not (j and pieces[j - 1].text == "function"):
                    is_call = j + 1 < len(pieces) and pieces[j + 1].text == "(" and i != at
                    calls, values = calls + is_call, values + (not is_call)
        expression = function.expression
        if values or (calls > 1 and name not in self._always and expression is None):
            return
        left = 0
        for i, (other, text) in enumerate(self._parts):
            if i != at:
                text, stayed = self._replace(function, expression, text)
                self._parts[i] = other, text
                left += stayed
        if not left:
            del self._parts[at]

    def _replace(self, function: Function, expression: str | None, text: str) -> tuple[str, int]:
        """Write the function into one text, call by call; return the text and how many calls stayed."""
        if function.name + "(" not in text:
            return text, 0
        own = declared(text) if text.startswith("local function") or text is self._parts[-1][1] else frozenset[str]()
        free = {t.text for t in tokens(function.body) if t.variable} - declared(function.body)
        free -= set(function.parameters)
        stayed = 0
        place = 0
        call = re.compile(rf"(?<![\w.:]){function.name}\(")
        while match := call.search(text, place):
            values, end = arguments(text, match.end() - 1)
            new: str | None = None
            begin = match.start()
            if not free & own & self._shared:
                begin = text.rfind("\n", 0, match.start()) + 1
                site = _SITE.match(text[begin : match.start()])
                line_ends = text[end : end + 1] in ("\n", "")
                if expression is not None:
                    new = self._expression(function, expression, values)
                    begin = match.start()
                elif site and line_ends:
                    new = self._statement(function, values, site)
            if new is None:
                stayed += 1
                place = match.end()
            else:
                text = text[:begin] + new + text[end:]
                place = begin
        return text, stayed

    def _expression(self, function: Function, expression: str, values: list[str]) -> str | None:
        names = dict.fromkeys(function.parameters, "nil") | dict(zip(function.parameters, values, strict=False))
        for parameter, value in names.items():
            uses = sum(t.variable and t.text == parameter for t in tokens(expression))
            if not re.match(r"^(?:[\w.]+|'(?:\\.|[^'\\])*')$", value):
                if uses > 1:
                    return None
                names[parameter] = f"({value})"
        return f"({renamed(expression, names)})"

    def _statement(self, function: Function, values: list[str], site: re.Match[str]) -> str | None:
        self._count += 1
        targets = site["targets"].split(", ") if site["targets"] else []
        names = {name: f"{name}_{self._count}" for name in declared(function.body)}
        bound: list[tuple[str, str]] = []
        for i, parameter in enumerate(function.parameters):
            value = values[i] if i < len(values) else "nil"
            if _SIMPLE.match(value) and value not in targets and not assigned(function.body, parameter):
                names[parameter] = value
            else:
                names[parameter] = f"{parameter}_{self._count}"
                bound.append((names[parameter], value))
        body = renamed(function.body, names)
        head = ""
        if bound:
            left, right = ", ".join(name for name, _ in bound), ", ".join(value for _, value in bound)
            head = f"local {left} = {right}\n"
        if site["give"]:
            returns = Returns(body, ())
            tail = "" if not returns.falls_through else "\nreturn"
            return f"do\n{head}{body}\nend{tail}"
        returns = Returns(body, targets)
        if not returns.possible:
            return None
        if targets and returns.falls_through and not site["fresh"]:
            head += f"{', '.join(targets)} = nil\n"
        first = f"local {', '.join(targets)}\n" if site["fresh"] else ""
        loop = ("repeat", "until true") if returns.breaks else ("do", "end")
        return f"{first}{loop[0]}\n{head}{returns.text}\n{loop[1]}"
