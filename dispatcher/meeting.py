"""A call's meeting: opaque JSON, as the programs of the two who meet understand it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue

MEETING_BYTES_MAX = 4096
MEETING_DEPTH_MAX = 32


def meeting_json(meeting: Any) -> str:
    """Write a meeting as JSON. ValueError where it is longer than 4 KB, or has what not every reader of JSON takes."""
    _check(meeting, 1)
    text = json.dumps(meeting, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ValueError("is not valid Unicode") from error
    if size > MEETING_BYTES_MAX:
        raise ValueError(f"is longer than {MEETING_BYTES_MAX} bytes as JSON")
    return text


def _check(value: Any, depth: int) -> None:
    """Refuse values nested too deep, and integers beyond 64 bits."""
    if depth > MEETING_DEPTH_MAX:
        raise ValueError(f"is nested deeper than {MEETING_DEPTH_MAX} levels")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("has an integer beyond 64 bits")
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _check(part, depth + 1)


def _checked(value: Any) -> Any:
    meeting_json(value)
    return value


Meeting = Annotated[JsonValue, AfterValidator(_checked)]
"""At most 4 KB as JSON, 32 levels deep."""
