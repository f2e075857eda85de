"""Boards: what changed about a tenant's agents and queues, for those who watch all of it.

Between two frames everything about one agent or queue comes down to its last word, so a board costs by how many there
are of them and not by how much happens. What is told is read from the log: nothing of it can be missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from itertools import islice
from typing import Any, Protocol

from dispatcher.events.clock import Clock, until
from dispatcher.events.follow import Spawn
from dispatcher.events.frames import encode, now_ms
from dispatcher.events.log import Part
from dispatcher.events.member import Member
from dispatcher.model import LogEntry

INTERVAL_S = 1.0
ENTRIES_AT_ONCE = 1000
CHANGES_MAX = 2000
"""Changes in one frame; what is more than that comes in the next ones, the oldest first."""

Subject = tuple[str, ...]


class Source(Protocol):
    """What a board needs of the logs."""

    async def begin(self, tenant: str) -> str:
        """Return the cursor of the newest entry."""

    def follow(self, tenant: str, since: str, *, limit: int, bell: asyncio.Event | None) -> AsyncGenerator[Part, None]:
        """Yield what is added after `since`."""


class Boards:
    """The boards of one kind of a node: one for each tenant that somebody here watches."""

    def __init__(self, logs: Source, spawn: Spawn, make: Callable[[str, Source, Clock], Board] | None = None) -> None:
        self._logs = logs
        self._spawn = spawn
        self._make = make or Board
        self._boards: dict[str, Board] = {}

    async def join(self, member: Member, clock: Clock) -> None:
        """Tell a member from now on what changes. Errors: UNAVAILABLE.

        What he lists afterwards, and every later frame, together are the whole truth.
        """
        tenant = member.actor.tenant
        since = await self._logs.begin(tenant)
        if member.left:
            return
        board = self._boards.get(tenant)
        if board is None:
            board = self._boards[tenant] = self._make(tenant, self._logs, clock)
            board.task = self._spawn(board.run(since), f"board:{tenant}")
        board.members.add(member)

    def leave(self, member: Member) -> None:
        """Tell a member nothing more. Whoever watches no board may leave too."""
        board = self._boards.get(member.actor.tenant)
        if board is None:
            return
        board.members.discard(member)
        if not board.members:
            del self._boards[member.actor.tenant]
            if board.task is not None:
                board.task.cancel()


class Board:
    """One tenant's board: `pending` is what is to be told, by what it is about."""

    def __init__(self, tenant: str, logs: Source, clock: Clock) -> None:
        self.tenant = tenant
        self.members: set[Member] = set()
        self.task: asyncio.Task[None] | None = None
        self.pending: dict[Subject, dict[str, Any]] = {}
        self._logs = logs
        self._clock = clock

    async def run(self, since: str) -> None:
        """Tell at most one frame per second, until cancelled or nobody is left."""
        bell = asyncio.Event()
        async with aclosing(self._logs.follow(self.tenant, since, limit=ENTRIES_AT_ONCE, bell=bell)) as parts:
            async for part in parts:
                if not self.members:
                    # Cancelled, but redis-py lost it (see `dispatcher.tasks`): nobody joins a board that was left.
                    return
                self.fold(part.entries)
                if len(part.entries) < ENTRIES_AT_ONCE and self.pending:
                    next_at = self._clock.time() + INTERVAL_S
                    self._tell()
                    await until(self._clock, next_at)
                    if self.pending:
                        bell.set()

    def fold(self, entries: Iterable[LogEntry]) -> None:
        """Add what entries say about agents and queues, the last word about each replacing the one before."""
        for entry in entries:
            for event in entry.events:
                subject = self.subject(event.event, event.data)
                if subject:
                    data = event.data
                    if subject in self.pending and event.event == "agent.changed":
                        # From what he was when they last heard of him to what he is.
                        data = data | {"old_state": self.pending[subject]["data"]["old_state"]}
                    self.pending[subject] = {"event": event.event, "data": data}

    def _tell(self) -> None:
        subjects = list(islice(self.pending, CHANGES_MAX))
        self.tell([self.pending.pop(subject) for subject in subjects])

    def subject(self, event: str, data: dict[str, Any]) -> Subject | None:
        """Return what an event of this board is about; None: it is not for it."""
        if event == "agent.changed":
            return event, data["agent_id"]
        if event == "agent.service":
            return event, data["agent_id"], data["queue_id"]
        if event in {"queue.changed", "queue.deleted"}:
            return "queue", data["queue_id"]
        return None

    def tell(self, events: list[dict[str, Any]]) -> None:
        """Send events to the members."""
        text = changes_frame(events)
        agents = {event["data"].get("agent_id") for event in events}
        for member in tuple(self.members):
            own = member.actor.user_id
            # His token may have been renewed without the role.
            if member.left or not member.actor.is_supervisor:
                continue
            if own not in agents:
                member.sink.send(text)
            elif rest := [event for event in events if event["data"].get("agent_id") != own]:
                # Of himself he hears at once: here it would come again, when it may be true no more.
                member.sink.send(changes_frame(rest))


def changes_frame(events: list[dict[str, Any]]) -> str:
    """Make a frame of events that count in nobody's offset."""
    return encode({"events": events, "at": now_ms()})
