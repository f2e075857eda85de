"""Event frames as texts. A frame from Redis is passed on as it is; only what this node adds is encoded here."""

from __future__ import annotations

import time
from typing import Any

import orjson
from pydantic import BaseModel


def wire(value: Any) -> Any:
    """Return a model as plain values. A member that is absent (None by its default) is left out."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: wire(member)
            for name, member in value
            if member is not None or name not in fields or fields[name].is_required()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {name: wire(item) for name, item in value.items()}
    return value


def encode(value: Any) -> str:
    """Encode plain values and models as JSON."""
    return orjson.dumps(wire(value)).decode()


def now_ms() -> int:
    """Return this node's time, for the `at` of frames that it makes itself."""
    return int(time.time() * 1000)


def frame(event: str, data: Any, **members: Any) -> str:
    """Make a frame with one event; `members` stand beside it (offset, epoch)."""
    return encode({"events": [{"event": event, "data": data}], **members, "at": now_ms()})


def with_epoch(text: str, epoch: str) -> str:
    """Add the epoch to a frame from Redis, which ends in `}`, without decoding it."""
    return f"{text[:-1]},{encode({'epoch': epoch})[1:-1]}}}"
