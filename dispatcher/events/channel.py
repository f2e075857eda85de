"""A channel as the feed sees it: whether somebody wants it, and how far the server is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto


class State(Enum):
    """How far the server is with a channel."""

    ABSENT = auto()
    SUBSCRIBING = auto()
    PRESENT = auto()
    UNSUBSCRIBING = auto()


@dataclass(slots=True, eq=False)
class Channel:
    """A channel: whether somebody wants it, and how far the server is. One request is under way at a time."""

    name: str
    wanted: bool = True
    state: State = State.ABSENT
    lost: bool = False
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
