"""The engine: one method per command, each one script call. The only object the doors use.

A command goes door → `Dispatcher` → script. What an actor may do is decided here where his role is
enough to tell, and in the script where the state is needed (an assignment belongs to its agent).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from dispatcher.accounts import AccountCommands
from dispatcher.calls import CallCommands
from dispatcher.commands import LIST_LIMIT_MAX, require
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import (
    SERVED_QUEUES_MAX,
    Actor,
    Agent,
    Assignment,
    Contact,
    Page,
    Positions,
    Presence,
    Queue,
    QueueCreate,
    QueuePatch,
    QueueStatus,
    Role,
    Service,
    Snapshot,
)
from dispatcher.tenancy import QueueRecord
from dispatcher.tenants import TenantCommands

_RECORDS = TypeAdapter(list[QueueRecord])


class Dispatcher(TenantCommands, AccountCommands, CallCommands):
    """The commands of the dispatcher on one store.

    Every method raises `DispatcherError` with a code of the closed set. `on_due(tenant, due_at)` is told the
    time (epoch ms) of the earliest timer that a command armed, so that this node can tick it in time.
    """

    # Queues

    async def create_queue(self, actor: Actor, queue: QueueCreate) -> Queue:
        """Create a queue. Errors: QUEUE_EXISTS (its id or name), API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        fields = queue.model_dump(exclude={"queue_id", "name"})
        body = await self._run(
            "queue_create",
            actor,
            queue_id=queue.queue_id or "",
            name=queue.name or "",
            policy=_policy_json(fields),
        )
        return Queue.model_validate_json(body)

    async def update_queue(self, actor: Actor, queue_id: str, patch: QueuePatch) -> Queue:
        """Change the given members of a queue's policy. Errors: QUE_ID_INVALID, QUEUE_EXISTS (the name)."""
        require(actor, Role.ADMIN)
        fields = patch.model_dump(exclude_none=True, exclude={"name"})
        body = await self._run(
            "queue_update", actor, queue_id=queue_id, name=patch.name or "", policy=_policy_json(fields)
        )
        return Queue.model_validate_json(body)

    async def delete_queue(self, actor: Actor, queue_id: str, force: bool = False) -> bool:
        """Delete a queue; True when it is gone, False when batches of its contacts remain for the ticks.

        Errors: QUE_ID_INVALID, QUEUE_NOT_EMPTY (it has contacts, and `force` is not given).
        """
        require(actor, Role.ADMIN)
        return await self._run("queue_delete", actor, queue_id=queue_id, force=int(force)) == "true"

    async def get_queue(self, actor: Actor, queue_id: str) -> Queue:
        """Read one queue. Errors: QUE_ID_INVALID."""
        return Queue.model_validate_json(await self._run("queue_show", actor, queue_id=queue_id))

    async def list_queues(
        self, actor: Actor, *, status: bool = False, limit: int = LIST_LIMIT_MAX, cursor: str = ""
    ) -> Page[Queue]:
        """List queues in order of their ids, with each one's status where `status` is set."""
        body = await self._run("queue_list", actor, status=int(status), limit=limit, cursor=cursor)
        return Page[Queue].model_validate_json(body)

    async def get_queue_status(self, actor: Actor, queue_id: str) -> QueueStatus:
        """Count a queue. Errors: QUE_ID_INVALID."""
        return QueueStatus.model_validate_json(await self._run("queue_status", actor, queue_id=queue_id))

    async def get_queue_records(self, actor: Actor, queue_ids: Sequence[str]) -> list[QueueRecord]:
        """Read what is kept of at most 100 queues beside their policy, and count them; those not there are left out."""
        return _RECORDS.validate_json(await self._run("queue_records", actor, queue_ids=" ".join(queue_ids)))

    async def get_positions(self, tenant: str, queue_id: str, contact_ids: Sequence[str]) -> Positions:
        """Find where at most 100 contacts of a queue stand, in the given order: for a node, which tells customers."""
        reply = await self.runner.run("queue_positions", tenant, queue_id=queue_id, contact_ids=" ".join(contact_ids))
        return Positions.model_validate_json(reply.body)

    async def list_contacts(
        self, actor: Actor, queue_id: str, *, limit: int = LIST_LIMIT_MAX, cursor: str = ""
    ) -> Page[Contact]:
        """List who waits in a queue (held ones too), in its order.

        Errors: QUE_ID_INVALID, QUE_SERVICE_NOT_START (an agent who does not serve it), API_NO_PERMISSION.
        """
        require(actor, Role.AGENT)
        body = await self._run("contact_list", actor, queue_id=queue_id, limit=limit, cursor=cursor)
        return Page[Contact].model_validate_json(body)

    async def list_queue_agents(
        self, actor: Actor, queue_id: str, *, limit: int = LIST_LIMIT_MAX, cursor: str = ""
    ) -> Page[Agent]:
        """List who serves a queue. Errors as `list_contacts`."""
        require(actor, Role.AGENT)
        body = await self._run("agent_list", actor, queue_id=queue_id, limit=limit, cursor=cursor)
        return Page[Agent].model_validate_json(body)

    # Agents

    async def list_agents(self, actor: Actor, *, limit: int = LIST_LIMIT_MAX, cursor: str = "") -> Page[Agent]:
        """List the agents who serve at least one queue, in order of their ids."""
        require(actor, Role.SUPERVISOR)
        body = await self._run("agent_list", actor, queue_id="", limit=limit, cursor=cursor)
        return Page[Agent].model_validate_json(body)

    async def get_agent(self, actor: Actor, agent_id: str) -> Agent:
        """Read one agent. Errors: USER_NOT_FOUND, API_NO_PERMISSION (another one's)."""
        _for_himself(actor, agent_id)
        return await self._run_for_agent("agent_show", actor, agent_id)

    async def start_service(self, actor: Actor, agent_id: str, queues: Sequence[Service]) -> Agent:
        """Serve one or several queues in one step, so that the first match sees them all.

        A queue already served gets the new priority. Errors: NOT_LOGIN (no session), QUE_ID_INVALID,
        QUEUE_CLOSED (being deleted), ROLE_CONFLICT (he queues himself), PARAM_ERR (more than 100 queues),
        API_NO_PERMISSION (another agent, or a queue his token does not name).
        """
        _for_himself(actor, agent_id)
        if not 1 <= len(queues) <= SERVED_QUEUES_MAX or len({q.queue_id for q in queues}) < len(queues):
            raise DispatcherError(Code.PARAM_ERR, f"queues: 1 to {SERVED_QUEUES_MAX}, each once")
        for queue in queues:
            _allowed_queue(actor, queue.queue_id)
        pairs = " ".join(f"{queue.queue_id} {queue.priority}" for queue in queues)
        return Agent.model_validate_json(
            await self._run("agent_start_service", actor, agent_id=agent_id, services=pairs)
        )

    async def stop_service(self, actor: Actor, agent_id: str, queue_id: str) -> Agent:
        """Stop serving a queue; an offer of that queue is withdrawn. Errors: QUE_SERVICE_NOT_START."""
        _for_himself(actor, agent_id)
        body = await self._run("agent_stop_service", actor, agent_id=agent_id, queue_id=queue_id)
        return Agent.model_validate_json(body)

    async def set_dnd(self, actor: Actor, agent_id: str, dnd: int, reason: str = "") -> Agent:
        """Set (`dnd` != 0) or clear manual mode. Clearing also ends wrap-up and cool-down, and matches at once.

        Errors: USER_NOT_FOUND, API_NO_PERMISSION.
        """
        _for_himself(actor, agent_id)
        return await self._run_for_agent("agent_set_dnd", actor, agent_id, dnd=dnd, reason=reason)

    async def set_capacity(self, actor: Actor, agent_id: str, capacity: int) -> Agent:
        """Set how many contacts an agent may hold at once. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        require(actor, Role.SUPERVISOR)
        return await self._run_for_agent("agent_set_capacity", actor, agent_id, capacity=capacity)

    # Contacts

    async def start_queuing(
        self,
        actor: Actor,
        queue_id: str,
        *,
        customer_id: str | None = None,
        name: str | None = None,
        ext: str = "",
        presence: Presence = Presence.SESSION,
    ) -> Contact:
        """Put a customer into a queue, and match him at once if an agent is able. A backend names a `customer_id`.

        Asking again for the same queue returns the same contact. Errors: QUE_ID_INVALID, QUEUE_CLOSED,
        QUEUE_FULL, NO_AGENTS, ALREADY_OTHERQUE, ROLE_CONFLICT, API_NO_PERMISSION (also himself without the
        role customer: a backend that forgot the `customer_id`).
        """
        customer = customer_id if customer_id is not None else actor.user_id
        if not actor.is_supervisor and (customer != actor.user_id or presence is Presence.NONE):
            what = "for somebody else" if customer != actor.user_id else "without a connection (presence none)"
            raise DispatcherError(Code.API_NO_PERMISSION, f"only a backend queues {what}")
        if customer == actor.user_id and Role.CUSTOMER not in actor.roles:
            hint = "; customer_id names whom else to queue" if actor.is_supervisor else ""
            raise DispatcherError(Code.API_NO_PERMISSION, f"queuing oneself needs the role customer{hint}")
        if name is None:
            name = actor.name if customer == actor.user_id else ""
        body = await self._run(
            "contact_start_queuing",
            actor,
            customer_id=customer,
            queue_id=queue_id,
            name=name,
            ext=ext,
            presence=presence.value,
        )
        return Contact.model_validate_json(body)

    async def get_contact(self, actor: Actor, contact_id: str = "") -> Contact:
        """Read a contact (empty: the actor's own open one).

        Errors: CONTACT_NOT_FOUND (also when it is neither his, nor held by him, nor is he a supervisor).
        """
        return Contact.model_validate_json(await self._run("contact_show", actor, contact_id=contact_id))

    async def stop_queuing(self, actor: Actor, contact_id: str = "") -> Contact:
        """Take a contact out (empty: the actor's own open one). By a supervisor, of somebody else: removal.

        An ended contact is answered as it ended. Errors: CONTACT_NOT_FOUND.
        """
        return Contact.model_validate_json(await self._run("contact_stop_queuing", actor, contact_id=contact_id))

    async def start(self, actor: Actor, contact_id: str) -> Contact:
        """Begin to serve a contact without a call; implies accept. Errors: CONTACT_NOT_FOUND, WRONG_STATE."""
        return Contact.model_validate_json(await self._run("contact_start", actor, contact_id=contact_id))

    async def complete(self, actor: Actor, contact_id: str) -> Contact:
        """End the service of a contact; its agent wraps up. Errors: CONTACT_NOT_FOUND, WRONG_STATE."""
        return Contact.model_validate_json(await self._run("contact_complete", actor, contact_id=contact_id))

    async def transfer(self, actor: Actor, contact_id: str, *, queue_id: str = "", agent_id: str = "") -> Contact:
        """Send a contact in service to a queue or to an able agent; a supervisor also moves a waiting one to a queue.

        Exactly one of `queue_id` and `agent_id`. Errors: CONTACT_NOT_FOUND, WRONG_STATE, QUE_ID_INVALID,
        QUEUE_CLOSED, USER_NOT_FOUND, AGENT_BUSY, PARAM_ERR.
        """
        if bool(queue_id) == bool(agent_id):
            raise DispatcherError(Code.PARAM_ERR, "exactly one of queue_id and agent_id")
        body = await self._run("contact_transfer", actor, contact_id=contact_id, queue_id=queue_id, agent_id=agent_id)
        return Contact.model_validate_json(body)

    # Assignments

    async def request_assignment(
        self, actor: Actor, agent_id: str, *, queue_id: str = "", customer_id: str = ""
    ) -> Assignment:
        """Ask for one contact: by the order rule; the oldest of `queue_id`; or `customer_id` in `queue_id`.

        An unanswered assignment is returned again. Errors: QUE_NOUSER, QUE_SERVICE_NOT_START, AGENT_BUSY,
        NOT_LOGIN (no session), PARAM_ERR (a customer without a queue), API_NO_PERMISSION.
        """
        require(actor, Role.AGENT)
        if agent_id != actor.user_id:
            raise DispatcherError(Code.API_NO_PERMISSION, "an agent asks for himself")
        if customer_id and not queue_id:
            raise DispatcherError(Code.PARAM_ERR, "customer_id needs queue_id")
        if queue_id:
            _allowed_queue(actor, queue_id)
        body = await self._run(
            "agent_request_assignment", actor, agent_id=agent_id, queue_id=queue_id, customer_id=customer_id
        )
        return Assignment.model_validate_json(body)

    async def accept(self, actor: Actor, assignment_id: str) -> Assignment:
        """Accept an offer. Repeating it succeeds. Errors: ASSIGNMENT_GONE, QUE_USER_CANCELLED."""
        return Assignment.model_validate_json(await self._run("assignment_accept", actor, assignment_id=assignment_id))

    async def reject(self, actor: Actor, assignment_id: str) -> Assignment:
        """Reject an offer or an accepted assignment. Repeating it succeeds.

        Errors: ASSIGNMENT_GONE, QUE_USER_CANCELLED, WRONG_STATE (already serving).
        """
        return Assignment.model_validate_json(await self._run("assignment_reject", actor, assignment_id=assignment_id))

    # Sessions

    async def open_session(self, actor: Actor, session_id: str, node_id: str, *, watch: bool = False) -> Snapshot:
        """Make `session_id` the user's session (on `node_id`, for `actor.client`); an older one is replaced.

        A held contact of his waits again and is matched in the same step. With `watch` it is a supervisor's session
        that only watches: it replaces nothing, is replaced by nothing, and remembers requests for its own client.
        The session counts as connected until it is closed, or until `node_id` has not called `renew_lease` for 10 s;
        without a node ("") only the former. Answers the snapshot. Errors: API_NO_PERMISSION (watching needs the role
        supervisor), RATE_LIMITED (more than 8 that watch), PARAM_ERR (one that watches, without a client).
        """
        if watch:
            require(actor, Role.SUPERVISOR)
        body = await self._run(
            "session_open", actor, session_id=session_id, node_id=node_id, name=actor.name, watch=int(watch)
        )
        return _snapshot(actor, body)

    async def close_session(self, tenant: str, user_id: str, session_id: str) -> None:
        """Report that a session's connection is gone. One that was replaced, or closed already, changes nothing."""
        await self._run("session_close", Actor(tenant=tenant, user_id=user_id), session_id=session_id)

    async def renew_lease(self, tenant: str, node_id: str) -> int:
        """Say that a node lives: its sessions in this tenant count as connected for another 10 s.

        Answers how many there are; 0: its lease had ended, and they are closed.
        """
        reply = await self.runner.run("node_renew", tenant, node_id=node_id)
        if reply.due_at is not None:
            self._tell_due(tenant, reply.due_at)
        return int(reply.body)

    async def get_snapshot(self, actor: Actor) -> Snapshot:
        """Read everything about the actor in one step."""
        return _snapshot(actor, await self._run("session_snapshot", actor))

    # Time

    async def tick(self, tenant: str) -> int | None:
        """Carry out at most 16 due timers of a tenant; answer when the next one is due (epoch ms; None: none)."""
        reply = await self.runner.run("tick", tenant)
        return reply.due_at

    async def _run_for_agent(self, script: str, actor: Actor, agent_id: str, **arguments: str | int) -> Agent:
        """Run what needs a user who was seen before. About himself, "no such user" would be a riddle."""
        try:
            body = await self._run(script, actor, agent_id=agent_id, **arguments)
        except DispatcherError as error:
            if error.code is Code.USER_NOT_FOUND and agent_id == actor.user_id:
                raise DispatcherError(error.code, f"no session of {agent_id} was ever opened") from error
            raise
        return Agent.model_validate_json(body)


def _policy_json(fields: dict[str, Any]) -> str:
    """Return a policy as the hash keeps it: flags as 1 and 0."""
    return json.dumps({name: int(value) if isinstance(value, bool) else value for name, value in fields.items()})


def _snapshot(actor: Actor, body: str) -> Snapshot:
    snapshot = Snapshot.model_validate_json(body)
    user = snapshot.user.model_copy(update={"roles": tuple(sorted(actor.roles))})
    return snapshot.model_copy(update={"user": user})


def _for_himself(actor: Actor, agent_id: str) -> None:
    """Let an agent act for himself, a supervisor for anybody."""
    require(actor, Role.AGENT)
    if agent_id != actor.user_id and not actor.is_supervisor:
        raise DispatcherError(Code.API_NO_PERMISSION, "only a supervisor acts for another agent")


def _allowed_queue(actor: Actor, queue_id: str) -> None:
    if actor.queues is not None and queue_id not in actor.queues:
        raise DispatcherError(Code.API_NO_PERMISSION, f"the token does not name the queue {queue_id}")
