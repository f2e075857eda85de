"""A queue with local interest: forwards who enters and leaves, and paces its status and positions.

The channel `about:<queue>` is a doorbell: it carries entered and left, and rings at every change of the
counts. What follows is read from Redis at a bounded pace, once per queue and node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from dispatcher.errors import Code, DispatcherError
from dispatcher.events.cadence import Budget, Cadence
from dispatcher.events.clock import Clock, Timer, until
from dispatcher.events.frames import encode, frame, plain
from dispatcher.events.member import Engine, Member
from dispatcher.model import Actor, Role

log = structlog.get_logger(__name__)

AGENTS, CUSTOMERS, POSITIONS = range(3)
INTERVALS_S = (0.2, 2.0, 1.0)
"""Status to agents and watchers at most 5 a second, to those who wait one in 2 s; a look at positions each second."""
READS_AT_ONCE = 100
"""Positions that one script finds."""
READS_PER_S = 20_000
"""Positions that a node finds: with more customers than that due, they hear of theirs less often."""
RETRY_S = 1.0
LINE_EVENTS = frozenset({"contact.entered", "contact.left"})
"""What those who serve a queue are told of its contacts."""


Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


def position_pace_s(position: int) -> float:
    """Return how long a customer's position may stay unread: who is near the head hears more often."""
    if position <= 100:
        return 1.0
    return 5.0 if position <= 1000 else 30.0


