"""The commands of the WebSocket: name, arguments, and the engine's method behind it.

`hello` and `me` are not here: their answer is a snapshot, which has its place among the event frames.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from api.problems import sentences
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.hub import Hub
from dispatcher.events.member import Member
from dispatcher.model import (
    SERVED_QUEUES_MAX,
    Actor,
    Agent,
    Assignment,
    AssignmentId,
    Contact,
    ContactId,
    Dnd,
    Flag,
    Model,
    Page,
    Priority,
    Queue,
    QueueId,
    QueueStatus,
    Service,
    Text,
    UserId,
)

WATCHED_MAX = 1000
DETAIL_LENGTH_MAX = 500

ArgsT = TypeVar("ArgsT", bound=Model)


class NoArgs(Model):
    """No arguments."""


class HelloArgs(Model):
    """Who logs in. `client` is made once per program instance: a command's id counts within it."""

    token: Annotated[str, Field(min_length=1, max_length=16_384)]
    client: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = ""


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


class WatchQueuesArgs(Model):
    """Whose `queue.status` to send from now on: these queues, or all there are now; none with an empty list."""

    queue_ids: Annotated[tuple[QueueId, ...], Field(max_length=WATCHED_MAX)] = ()
    all: Flag = False


class Call(NamedTuple):
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
    run: Callable[[Call, Any], Awaitable[Any]]
    changes: bool


def parse_args(model: type[ArgsT], args: Any) -> ArgsT:
    """Check arguments. Errors: PARAM_ERR, with what is wrong where, but not the value."""
    try:
        return model.model_validate(args)
    except ValidationError as error:
        detail = sentences(error.errors(include_url=False, include_input=False))
        # A member's name is the client's own text.
        raise DispatcherError(Code.PARAM_ERR, detail[:DETAIL_LENGTH_MAX]) from error


async def _ping(call: Call, args: NoArgs) -> dict[str, Any]:
    return {}


async def _list_queues(call: Call, args: ListQueuesArgs) -> Page[Queue]:
    return await call.dispatcher.list_queues(call.actor, status=args.status, limit=args.limit, cursor=args.cursor)


async def _get_queue_status(call: Call, args: QueueArgs) -> QueueStatus:
    return await call.dispatcher.get_queue_status(call.actor, args.queue_id)


async def _list_contacts(call: Call, args: ListContactsArgs) -> Page[Contact]:
    return await call.dispatcher.list_contacts(call.actor, args.queue_id, limit=args.limit, cursor=args.cursor)


async def _start_service(call: Call, args: StartServiceArgs) -> Agent:
    services = args.services
    await call.hub.expect(call.member, [service.queue_id for service in services])
    try:
        return await call.dispatcher.start_service(call.actor, call.actor.user_id, services)
    except BaseException:
        call.hub.expect_nothing(call.member)
        raise


async def _stop_service(call: Call, args: QueueArgs) -> Agent:
    return await call.dispatcher.stop_service(call.actor, call.actor.user_id, args.queue_id)


async def _set_dnd(call: Call, args: DndArgs) -> Agent:
    return await call.dispatcher.set_dnd(call.actor, call.actor.user_id, args.dnd, args.reason)


async def _start_queuing(call: Call, args: StartQueuingArgs) -> Contact:
    return await call.dispatcher.start_queuing(call.actor, args.queue_id, ext=args.ext)


async def _stop_queuing(call: Call, args: NoArgs) -> Contact:
    return await call.dispatcher.stop_queuing(call.actor)


async def _get_queuing_info(call: Call, args: NoArgs) -> Contact:
    return await call.dispatcher.get_contact(call.actor)


async def _request_assignment(call: Call, args: RequestArgs) -> Assignment:
    return await call.dispatcher.request_assignment(
        call.actor, call.actor.user_id, queue_id=args.queue_id or "", customer_id=args.customer_id or ""
    )


async def _accept(call: Call, args: AssignmentArgs) -> Assignment:
    return await call.dispatcher.accept(call.actor, args.assignment_id)


async def _reject(call: Call, args: AssignmentArgs) -> Assignment:
    return await call.dispatcher.reject(call.actor, args.assignment_id)


async def _start(call: Call, args: ContactArgs) -> Contact:
    return await call.dispatcher.start(call.actor, args.contact_id)


async def _complete(call: Call, args: ContactArgs) -> Contact:
    return await call.dispatcher.complete(call.actor, args.contact_id)


async def _transfer(call: Call, args: TransferArgs) -> Contact:
    return await call.dispatcher.transfer(
        call.actor, args.contact_id, queue_id=args.queue_id or "", agent_id=args.agent_id or ""
    )


async def _watch_queues(call: Call, args: WatchQueuesArgs) -> dict[str, list[str]]:
    """Answer with the ids watched now. Errors: QUE_ID_INVALID."""
    watched = list(dict.fromkeys(args.queue_ids))
    for queue_id in watched:
        await call.dispatcher.get_queue(call.actor, queue_id)
    if args.all:
        cursor: str | None = ""
        while cursor is not None and len(watched) < WATCHED_MAX:
            page = await call.dispatcher.list_queues(call.actor, cursor=cursor)
            watched += [queue.queue_id for queue in page.items if queue.queue_id not in args.queue_ids]
            cursor = page.cursor
    del watched[WATCHED_MAX:]
    await call.hub.watch_queues(call.member, watched)
    return {"queue_ids": watched}


async def _watch_agents(call: Call, args: NoArgs) -> dict[str, Any]:
    await call.hub.watch_agents(call.member)
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
    "watch_queues": Command(WatchQueuesArgs, _watch_queues, False),
    "watch_agents": Command(NoArgs, _watch_agents, False),
}
