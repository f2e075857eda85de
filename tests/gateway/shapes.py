"""What the AsyncAPI document says of a frame, and whether a frame is so."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from api.gateway.asyncapi import document

MADE_UP = 1
"""The `at` of frames that a test put on a channel itself: they carry anything."""

DOCUMENT = document("Dispatcher", "0")


@cache
def _validator(message: str) -> Draft7Validator:
    payload = DOCUMENT["components"]["messages"][message]["payload"]
    return Draft7Validator({"allOf": [payload], "components": DOCUMENT["components"]})


def check(frame: dict[str, Any], cmd: str = "") -> None:
    """Check a frame of a node: events, or the answer to `cmd`. Raises ValidationError."""
    if "events" in frame:
        if frame.get("at", MADE_UP) != MADE_UP:
            _validator("events").validate(frame)
    elif f"{cmd}.answer" in DOCUMENT["components"]["messages"]:
        _validator(f"{cmd}.answer").validate(frame)
    else:
        assert not frame["ok"], "only a command that there is succeeds"