class Watch:
    """One queue: the local members interested in it, in groups, and what they are told (who only expects: nothing)."""

    def __init__(self, tenant: str, queue_id: str, engine: Engine, clock: Clock, spawn: Spawn, budget: Budget) -> None:
        self.tenant = tenant
        self.queue_id = queue_id
        self.serving: set[Member] = set()
        self.waiting: set[Member] = set()
        self.watching: set[Member] = set()
        self.expecting: set[Member] = set()
        self.live = False
        self.subscribed: asyncio.Task[None] | None = None
        self.seq: int | None = None
        self.bells = 0
        self._engine = engine
        self._clock = clock
        self._spawn = spawn
        self._budget = budget
        self._cadence = Cadence(INTERVALS_S)
        self._busy: set[int] = set()
        self._timer: Timer | None = None
        self._closed = False
        # The node itself reads the status: it is for everybody.
        self._node = Actor(tenant=tenant, user_id="", roles=frozenset({Role.SUPERVISOR}))

    @property
    def wanted(self) -> bool:
        """Whether anybody here is interested."""
        return bool(self.serving or self.waiting or self.watching or self.expecting)

    def place(self, member: Member) -> None:
        """Put a member into the groups that its interest names, and take it out of the others."""
        before = self._groups(member)
        groups = (self.serving, self.watching, self.waiting, self.expecting)
        for group, queues in zip(groups, member.interest, strict=True):
            (group.add if self.queue_id in queues and not member.left else group.discard)(member)
        if self.live and self._groups(member) != before:
            self.ring()

    def _groups(self, member: Member) -> tuple[bool, bool, bool]:
        return member in self.serving, member in self.watching, member in self.waiting

    def close(self) -> None:
        """Stop every timer and job."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self.subscribed is not None:
            self.subscribed.cancel()

    def opened(self) -> None:
        """Note that the channel is subscribed: what entered before was not seen by those who already listen.

        Nobody does if the subscription came before the interest: see `Hub.expect`.
        """
        self.live = True
        self.resync()

    def take(self, entry: dict[str, Any]) -> None:
        """Take one entry of the channel."""
        seq = int(entry["queues"][self.queue_id])
        expected = self.seq is None or seq == self.seq + 1
        self.seq = seq
        if not expected:
            self.resync()
        elif self.serving:
            events = [plain(event) for event in entry["events"] if self._concerns(event)]
            if events:
                about = {"queue_id": self.queue_id, "queue_seq": seq, "at": entry["at"]}
                _send(self.serving, encode({"events": events, **about}))
        self.ring()

    def _concerns(self, event: dict[str, Any]) -> bool:
        return event["event"] in LINE_EVENTS and event["data"]["queue_id"] == self.queue_id

    def resync(self, seq: int | None = None) -> None:
        """Ask those who follow the queue to list it again; continue behind `seq`."""
        self.seq = seq if seq is not None else self.seq
        _send(self.serving | self.watching, frame("queue.resync", {"queue_id": self.queue_id}))
        self.ring()

    def lost(self) -> None:
        """Note that messages may be missing."""
        self.seq = None
        self.resync()

    def ring(self) -> None:
        """Note a change of the counts."""
        self.bells += 1
        self._cadence.ring()
        self._plan()

    def _plan(self) -> None:
        """Set the timer to the next audience that is due, or run at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._cadence.next_at(self._busy)
        if when is None or self._closed:
            return
        if when <= self._clock.time():
            self._run()
        else:
            self._timer = self._clock.call_at(when, self._plan)

    def _run(self) -> None:
        now = self._clock.time()
        due = self._cadence.due(now, self._busy)
        told = [audience for audience in due if self._audience(audience)]
        for audience in due:
            if audience in told:
                self._cadence.told(audience, now)
            else:
                self._cadence.forget(audience)
        status = [audience for audience in told if audience != POSITIONS]
        if status:
            self._start(self._tell_status(status), status, "status")
        if POSITIONS in told:
            self._start(self._tell_positions(now), [POSITIONS], "positions")
        self._plan()

    def _start(self, job: Coroutine[Any, Any, None], audiences: list[int], name: str) -> None:
        self._busy.update(audiences)

        def done(_: asyncio.Task[None]) -> None:
            self._busy.difference_update(audiences)
            self._plan()

        self._spawn(job, f"watch:{self.queue_id}:{name}").add_done_callback(done)

    def _audience(self, audience: int) -> set[Member]:
        return self.serving | self.watching if audience == AGENTS else self.waiting

    async def _tell_status(self, audiences: list[int]) -> None:
        """Count the queue once, and send the same text to everybody who is due."""
        try:
            status = await self._engine.get_queue_status(self._node, self.queue_id)
        except DispatcherError as error:
            if error.code is not Code.QUE_ID_INVALID:
                log.warning("status.failed", tenant=self.tenant, queue=self.queue_id, code=error.code.name)
                for audience in audiences:
                    self._cadence.hold(audience, self._clock.time() + RETRY_S)
            return
        text = frame("queue.status", status)
        _send({member for audience in audiences for member in self._audience(audience)}, text)

    async def _tell_positions(self, now: float) -> None:
        """Find the positions that are due; whoever is not due yet is looked at again in a second."""
        behind = [member for member in self.waiting if member.joined and member.info_bell < self.bells]
        # Whoever has waited longest for news comes first, wherever the reading was left off the last time.
        due = sorted((member for member in behind if member.info_at <= now), key=lambda member: member.info_at)
        try:
            for begin in range(0, len(due), READS_AT_ONCE):
                batch = due[begin : begin + READS_AT_ONCE]
                await until(self._clock, self._budget.reserve(len(batch), self._clock.time()))
                await self._tell_batch([member for member in batch if member in self.waiting], now)
        except DispatcherError as error:
            log.warning("position.failed", tenant=self.tenant, queue=self.queue_id, code=error.code.name)
            self._cadence.hold(POSITIONS, self._clock.time() + RETRY_S)
        if len(due) < len(behind):
            self._cadence.ring(POSITIONS)

    async def _tell_batch(self, members: list[Member], now: float) -> None:
        waits = [member.waits for member in members]
        bells = self.bells
        found = await self._engine.get_positions(self.tenant, self.queue_id, waits)
        for member, contact_id, position in zip(members, waits, found.positions, strict=True):
            if member.waits != contact_id:
                continue
            member.info_bell = bells
            if position is not None and member in self.waiting:
                # From the look on, not from the answer: else the next look would come a moment too early for it.
                member.info_at = now + position_pace_s(position)
                self._tell_position(member, position, found.at)

    def _tell_position(self, member: Member, position: int, at: int) -> None:
        if member.told != (self.queue_id, position):
            member.told = (self.queue_id, position)
            _send([member], frame("queuing.info", queuing_info(self.queue_id, position, member.waits, at)))


def queuing_info(queue_id: str, position: int, contact_id: str, at: int) -> dict[str, Any]:
    """Return the data of `queuing.info`. A contact's id begins with the time (ms) it waits since.

    No `estimated_wait_s`: how long it takes from here nobody knows who has not counted what was served before.
    """
    return {
        "queue_id": queue_id,
        "position": position,
        "queuing_time_s": max(0, at - int(contact_id[:13])) // 1000,
    }


def _send(members: Iterable[Member], text: str) -> None:
    for member in members:
        if member.joined and not member.left:
            member.sink.send(text)
