"""One session on this node: what was delivered to it, and what it is interested in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from dispatcher.events.frames import Frame
from dispatcher.model import Actor, ContactState, Positions, Snapshot, UserStatus

BUFFER_FRAMES = 1000
"""Frames kept while a snapshot is read; with more of them, the gap they leave asks for another snapshot."""

_WAITING = frozenset({ContactState.WAITING, ContactState.HELD})


class Sink(Protocol):
    """Where a session's frames go. Nothing here blocks."""

    def send(self, text: str) -> None:
        """Take one frame."""

    def replaced(self) -> None:
        """Close, after what was sent: a newer session of the user took over."""

    def disowned(self) -> None:
        """Close, after what was sent: Redis no longer knows the session."""


class Engine(Protocol):
    """What the hub asks the dispatcher for."""

    async def open_session(self, actor: Actor, session_id: str, node_id: str, *, watch: bool = False) -> Snapshot:
        """Make it the user's session."""

    async def get_snapshot(self, actor: Actor) -> Snapshot:
        """Read everything about the actor in one step."""

    async def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[UserStatus]:
        """Have changes of users' status told for a minute; read that of some."""

    async def get_queue_status(self, actor: Actor, queue_id: str) -> Any:
        """Count a queue."""

    async def get_positions(self, tenant: str, queue_id: str, contact_ids: Sequence[str]) -> Positions:
        """Find where at most 100 contacts of a queue stand."""


class Member:
    """A session: its offset under its epoch, its buffer while a snapshot is read, its queues.

    `buffer` is None while frames are delivered as they come; `messages` came before it had joined; `stale` asks for
    a snapshot newer than the one that is being read. `expects` are queues that it is about to serve or watch,
    subscribed before it does; `people` those of whose status it is told (None: everybody). `waits` is the contact
    that waits, and `told` where it was last said to stand (queue, position); its next position is read at `info_at`
    at the earliest, if the queue has rung more often than `info_bell`.
    """

    __slots__ = (
        "actor",
        "buffer",
        "epoch",
        "expects",
        "info_at",
        "info_bell",
        "joined",
        "left",
        "lock",
        "messages",
        "offset",
        "people",
        "repair",
        "repairing",
        "serves",
        "session_id",
        "sink",
        "stale",
        "told",
        "waits",
        "waits_in",
        "watches",
        "watching",
    )

    def __init__(self, actor: Actor, session_id: str, sink: Sink, *, watching: bool = False) -> None:
        self.actor = actor
        self.session_id = session_id
        self.sink = sink
        self.watching = watching
        self.offset = 0
        self.epoch = ""
        self.buffer: list[Frame] | None = []
        self.messages: list[str] = []
        self.lock = asyncio.Lock()
        self.joined = False
        self.left = False
        self.repairing = False
        self.repair: asyncio.Task[None] | None = None
        self.stale = False
        self.serves: frozenset[str] = frozenset()
        self.watches: frozenset[str] = frozenset()
        self.expects: frozenset[str] = frozenset()
        self.people: frozenset[str] | None = frozenset()
        self.waits_in: str | None = None
        self.waits = ""
        self.told: tuple[str, int | None] = ("", None)
        self.info_at = 0.0
        self.info_bell = 0

    @property
    def queues(self) -> frozenset[str]:
        """All queues it is interested in."""
        own = self.serves | self.watches | self.expects
        return own if self.waits_in is None else own | {self.waits_in}

    @property
    def interest(self) -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
        """The queues it serves, watches, waits in, expects."""
        waits_in = frozenset() if self.waits_in is None else frozenset({self.waits_in})
        return self.serves, self.watches, waits_in, self.expects

    def keep(self, told: Frame) -> bool:
        """Keep a frame for later, if a snapshot is being read."""
        if self.buffer is None:
            return False
        if len(self.buffer) >= BUFFER_FRAMES:
            self.buffer.clear()
        self.buffer.append(told)
        return True

    def keep_message(self, text: str) -> None:
        """Keep a message until the session has joined: who sent it was told that the user is there."""
        if len(self.messages) < BUFFER_FRAMES:
            self.messages.append(text)

    def learn_snapshot(self, snapshot: Snapshot) -> None:
        """Take offset, epoch and interest from a snapshot."""
        self.offset = snapshot.offset
        self.epoch = snapshot.epoch
        agent, contact = snapshot.agent, snapshot.contact
        self.serves = frozenset(service.queue_id for service in agent.queues) if agent else frozenset()
        if contact is not None and contact.state in _WAITING:
            self._waits(contact.contact_id, contact.queue_id, contact.position)
        else:
            self.waits_in = None

    def learn(self, events: list[dict[str, Any]]) -> None:
        """Take interest from events addressed to the user, wherever the command came from."""
        for event in events:
            name, data = event["event"], event["data"]
            if name == "agent.service":
                queue = {data["queue_id"]}
                self.serves = self.serves | queue if data["serving"] else self.serves - queue
                self.expects -= queue
            elif name in {"contact.entered", "contact.returned", "contact.held", "contact.resumed"}:
                self._waits(data["contact_id"], data["queue_id"], data.get("position"))
            elif name in {"contact.matched", "contact.serving", "contact.ended"}:
                self.waits_in = None

    def _waits(self, contact_id: str, queue_id: str, position: int | None) -> None:
        self.waits_in, self.waits = queue_id, contact_id
        # An event without a position (it may leave it to `queuing.info`) makes the next one news.
        self.told = (queue_id, position)
        self.info_at = 0.0
