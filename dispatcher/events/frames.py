"""Event frames as texts: what an entry from Redis tells one user, and what this node adds."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

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


class Frame(NamedTuple):
    """What an entry tells one user: his events, at his offset."""

    offset: int
    events: list[dict[str, Any]]
    at: int

    def text(self, epoch: str) -> str:
        """Encode it for a session."""
        return encode({"events": self.events, "offset": self.offset, "epoch": epoch, "at": self.at})


def frame_for(user_id: str, entry: dict[str, Any]) -> Frame:
    """Take from an entry what it tells a user."""
    events = [plain(event) for event in entry["events"] if user_id in event.get("to", ())]
    return Frame(entry["offsets"][user_id], events, entry["at"])


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of an entry as clients know it: without whom it is told to."""
    return {"event": event["event"], "data": event["data"]}
