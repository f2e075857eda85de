"""The client of one person: commands as methods, events as an iteration, where he stands as `state`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel, JsonValue

from dispatcher.client.inbox import Inbox
from dispatcher.client.link import PASSING_ERRORS, Link
from dispatcher.client.state import State
from dispatcher.client.wire import ModelT, read
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import (
    Agent,
    Assignment,
    Call,
    Contact,
    Event,
    Page,
    Queue,
    QueueStatus,
    Service,
    Snapshot,
    UserStatus,
)

HISTORY = 1000
"""Events kept for those who wait or follow: minutes of a busy agent, about 1 MB."""


class Client:
    """A person's live connection, made by `await Client.connect(url, token)`.

    It reconnects by itself and repeats what was not answered; after every connection there is an event
    `snapshot`, followed by what was missed as far as two snapshots tell. A newer session of the same user
    (KICKOUT_BY_RELOGIN) and a token that is not taken any more (NOT_LOGIN, TOKEN_TIMEOUT) end it: methods,
    `events` and `wait_for` then raise that error.

    Every command raises `DispatcherError`: its own codes, and after `timeout_s` UNAVAILABLE (surely not
    carried out) or OUTCOME_UNKNOWN.
    """

    def __init__(
        self, url: str, token: str, *, timeout_s: float = 30.0, heartbeat_s: float = 10.0, backoff_s: float = 0.5
    ) -> None:
        self._timeout_s = timeout_s
        self._state: State | None = None
        self._inbox = Inbox(HISTORY, self._snapshot_event)
        self._link = Link(
            url,
            token,
            heartbeat_s=heartbeat_s,
            backoff_s=backoff_s,
            on_snapshot=self._restore,
            on_frame=self._receive,
            on_end=self._inbox.close,
        )

    @classmethod
    async def connect(
        cls,
        url: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        heartbeat_s: float = 10.0,
        backoff_s: float = 0.5,
    ) -> Self:
        """Connect to a node at `url` (`http://host:port`) and say hello.

        Tries for `timeout_s`, which is also how long each command may take. Errors: UNAVAILABLE (no node
        answered), NOT_LOGIN, TOKEN_TIMEOUT, TOKEN_AUTH_FAILED, API_NO_PERMISSION.
        """
        client = cls(url, token, timeout_s=timeout_s, heartbeat_s=heartbeat_s, backoff_s=backoff_s)
        try:
            await client._link.open(timeout_s)
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Close the connection. The server sees the person as disconnected; what he holds lives on for the grace."""
        await self._link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Where he stands, and what happens

    @property
    def client_id(self) -> str:
        """The 128 random bits under which this client's commands are remembered, as hex."""
        return self._link.client

    @property
    def state(self) -> Snapshot:
        """Where the person stands: contact, assignments, agent, by everything received so far."""
        if self._state is None:
            raise DispatcherError(Code.NOT_LOGIN, "not connected yet")
        return self._state.snapshot

    def events(self) -> AsyncIterator[Event]:
        """Iterate over all events, beginning with those since the connection (the last 1,000 of them).

        Ends when the client is closed; raises the error that ended it otherwise. Who falls too far behind
        gets a `snapshot` in place of what he missed.
        """
        return self._inbox.follow()

    async def wait_for(
        self, event_name: str, predicate: Callable[[Event], bool] | None = None, timeout: float | None = 10.0
    ) -> Event:
        """Return the oldest event of that name, and predicate, since the connection; wait if none has come yet.

        Each event is returned once, and waiting for one does not use up the others. Raises TimeoutError,
        or the error that ended the client.
        """
        return await self._inbox.take(event_name, predicate, timeout)

    # Everybody's commands

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self._ask("ping")

    async def me(self) -> Snapshot:
        """Read where the person stands, from the server."""
        return read(Snapshot, await self._ask("me"))

    async def renew(self, token: str) -> Snapshot:
        """Use a newer token of the same user, on this connection and on the next ones.

        One that is refused leaves the older in use. Errors: TOKEN_TIMEOUT, TOKEN_AUTH_FAILED, API_NO_PERMISSION
        (another user's).
        """
        before, self._link.token = self._link.token, token
        try:
            return read(Snapshot, await self._ask("hello", token=token, client=self.client_id))
        except DispatcherError as error:
            if error.code not in PASSING_ERRORS and self._link.token == token:
                self._link.token = before
            raise

    async def list_queues(
        self, *, status: bool = False, limit: int | None = None, cursor: str | None = None
    ) -> Page[Queue]:
        """List the queues, in order of their ids, with each one's status where `status` is set."""
        return read(Page[Queue], await self._ask("list_queues", status=status or None, limit=limit, cursor=cursor))

    async def get_queue_status(self, queue_id: str) -> QueueStatus:
        """Count a queue. Errors: QUE_ID_INVALID."""
        return read(QueueStatus, await self._ask("get_queue_status", queue_id=queue_id))

    async def watch_queues(self, queue_ids: Sequence[str] | None = None) -> None:
        """Get `queue.status` of these queues (None: of all there are now) without serving them or waiting there.

        The last call counts, over reconnections too. Errors: QUE_ID_INVALID.
        """
        args: dict[str, Any] = {"all": True} if queue_ids is None else {"queue_ids": list(queue_ids)}
        await self._ask("watch_queues", **args)
        self._link.standing["watch_queues"] = args

    async def watch_agents(self) -> None:
        """Get what changes about all agents and queues, at most once a second: for supervisors.

        It holds over reconnections; list the agents anew after each `snapshot`. Errors: API_NO_PERMISSION.
        """
        await self._ask("watch_agents")
        self._link.standing["watch_agents"] = {}

    async def call(self, callee: str, *, meeting: JsonValue = None, ext: str | None = None) -> Call:
        """Call a user. `meeting` (JSON, up to 4 KB) and `ext` are shown to him as they are.

        By the agent of an assignment to its customer it implies accept. Errors: CALL_EXIST, BUSY, OFFLINE,
        USER_NOT_FOUND, WRONG_STATE (who queues; or the contact is served without a call), API_NO_PERMISSION.
        """
        return await self._change(Call, "call", callee=callee, meeting=meeting, ext=ext)

    async def accept_call(self, call_id: str, *, meeting: JsonValue = None, ext: str | None = None) -> Call:
        """Answer a call; a `meeting` takes the place of the caller's. Errors: INVALID_CALLID, API_NO_PERMISSION."""
        return await self._change(Call, "accept_call", call_id=call_id, meeting=meeting, ext=ext)

    async def reject_call(self, call_id: str, *, ext: str | None = None) -> Call:
        """Refuse a call that rings. Errors: INVALID_CALLID, WRONG_STATE (answered), API_NO_PERMISSION (the caller)."""
        return await self._change(Call, "reject_call", call_id=call_id, ext=ext)

    async def hangup(self, call_id: str, *, ext: str | None = None) -> Call:
        """End a call. Errors: INVALID_CALLID."""
        return await self._change(Call, "hangup", call_id=call_id, ext=ext)

    async def get_user_status(self, user_id: str) -> UserStatus:
        """Read whether a user is there, in a call, busy or idle. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        return read(UserStatus, await self._ask("get_user_status", user_id=user_id))

    async def watch_users(self, user_ids: Sequence[str] | None = None) -> list[UserStatus]:
        """Get `user.status` of these users (None: of everybody), at most once a second; return how they are now.

        The last call counts, over reconnections too. Errors: API_NO_PERMISSION.
        """
        args: dict[str, Any] = {} if user_ids is None else {"user_ids": list(user_ids)}
        result = await self._ask("watch_users", **args)
        self._link.standing["watch_users"] = args
        return [read(UserStatus, status) for status in result["users"]]

    async def unwatch_users(self) -> None:
        """Get no `user.status` any more."""
        self._link.standing.pop("watch_users", None)
        await self._ask("unwatch_users")

    async def send_cmd(self, to: str, data: str) -> None:
        """Send a message (up to 64 KB) to a user's session: it arrives once or never.

        Errors: USER_NOT_FOUND, OFFLINE, API_NO_PERMISSION.
        """
        await self._link.call("send_cmd", {"to": to, "data": data}, changes=True, timeout_s=self._timeout_s)

    # A customer's commands

    async def start_queuing(self, queue_id: str, ext: str | None = None) -> Contact:
        """Wait in a queue; `ext` (up to 4 KB) is shown to the agent. Asking again returns the same contact.

        Errors: QUE_ID_INVALID, QUEUE_CLOSED, QUEUE_FULL, NO_AGENTS, ALREADY_OTHERQUE, ROLE_CONFLICT.
        """
        return await self._change(Contact, "start_queuing", queue_id=queue_id, ext=ext)

    async def stop_queuing(self) -> Contact:
        """Leave: the queue, the offer, or the service. Errors: CONTACT_NOT_FOUND (nothing to leave)."""
        return await self._change(Contact, "stop_queuing")

    async def get_queuing_info(self) -> Contact:
        """Read the own contact with its position and waiting time. Errors: CONTACT_NOT_FOUND."""
        return read(Contact, await self._ask("get_queuing_info"))

    # An agent's commands

    async def start_service(
        self, queue_id: str | None = None, priority: int = 0, *, queues: Sequence[Service] | None = None
    ) -> Agent:
        """Serve one queue with a priority (smaller is higher), or several `queues` in one step.

        Errors: QUE_ID_INVALID, QUEUE_CLOSED, ROLE_CONFLICT, PARAM_ERR, API_NO_PERMISSION.
        """
        if queues is not None:
            return await self._change(Agent, "start_service", queues=[queue.model_dump() for queue in queues])
        return await self._change(Agent, "start_service", queue_id=queue_id, priority=priority)

    async def stop_service(self, queue_id: str) -> Agent:
        """Stop serving a queue; its pending offer is withdrawn. Errors: QUE_SERVICE_NOT_START."""
        return await self._change(Agent, "stop_service", queue_id=queue_id)

    async def set_dnd(self, dnd: int, reason: str | None = None) -> Agent:
        """Set manual mode (not 0), or clear it (0), which ends wrap-up and cool-down too."""
        return await self._change(Agent, "set_dnd", dnd=dnd, reason=reason)

    async def list_contacts(
        self, queue_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Contact]:
        """List who waits in a queue, in its order. Errors: QUE_ID_INVALID, QUE_SERVICE_NOT_START."""
        result = await self._ask("list_contacts", queue_id=queue_id, limit=limit, cursor=cursor)
        return read(Page[Contact], result)

    async def request_assignment(self, queue_id: str | None = None, customer_id: str | None = None) -> Assignment:
        """Ask for a contact: by the order rule, the oldest of a queue, or one customer of a queue.

        Errors: QUE_NOUSER, QUE_SERVICE_NOT_START, AGENT_BUSY.
        """
        return await self._change(Assignment, "request_assignment", queue_id=queue_id, customer_id=customer_id)

    async def accept(self, assignment_id: str) -> Assignment:
        """Accept an offer. Errors: QUE_USER_CANCELLED, ASSIGNMENT_GONE."""
        return await self._change(Assignment, "accept", assignment_id=assignment_id)

    async def reject(self, assignment_id: str) -> Assignment:
        """Reject an offer. Errors: QUE_USER_CANCELLED, ASSIGNMENT_GONE, WRONG_STATE (already serving)."""
        return await self._change(Assignment, "reject", assignment_id=assignment_id)

    async def start(self, contact_id: str) -> Contact:
        """Begin to serve without a call. Errors: CONTACT_NOT_FOUND, WRONG_STATE, API_NO_PERMISSION."""
        return await self._change(Contact, "start", contact_id=contact_id)

    async def complete(self, contact_id: str) -> Contact:
        """End the service. Errors: CONTACT_NOT_FOUND, WRONG_STATE, API_NO_PERMISSION."""
        return await self._change(Contact, "complete", contact_id=contact_id)

    async def transfer(self, contact_id: str, *, queue_id: str | None = None, agent_id: str | None = None) -> Contact:
        """Send a contact in service to a queue or to an able agent.

        Errors: WRONG_STATE, AGENT_BUSY, QUE_ID_INVALID, QUEUE_CLOSED, PARAM_ERR (not exactly one of the two).
        """
        return await self._change(Contact, "transfer", contact_id=contact_id, queue_id=queue_id, agent_id=agent_id)

    # How it is done

    async def _ask(self, cmd: str, **args: Any) -> Any:
        given = {name: value for name, value in args.items() if value is not None}
        return await self._link.call(cmd, given, changes=False, timeout_s=self._timeout_s)

    async def _change(self, model: type[ModelT], cmd: str, **args: Any) -> ModelT:
        given = {name: value for name, value in args.items() if value is not None}
        told = self._state.told if self._state is not None else (0, 0)
        result, may_be_old = await self._link.change(cmd, given, timeout_s=self._timeout_s)
        answer = read(model, result)
        if may_be_old:
            # It tells of then. What became of it since, nobody may have told: only a snapshot does.
            with contextlib.suppress(DispatcherError):
                await self.me()
        else:
            self._learn(answer, told)
        return answer

    def _learn(self, answer: BaseModel, told: tuple[int, int]) -> None:
        if self._state is not None:
            self._state.learn(answer, told)

    def _restore(self, value: Any) -> None:
        snapshot = read(Snapshot, value)
        missed: list[Event] = []
        if self._state is None:
            self._state = State(snapshot)
        else:
            missed = self._state.restore(snapshot)
        self._inbox.put(self._snapshot_event())
        for event in missed:
            self._inbox.put(event)

    def _receive(self, frame: dict[str, Any]) -> None:
        """Take a frame of events, unless its offset says that a snapshot already covered it."""
        assert self._state is not None
        events = [read(Event, event) for event in frame["events"]]
        if any(event.event == "snapshot" for event in events):
            for event in events:
                if event.event == "snapshot":
                    self._restore(event.data)
            return
        offset = frame.get("offset")
        if offset is not None:
            known = self._state.snapshot
            if frame.get("epoch", known.epoch) == known.epoch and offset <= known.offset:
                return
            self._state.count(offset)
        for event in events:
            self._state.apply(event)
            self._inbox.put(event)

    def _snapshot_event(self) -> Event:
        return Event(event="snapshot", data=self.state.model_dump(mode="json"))
