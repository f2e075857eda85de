"""What the tables promise of each name, read from the SDK and from its page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.house.tree import ROOT

WRITTEN_OUT = {
    "{queID, agent_num, wait_num, srv_num}": "queStatus",
    "[{userID, userStatus, DNDType}]": "userStatuses",
}
"""How the page writes two arguments that the SDK has a word for."""
ERRORS = {0, 5, 7, 8, 10, 12, 18, 20, 21, 23, 204, *range(400, 405), *range(600, 607), *range(9000, 9014)}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _que_id(value: Any) -> bool:
    """A queue's id that looks like a number arrives as one."""
    return _number(value) or (_id(value) and not value.isdigit())


def _members(names: set[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and value.keys() == names


def _of_queue(*names: str) -> Callable[[Any], bool]:
    return lambda value: _members({"queID", *names})(value) and _que_id(value["queID"])


def _user_status(value: Any) -> bool:
    return _members({"userID", "userStatus", "DNDType"})(value) and value["userStatus"] in range(4)


KINDS: dict[str, Callable[[Any], bool]] = {
    "userID": _id,
    "callerID": _id,
    "taskID": _id,
    # Empty where there was no call to fail; see `people`.
    "callID": _text,
    "cookie": lambda value: value is None or _text(value),
    "sdkErr": lambda value: value in ERRORS,
    "queID": _que_id,
    "queStatus": _of_queue("agent_num", "wait_num", "srv_num"),
    "queUser": _of_queue("userID", "nickname", "queuingTime", "usrExtDat"),
    "queuingInfo": _of_queue("position", "queuingTime"),
    "userStatus": _user_status,
    "userStatuses": lambda value: isinstance(value, list) and all(map(_user_status, value)),
    "meetObj": lambda value: isinstance(value, dict),
    "usrExtDat": _text,
    "data": _text,
    "inService": lambda value: isinstance(value, bool),
}


def broken(arguments: str, told: list[Any]) -> bool:
    """Whether a callback was told something else than `arguments`, the names of the SDK's table, promise."""
    names = arguments.split()
    return len(told) != len(names) or not all(KINDS[name](value) for name, value in zip(names, told, strict=True))


def page() -> str:
    return (ROOT / "api" / "web" / "README.md").read_text()


def named_in_the_page() -> set[str]:
    """Every CRVideo_ name of api/web/README.md."""
    return set(re.findall(r"CRVideo_\w+", page()))


def written_in_the_page() -> dict[str, str]:
    """Each name's arguments as the tables of api/web/README.md have them."""
    tables = "\n".join(line for line in page().splitlines() if line.startswith("| `"))
    for text, word in WRITTEN_OUT.items():
        tables = tables.replace(text, word)
    return {name: args.replace(",", "") for name, args in re.findall(r"`(CRVideo_\w+)\(([^()]*)\)", tables)}
