"""What all commands of the reference model share: once per request id, events collected, changes of state told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from dispatcher.errors import Repeated
from dispatcher.model import Actor
from tests.model import views
from tests.model.state import QueueState, Refused, UserState, WatchState
from tests.model.world import World

Result = dict[str, Any]
DoneT = TypeVar("DoneT")
ReplyT = TypeVar("ReplyT")


class Commands(World):
    """The frame of every command."""

    @contextmanager
    def _command(self) -> Iterator[None]:
        """Collect the events of one command; whose state has changed is said at its end."""
        self.events = []
        before = {user.user_id: (self.is_agent(user), views.board(self, user)) for user in self.users.values()}
        statuses = {user.user_id: self.user_status(user) for user in self.users.values()}
        yield
        self.forget_unable()
        if self.now <= self.watched_until:
            for user in self.users.values():
                status = self.user_status(user)
                if status != statuses.get(user.user_id, ("offline", 0)):
                    self.say("user.status", user.user_id, *status)
        for user in self.users.values():
            assert (user.idle_since is not None) == self.is_ready(user), user
            self._tell(user, *before.get(user.user_id, (False, ("offline", 0, "", 1))))

    def _tell(self, user: UserState, was_agent: bool, old: views.Board) -> None:
        """Note a change of state; tell it of an agent, and tell a change of anybody's settings."""
        new = views.board(self, user)
        if new[0] != old[0]:
            user.since_at = self.now
        if new[1:] != old[1:] or (new[0] != old[0] and (was_agent or self.is_agent(user))):
            since_at = self.now if user.since_at is None else user.since_at
            self.say("agent.changed", user.user_id, old[0], *new, since_at, len(self.load(user)))

    def _once(self, actor: Actor, carry_out: Callable[[], ReplyT]) -> ReplyT:
        """Carry out a changing command once per (user, client, request id); errors are not remembered."""
        return self._once_then(actor, carry_out, lambda reply: reply)

    def _once_for_agent(self, actor: Actor, agent_id: str, carry_out: Callable[[], None]) -> Result:
        """The same for a command that answers an agent, as he is when his change of state has been told."""
        return self._once_then(actor, carry_out, lambda _: views.agent(self, self.users[agent_id]))

    def _once_then(self, actor: Actor, carry_out: Callable[[], DoneT], answer: Callable[[DoneT], ReplyT]) -> ReplyT:
        self.events = []
        self.check_running()
        memory = self._memory(actor)
        if actor.client:
            if memory is None:
                raise Refused("NOT_LOGIN")
            if 0 < actor.request_id < memory.request_id:
                raise Repeated
            if 0 < actor.request_id == memory.request_id:
                return cast(ReplyT, memory.reply)
        try:
            with self._command():
                done = carry_out()
        except Refused:
            self.events = []
            raise
        reply = answer(done)
        if actor.client and actor.request_id and memory is not None:
            memory.request_id, memory.reply = actor.request_id, reply
        return reply

    def _memory(self, actor: Actor) -> UserState | WatchState | None:
        """What remembers the requests of this client: his session, or one of his that watch."""
        user = self.users.get(actor.user_id)
        if user is None:
            return None
        if user.client == actor.client:
            return user
        return next((watch for watch in user.watches if watch.session and watch.client == actor.client), None)

    def check_running(self) -> None:
        """Refuse everything while the tenant is paused."""
        if self.paused:
            raise Refused("UNAVAILABLE")

    def _audit(self, actor: Actor, command: str, subject: str, contact_id: str | None = None) -> None:
        """A supervisor acts for somebody else."""
        if actor.is_supervisor and actor.user_id != subject:
            self.say("audit", actor.user_id, command, subject, contact_id)

    def _queue(self, queue_id: str) -> QueueState:
        if queue_id not in self.queues:
            raise Refused("QUE_ID_INVALID")
        return self.queues[queue_id]

    def _user(self, user_id: str) -> UserState:
        if user_id not in self.users:
            raise Refused("USER_NOT_FOUND")
        return self.users[user_id]
