"""Event frames as texts. A frame from Redis is passed on as it is; only what this node adds is encoded here."""

from __future__ import annotations

import time
from typing import Any

import orjson
from pydantic import BaseModel


def encode(value: Any) -> str:
    """Encode plain values and models as JSON; a model shows the members that the script gave, as over HTTP."""
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    raise TypeError(type(value).__name__)


def now_ms() -> int:
    """Return this node's time, for the `at` of frames that it makes itself."""
    return int(time.time() * 1000)


def frame(event: str, data: Any, **members: Any) -> str:
    """Make a frame with one event; `members` stand beside it (offset, epoch)."""
    return encode({"events": [{"event": event, "data": data}], **members, "at": now_ms()})


def with_epoch(text: str, epoch: str) -> str:
    """Add the epoch to a frame from Redis, which ends in `}`, without decoding it."""
    return f"{text[:-1]},{encode({'epoch': epoch})[1:-1]}}}"
