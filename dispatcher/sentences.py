"""What is wrong with what somebody gave us, in our words: the same at each door and on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dispatcher.model import ASSIGNMENT_PATTERN, CONTACT_PATTERN, TENANT_PATTERN

ERRORS_MAX = 5

_PATTERNS = {
    CONTACT_PATTERN: "must be an id like 1763824800123-0007",
    ASSIGNMENT_PATTERN: "must be an assignment's id, like 1763824800123-0007-1",
    TENANT_PATTERN: "must be 1 to 63 of a-z 0-9 _ - and begin with a letter or digit",
}
_TOO_FEW = "too_short"
_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "there is no such member",
    "string_type": lambda _: "must be text",
    "string_unicode": lambda _: "is not valid Unicode",
    "string_too_short": lambda ctx: _at_least(ctx["min_length"], "character"),
    "string_too_long": lambda ctx: f"is longer than {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: _PATTERNS.get(ctx["pattern"]) or _of_characters(ctx["pattern"]),
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a smaller number",
    "int_from_float": lambda _: "must be a whole number",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "enum": lambda ctx: f"must be {ctx['expected']}",
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    _TOO_FEW: lambda ctx: _at_least(ctx["min_length"], "item"),
    "too_long": lambda ctx: f"has more than {ctx['max_length']} items",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "set_type": lambda _: "must be a list",
    "frozen_set_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "value_error": lambda ctx: str(ctx["error"]),
}
"""What is wrong, in our words, by the type of pydantic's error."""


def dotted(place: Sequence[Any]) -> str:
    """Name a member by its way from the outermost one."""
    return ".".join(str(part) for part in place)


def sentences(errors: Sequence[Any], where: Callable[[Sequence[Any]], str] = dotted, *, whole: str = "args") -> str:
    """Say what pydantic found wrong: which member and why, in our words, without repeating what was sent.

    `whole` names what is checked, for what is wrong with all of it.
    """
    places = [tuple(error["loc"]) for error in errors]
    # A list whose items were refused is also too short without them: one fault, told once.
    told = [
        error
        for error, place in zip(errors, places, strict=True)
        if error["type"] != _TOO_FEW or not any(len(o) > len(place) and o[: len(place)] == place for o in places)
    ]
    return "; ".join(_sentence(error, where(error["loc"]), whole) for error in told[:ERRORS_MAX])


def _sentence(error: Mapping[str, Any], where: str, whole: str) -> str:
    kind = error["type"]
    if kind == "json_invalid":
        return f"{whole}: not JSON, at character {where}"
    if whole == "body" and not where and kind in {"model_attributes_type", "dict_type"}:
        return "body: must be a JSON object, sent as application/json"
    words = _WORDS.get(kind)
    return f"{where[:100] or whole}: {words(error.get('ctx', {})) if words else 'is not valid'}"


def _of_characters(pattern: str) -> str:
    """Say which characters a pattern allows, and how many of them."""
    simple = re.fullmatch(r"\^\[(.+)\]\{(\d+),(\d+)\}\$", pattern)
    if simple is None:
        return "is not of the right form"
    allowed, least, most = simple.groups()
    return f"must be {least} to {most} of {' '.join(re.findall('.-.|.', allowed))}"


def _at_least(count: int, what: str) -> str:
    return "must not be empty" if count == 1 else f"needs at least {count} {what}s"
