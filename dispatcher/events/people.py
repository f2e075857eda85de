"""Who is there, in a call, busy or idle: told to those who watch users.

A board like the others, whose events a tenant tells only for a while after it was asked to: so it is asked again and
again as long as somebody here watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from dispatcher.errors import DispatcherError
from dispatcher.events.board import Board, Boards, Source, Subject, changes_frame
from dispatcher.events.clock import Clock, until
from dispatcher.events.follow import Spawn
from dispatcher.events.member import Member
from dispatcher.model import Actor, Role, UserStatus
from dispatcher.tasks import end

log = structlog.get_logger(__name__)

RENEW_S = 20.0
"""A third of the time for which a tenant tells after it was asked."""
RETRY_S = 1.0


class Asked(Protocol):
    """What watching users asks the dispatcher for."""

    async def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[UserStatus]:
        """Have changes told for a minute; read the status of some."""


class People:
    """Those on this node who watch users: `member.people` says whom (None: everybody)."""

    def __init__(self, engine: Asked, logs: Source, spawn: Spawn, renew_s: float = RENEW_S) -> None:
        self._engine = engine
        self._boards = Boards(logs, spawn, lambda *about: StatusBoard(*about, engine=engine, renew_s=renew_s))

    async def watch(self, member: Member, user_ids: Sequence[str] | None, clock: Clock) -> list[UserStatus]:
        """Tell a member from now on of exactly these users; return how they are.

        Errors: API_NO_PERMISSION, UNAVAILABLE.
        """
        await self._engine.watch_users(member.actor, ())
        await self._boards.join(member, clock)
        member.people = None if user_ids is None else frozenset(user_ids)
        return await self._engine.watch_users(member.actor, user_ids or ())

    def leave(self, member: Member) -> None:
        """Tell a member nothing more."""
        member.people = frozenset()
        self._boards.leave(member)


class StatusBoard(Board):
    """The status of one tenant's users: each member gets those whom he watches."""

    def __init__(self, tenant: str, logs: Source, clock: Clock, *, engine: Asked, renew_s: float) -> None:
        super().__init__(tenant, logs, clock)
        self._engine = engine
        self._renew_s = renew_s
        # The node itself asks: it is for everybody here.
        self._node = Actor(tenant=tenant, user_id="", roles=frozenset({Role.SUPERVISOR}))

    async def run(self, since: str) -> None:
        """Tell, and have it told, until cancelled."""
        renewing = asyncio.create_task(self._renew_for_ever(), name=f"people:{self.tenant}")
        try:
            await super().run(since)
        finally:
            await end([renewing])

    async def _renew_for_ever(self) -> None:
        pause_s = self._renew_s
        while True:
            await until(self._clock, self._clock.time() + pause_s)
            try:
                await self._engine.watch_users(self._node, ())
                pause_s = self._renew_s
            except DispatcherError as error:
                log.warning("people.renew_failed", tenant=self.tenant, code=error.code.name)
                pause_s = RETRY_S

    def subject(self, event: str, data: dict[str, Any]) -> Subject | None:
        """Return whom an event is about."""
        return (data["user_id"],) if event == "user.status" else None

    def tell(self, events: list[dict[str, Any]]) -> None:
        """Send each member what is about those whom he watches."""
        everything = changes_frame(events)
        for member in tuple(self.members):
            if member.people is None:
                member.sink.send(everything)
            elif wanted := [event for event in events if event["data"]["user_id"] in member.people]:
                member.sink.send(changes_frame(wanted))
