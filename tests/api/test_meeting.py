"""A meeting is any JSON that every reader of JSON takes; what is none is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatcher.meeting import MEETING_BYTES_MAX, MEETING_DEPTH_MAX, meeting_json
from dispatcher.model import Role
from dispatcher.store.connect import Store
from tests.api.doors import doors


def nested(levels: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


GOOD: list[Any] = [
    None,
    "",
    "x" * (MEETING_BYTES_MAX - 2),
    'жук \u2028 \x00 "\\',
    -(2**63),
    2**63 - 1,
    1.5e300,
    True,
    {"": {"a": [None, {"b": []}]}},
    nested(MEETING_DEPTH_MAX),
]


@pytest.mark.parametrize("meeting", GOOD, ids=lambda meeting: repr(meeting)[:30])
def test_a_meeting_is_written_as_it_is(meeting: Any) -> None:
    text = meeting_json(meeting)
    assert json.loads(text) == meeting
    assert "\n" not in text


BAD: list[Any] = [
    "x" * (MEETING_BYTES_MAX - 1),
    "é" * (MEETING_BYTES_MAX // 2),
    2**63,
    [-(2**63) - 1],
    {"x": [10**4000]},
    float("nan"),
    [float("-inf")],
    "\ud800",
    {"\udfff": 1},
    nested(MEETING_DEPTH_MAX + 1),
]


@pytest.mark.parametrize("meeting", BAD, ids=lambda meeting: repr(meeting)[:30])
def test_a_meeting_that_some_reader_would_not_take_is_refused(meeting: Any) -> None:
    with pytest.raises(ValueError, match=r"is |has |Out of range"):
        meeting_json(meeting)


BODIES = [
    "NaN",
    "[Infinity]",
    "1" * 400,
    "1e999",
    '"\\ud800"',
    "[" * 50 + "]" * 50,
    "[" * 5000 + "]" * 5000,
    '{"a":' * 500 + "1" + "}" * 500,
    '"' + "x" * 5000 + '"',
]


@pytest.mark.parametrize("text", BODIES, ids=lambda text: text[:20])
async def test_at_the_door(store: Store, text: str) -> None:
    async with doors(store) as door:
        headers = door.as_("ann", Role.AGENT) | {"Content-Type": "application/json"}
        answer = await door.post("/v1/calls", content='{"callee": "bob", "meeting": ' + text + "}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERR"), answer.text
