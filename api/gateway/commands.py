"""The commands of the WebSocket: name, arguments, and the engine's method behind it.

`hello` and `me` are not here: their answer is a snapshot, which has its place among the event frames.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.hub import Hub
from dispatcher.events.member import Member
from dispatcher.meeting import Meeting
from dispatcher.model import (
    SERVED_QUEUES_MAX,
    WATCHED_USERS_MAX,
    Actor,
    Agent,
    Assignment,
    AssignmentId,
    Call,
    CallId,
    Contact,
    ContactId,
    Dnd,
    Flag,
    MessageData,
    Model,
    Page,
    Priority,
    Queue,
    QueueId,
    QueueStatus,
    Service,
    Text,
    UserId,
    UserStatus,
)
from dispatcher.sentences import sentences

WATCHED_MAX = 1000
DETAIL_LENGTH_MAX = 500

ArgsT = TypeVar("ArgsT", bound=Model)


class NoArgs(Model):
    """No arguments."""


class HelloArgs(Model):
    """Who logs in. `client` is made once per program instance: a command's id counts within it.

    `watch`: a supervisor's session that replaces nothing and is replaced by nothing.
    """

    token: Annotated[str, Field(min_length=1, max_length=16_384)]
    client: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = ""
    watch: Flag = False


class PageArgs(Model):
    """A part of a list."""

    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 100
    cursor: Annotated[str, Field(max_length=256)] = ""


class ListQueuesArgs(PageArgs):
    """All queues, with their status where it is asked for."""

    status: Flag = False


class QueueArgs(Model):
    """One queue."""

    queue_id: QueueId


class ListContactsArgs(PageArgs):
    """Who waits in a queue."""

    queue_id: QueueId


class StartServiceArgs(Model):
    """One queue with a priority, or several in one step."""

    queue_id: QueueId | None = None
    priority: Priority = 0
    queues: Annotated[tuple[Service, ...], Field(min_length=1, max_length=SERVED_QUEUES_MAX)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.queue_id is None) == (self.queues is None):
            raise ValueError("exactly one of queue_id and queues")
        return self

    @property
    def services(self) -> tuple[Service, ...]:
        """The queues, in either form."""
        if self.queues is not None:
            return self.queues
        return (Service(queue_id=self.queue_id or "", priority=self.priority),)


class DndArgs(Model):
    """Manual mode, and why."""

    dnd: Dnd
    reason: Text = ""


class StartQueuingArgs(Model):
    """A queue, and what the agent shall know."""

    queue_id: QueueId
    ext: Text = ""


class RequestArgs(Model):
    """Whom to give: anybody, the oldest of a queue, or one customer of it."""

    queue_id: QueueId | None = None
    customer_id: UserId | None = None


class AssignmentArgs(Model):
    """One assignment."""

    assignment_id: AssignmentId


class ContactArgs(Model):
    """One contact."""

    contact_id: ContactId


class TransferArgs(Model):
    """A contact, and where it goes: a queue or an agent."""

    contact_id: ContactId
    queue_id: QueueId | None = None
    agent_id: UserId | None = None


class CallArgs(Model):
    """Whom to call, where to meet, and what he shall know."""

    callee: UserId
    meeting: Meeting = None
    ext: Text = ""


class CallEndArgs(Model):
    """One call, and what the other party shall know."""

    call_id: CallId
    ext: Text = ""


class CallAnswerArgs(CallEndArgs):
    """The same, and where to meet instead."""

    meeting: Meeting = None


class UserArgs(Model):
    """One user."""

    user_id: UserId


class WatchUsersArgs(Model):
    """Whose `user.status` to send from now on: these users', or everybody's where none are named."""

    user_ids: Annotated[tuple[UserId, ...], Field(max_length=WATCHED_USERS_MAX)] | None = None


class SendCmdArgs(Model):
    """A message, and to whom."""

    to: UserId
    data: MessageData


class WatchQueuesArgs(Model):
    """Whose `queue.status` to send from now on: these queues, or all there are now; none with an empty list."""

    queue_ids: Annotated[tuple[QueueId, ...], Field(max_length=WATCHED_MAX)] = ()
    all: Flag = False


class Sent(NamedTuple):
    """One command on its way: who sends it, over which session, to what."""

    dispatcher: Dispatcher
    hub: Hub
    member: Member
    actor: Actor


class Command(NamedTuple):
    """One row: the arguments' model, what is done, and whether it changes anything (then once per request id).

    What `run` is said to return is the shape of the answer, in the AsyncAPI document too.
    """

    args: type[Model]
    run: Callable[[Sent, Any], Awaitable[Any]]
    changes: bool


def parse_args(model: type[ArgsT], args: Any) -> ArgsT:
    """Check arguments. Errors: PARAM_ERR, with what is wrong where, but not the value."""
    try:
        return model.model_validate(args)
    except ValidationError as error:
        detail = sentences(error.errors(include_url=False, include_input=False))
        # A member's name is the client's own text.
        raise DispatcherError(Code.PARAM_ERR, detail[:DETAIL_LENGTH_MAX]) from error


async def _ping(sent: Sent, args: NoArgs) -> dict[str, Any]:
    return {}


async def _list_queues(sent: Sent, args: ListQueuesArgs) -> Page[Queue]:
    return await sent.dispatcher.list_queues(sent.actor, status=args.status, limit=args.limit, cursor=args.cursor)


async def _get_queue_status(sent: Sent, args: QueueArgs) -> QueueStatus:
    return await sent.dispatcher.get_queue_status(sent.actor, args.queue_id)


async def _list_contacts(sent: Sent, args: ListContactsArgs) -> Page[Contact]:
    return await sent.dispatcher.list_contacts(sent.actor, args.queue_id, limit=args.limit, cursor=args.cursor)


async def _start_service(sent: Sent, args: StartServiceArgs) -> Agent:
    services = args.services
    await sent.hub.expect(sent.member, [service.queue_id for service in services])
    try:
        return await sent.dispatcher.start_service(sent.actor, sent.actor.user_id, services)
    except BaseException:
        sent.hub.expect_nothing(sent.member)
        raise


async def _stop_service(sent: Sent, args: QueueArgs) -> Agent:
    return await sent.dispatcher.stop_service(sent.actor, sent.actor.user_id, args.queue_id)


async def _set_dnd(sent: Sent, args: DndArgs) -> Agent:
    return await sent.dispatcher.set_dnd(sent.actor, sent.actor.user_id, args.dnd, args.reason)


async def _start_queuing(sent: Sent, args: StartQueuingArgs) -> Contact:
    return await sent.dispatcher.start_queuing(sent.actor, args.queue_id, ext=args.ext)


async def _stop_queuing(sent: Sent, args: NoArgs) -> Contact:
    return await sent.dispatcher.stop_queuing(sent.actor)


async def _get_queuing_info(sent: Sent, args: NoArgs) -> Contact:
    return await sent.dispatcher.get_contact(sent.actor)


async def _request_assignment(sent: Sent, args: RequestArgs) -> Assignment:
    return await sent.dispatcher.request_assignment(
        sent.actor, sent.actor.user_id, queue_id=args.queue_id or "", customer_id=args.customer_id or ""
    )


async def _accept(sent: Sent, args: AssignmentArgs) -> Assignment:
    return await sent.dispatcher.accept(sent.actor, args.assignment_id)


async def _reject(sent: Sent, args: AssignmentArgs) -> Assignment:
    return await sent.dispatcher.reject(sent.actor, args.assignment_id)


async def _start(sent: Sent, args: ContactArgs) -> Contact:
    return await sent.dispatcher.start(sent.actor, args.contact_id)


async def _complete(sent: Sent, args: ContactArgs) -> Contact:
    return await sent.dispatcher.complete(sent.actor, args.contact_id)


async def _transfer(sent: Sent, args: TransferArgs) -> Contact:
    return await sent.dispatcher.transfer(
        sent.actor, args.contact_id, queue_id=args.queue_id or "", agent_id=args.agent_id or ""
    )


async def _call(sent: Sent, args: CallArgs) -> Call:
    return await sent.dispatcher.call(sent.actor, args.callee, meeting=args.meeting, ext=args.ext)


async def _accept_call(sent: Sent, args: CallAnswerArgs) -> Call:
    return await sent.dispatcher.accept_call(sent.actor, args.call_id, meeting=args.meeting, ext=args.ext)


async def _reject_call(sent: Sent, args: CallEndArgs) -> Call:
    return await sent.dispatcher.reject_call(sent.actor, args.call_id, ext=args.ext)


async def _hangup(sent: Sent, args: CallEndArgs) -> Call:
    return await sent.dispatcher.hangup(sent.actor, args.call_id, ext=args.ext)


async def _get_user_status(sent: Sent, args: UserArgs) -> UserStatus:
    return await sent.dispatcher.get_user_status(sent.actor, args.user_id)


async def _watch_users(sent: Sent, args: WatchUsersArgs) -> dict[str, list[UserStatus]]:
    return {"users": await sent.hub.watch_users(sent.member, args.user_ids)}


async def _unwatch_users(sent: Sent, args: NoArgs) -> dict[str, Any]:
    sent.hub.unwatch_users(sent.member)
    return {}


async def _send_cmd(sent: Sent, args: SendCmdArgs) -> dict[str, Any]:
    await sent.dispatcher.send_cmd(sent.actor, args.to, args.data)
    return {}


async def _watch_queues(sent: Sent, args: WatchQueuesArgs) -> dict[str, list[str]]:
    """Answer with the ids watched now. Errors: QUE_ID_INVALID."""
    watched = list(dict.fromkeys(args.queue_ids))
    for queue_id in watched:
        await sent.dispatcher.get_queue(sent.actor, queue_id)
    if args.all:
        cursor: str | None = ""
        while cursor is not None and len(watched) < WATCHED_MAX:
            page = await sent.dispatcher.list_queues(sent.actor, cursor=cursor)
            watched += [queue.queue_id for queue in page.items if queue.queue_id not in args.queue_ids]
            cursor = page.cursor
    del watched[WATCHED_MAX:]
    await sent.hub.watch_queues(sent.member, watched)
    return {"queue_ids": watched}


async def _watch_agents(sent: Sent, args: NoArgs) -> dict[str, Any]:
    await sent.hub.watch_agents(sent.member)
    return {}


COMMANDS: dict[str, Command] = {
    "ping": Command(NoArgs, _ping, False),
    "list_queues": Command(ListQueuesArgs, _list_queues, False),
    "get_queue_status": Command(QueueArgs, _get_queue_status, False),
    "list_contacts": Command(ListContactsArgs, _list_contacts, False),
    "start_service": Command(StartServiceArgs, _start_service, True),
    "stop_service": Command(QueueArgs, _stop_service, True),
    "set_dnd": Command(DndArgs, _set_dnd, True),
    "start_queuing": Command(StartQueuingArgs, _start_queuing, True),
    "stop_queuing": Command(NoArgs, _stop_queuing, True),
    "get_queuing_info": Command(NoArgs, _get_queuing_info, False),
    "request_assignment": Command(RequestArgs, _request_assignment, True),
    "accept": Command(AssignmentArgs, _accept, True),
    "reject": Command(AssignmentArgs, _reject, True),
    "start": Command(ContactArgs, _start, True),
    "complete": Command(ContactArgs, _complete, True),
    "transfer": Command(TransferArgs, _transfer, True),
    "call": Command(CallArgs, _call, True),
    "accept_call": Command(CallAnswerArgs, _accept_call, True),
    "reject_call": Command(CallEndArgs, _reject_call, True),
    "hangup": Command(CallEndArgs, _hangup, True),
    "get_user_status": Command(UserArgs, _get_user_status, False),
    "watch_users": Command(WatchUsersArgs, _watch_users, False),
    "unwatch_users": Command(NoArgs, _unwatch_users, False),
    "send_cmd": Command(SendCmdArgs, _send_cmd, True),
    "watch_queues": Command(WatchQueuesArgs, _watch_queues, False),
    "watch_agents": Command(NoArgs, _watch_agents, False),
}
