"""What every command goes through: one script call by an actor, and the time of the timers it armed."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.errors import Code, DispatcherError, Repeated
from dispatcher.model import Actor, Role
from dispatcher.store.runner import Runner

LIST_LIMIT_MAX = 100


class Commands:
    """A group of commands on one store; `Dispatcher` has them all."""

    def __init__(self, runner: Runner, on_due: Callable[[str, int], None] | None = None) -> None:
        self.runner = runner
        self.on_due = on_due

    async def _run(self, script: str, actor: Actor, **arguments: str | int) -> str:
        try:
            reply = await self.runner.run(
                script,
                actor.tenant,
                actor=actor.user_id,
                client=actor.client,
                request_id=actor.request_key or actor.request_id,
                supervisor=int(actor.is_supervisor),
                **arguments,
            )
        except DispatcherError as error:
            if error.code is Code.OUTCOME_UNKNOWN:
                # It may have armed a timer that nobody has heard of.
                self._tell_due(actor.tenant, 0)
            raise
        if reply.repeated:
            raise Repeated
        if reply.due_at is not None:
            self._tell_due(actor.tenant, reply.due_at)
        return reply.body

    def _tell_due(self, tenant: str, due_at: int) -> None:
        if self.on_due is not None:
            self.on_due(tenant, due_at)


def require(actor: Actor, role: Role) -> None:
    """Refuse an actor below `role`, in the order customer, agent, supervisor, admin."""
    order = list(Role)
    if not any(order.index(own) >= order.index(role) for own in actor.roles):
        raise DispatcherError(Code.API_NO_PERMISSION, f"needs the role {role.value}")
