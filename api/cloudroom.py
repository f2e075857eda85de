"""The Web API that existing backends manage queues by: `POST /CLOUDROOM-API/queue/{add,modify,delete,query}`.

Every answer is 200 with `{RspCode, RspDesc}` and, where there is some, `Data`. A request is signed by
`SecretKey`, the MD5 of `CompID&CompSecret`: the tenant, and its legacy secret. Where the tenant has none
(`legacy_login`), this door is closed. What it does is done as an admin of the tenant.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from starlette.responses import JSONResponse

from api.origins import check_origin
from api.routes.common import Engine, address_of
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Actor, Queue, QueueId, Role
from dispatcher.sentences import sentences
from dispatcher.settings import Settings
from dispatcher.tenancy import LegacyQueueCreate, LegacyQueuePatch, QueueRecord

OK, NO_PERMISSION, NO_ACCOUNT, WRONG_SECRET, BAD_PARAMETERS, UNKNOWN, NO_UNIQUE_QUEUE = "0123456"
CODES = {
    Code.API_NO_PERMISSION: NO_PERMISSION,
    Code.TOKEN_APPIDNOTEXIST: NO_ACCOUNT,
    Code.ANCTPSWD_ERR: WRONG_SECRET,
    Code.PARAM_ERR: BAD_PARAMETERS,
    Code.QUEUE_EXISTS: NO_UNIQUE_QUEUE,
    Code.QUE_ID_INVALID: NO_UNIQUE_QUEUE,
}
"""Each refusal's number here; every other one is UNKNOWN, and its text says which."""
ACTOR = "cloudroom-api"
PAGE_SIZE = 20
PAGE_SIZE_MAX = 50
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

router = APIRouter(prefix="/CLOUDROOM-API/queue", include_in_schema=False)

ArgsT = TypeVar("ArgsT", bound="Signed")


def _text(value: Any) -> Any:
    """Take a number for an id, as those backends send it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _id(value: Any) -> Any:
    """Take an empty text for none, too."""
    return _text(value) or None


Named = Annotated[str, Field(max_length=64)]
Ranked = Annotated[int, Field(ge=1, le=10)]
Flagged = Annotated[int, Field(ge=0, le=1)]
Described = Annotated[str, Field(max_length=200)]


class Signed(BaseModel):
    """What every request has. `AppId` and members that are not known are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    RequestId: Annotated[str, BeforeValidator(_text), Field(min_length=1)]
    CompID: Annotated[str, BeforeValidator(_text)]
    SecretKey: Annotated[str, Field(min_length=1, max_length=256)]


class Add(Signed):
    """A new queue."""

    QueueName: Annotated[str, Field(min_length=1, max_length=64)]
    Priority: Ranked = 10
    Global: Flagged = 0
    QueDesc: Described = ""


class One(Signed):
    """One queue, by its id, its name or both."""

    QueueID: Annotated[QueueId | None, BeforeValidator(_id)] = None
    QueueName: Named = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if not self.QueueID and not self.QueueName:
            raise ValueError("QueueID or QueueName")
        return self


class Modify(One):
    """What to change of it."""

    NewQueueName: Named | None = None
    QueDesc: Described | None = None
    Priority: Ranked | None = None
    Global: Flagged | None = None


class Query(Signed):
    """Which queues; a page or its size that is out of range is the default one."""

    QueueID: Annotated[QueueId | None, BeforeValidator(_id)] = None
    QueueName: str = ""
    QueDesc: str = ""
    PageNumber: int = 1
    PageSize: int = PAGE_SIZE

    @property
    def page(self) -> slice:
        """The part of the list that is asked for."""
        size = self.PageSize if 1 <= self.PageSize <= PAGE_SIZE_MAX else PAGE_SIZE
        number = max(self.PageNumber, 1)
        return slice((number - 1) * size, number * size)


@router.post("/add")
async def add(request: Request, engine: Engine) -> JSONResponse:
    """Create a queue."""

    async def carry_out(asked: Add, actor: Actor) -> Mapping[str, Any]:
        queue = await engine.create_queue(
            actor,
            LegacyQueueCreate(
                name=asked.QueueName, priority=asked.Priority, description=asked.QueDesc, is_global=bool(asked.Global)
            ),
        )
        (record,) = await engine.get_queue_records(actor, [queue.queue_id])
        return _described(queue, record, await _zone(engine, actor))

    return await _answer(request, engine, Add, carry_out)


@router.post("/modify")
async def modify(request: Request, engine: Engine) -> JSONResponse:
    """Change a queue."""

    async def carry_out(asked: Modify, actor: Actor) -> None:
        queue = await _find(engine, actor, asked)
        patch = LegacyQueuePatch(
            name=asked.NewQueueName or None,
            description=asked.QueDesc,
            priority=asked.Priority,
            is_global=None if asked.Global is None else bool(asked.Global),
        )
        await engine.update_queue(actor, queue.queue_id, patch)

    return await _answer(request, engine, Modify, carry_out)


@router.post("/delete")
async def delete(request: Request, engine: Engine) -> JSONResponse:
    """Delete a queue that is empty."""

    async def carry_out(asked: One, actor: Actor) -> None:
        queue = await _find(engine, actor, asked)
        await engine.delete_queue(actor, queue.queue_id)

    return await _answer(request, engine, One, carry_out)


@router.post("/query")
async def query(request: Request, engine: Engine) -> JSONResponse:
    """List queues with their counts."""

    async def carry_out(asked: Query, actor: Actor) -> Mapping[str, Any]:
        found = [
            queue
            for queue in await _all(engine, actor)
            if asked.QueueID in (None, queue.queue_id)
            and asked.QueueName in queue.name
            and asked.QueDesc in queue.description
        ]
        page = {queue.queue_id: queue for queue in found[asked.page]}
        records = await engine.get_queue_records(actor, list(page))
        zone = await _zone(engine, actor)
        rows = [_described(page[record.queue_id], record, zone) | _counted(record, zone) for record in records]
        return {"queueCount": len(found), "queueList": rows}

    return await _answer(request, engine, Query, carry_out)


async def _answer(
    request: Request,
    engine: Dispatcher,
    model: type[ArgsT],
    carry_out: Callable[[ArgsT, Actor], Awaitable[Mapping[str, Any] | None]],
) -> JSONResponse:
    """Check who asks, then what, then do it. Whoever is not let in learns nothing of his parameters."""
    body = await request.body()
    try:
        signed = Signed.model_validate_json(body)
        actor = await _let_in(request, engine, signed)
        data = await carry_out(model.model_validate_json(body), actor)
    except ValidationError as error:
        wrong = sentences(error.errors(include_url=False, include_input=False), whole="body")
        return _envelope(BAD_PARAMETERS, wrong)
    except DispatcherError as error:
        return _envelope(CODES.get(error.code, UNKNOWN), error.detail)
    return _envelope(OK, "success", data)


def _envelope(code: str, text: str, data: Mapping[str, Any] | None = None) -> JSONResponse:
    return JSONResponse({"RspCode": code, "RspDesc": text} | ({} if data is None else {"Data": data}))


async def _let_in(request: Request, engine: Dispatcher, signed: Signed) -> Actor:
    """Errors: TOKEN_APPIDNOTEXIST, API_NO_PERMISSION (closed; a page of a foreign site), ANCTPSWD_ERR, RATE_LIMITED."""
    node = request.app.state.node
    settings: Settings = node.settings
    await engine.check_legacy_secret(
        signed.CompID, "api", signed.SecretKey, address_of(request), settings.logins_per_minute
    )
    await check_origin(request.headers, signed.CompID, node.origins)
    return Actor(tenant=signed.CompID, user_id=ACTOR, roles=frozenset({Role.ADMIN}))


async def _find(engine: Dispatcher, actor: Actor, asked: One) -> Queue:
    """Find the one queue that is meant. Errors: QUE_ID_INVALID."""
    if asked.QueueID is not None:
        found = [await engine.get_queue(actor, asked.QueueID)]
    else:
        found = await _all(engine, actor)
    for queue in found:
        if asked.QueueName in ("", queue.name):
            return queue
    raise DispatcherError(Code.QUE_ID_INVALID, "no queue has that name")


async def _all(engine: Dispatcher, actor: Actor) -> list[Queue]:
    queues: list[Queue] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await engine.list_queues(actor, cursor=cursor)
        queues += page.items
        cursor = page.cursor
    return queues


async def _zone(engine: Dispatcher, actor: Actor) -> ZoneInfo:
    return ZoneInfo((await engine.get_tenant(actor)).time_zone)


def _described(queue: Queue, record: QueueRecord, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "QueueID": int(queue.queue_id) if _is_number(queue.queue_id) else queue.queue_id,
        "QueueName": queue.name,
        "Priority": queue.priority,
        "Global": int(record.is_global),
        "QueDesc": queue.description,
        "CreateTime": _time(record.created_at, zone),
    }


def _counted(record: QueueRecord, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "UpdateTime": _time(record.updated_at, zone),
        "AgentNum": record.status.agent_num,
        "SrvNum": record.status.srv_num,
        "WaitNum": record.status.wait_num,
        "PrepareNum": record.status.prepare_num,
        # The highest that was kept does not know of those who wait now.
        "MaxWaitNum": max(record.wait_num_max, record.status.wait_num),
        "MaxWaitTime": max(record.waited_ms_max // 1000, record.status.longest_wait_s),
    }


def _is_number(id: str) -> bool:
    """Whether it is one that a number writes in the same way; the SDK for pages of old says the same."""
    return bool(re.fullmatch("0|[1-9][0-9]{0,14}", id))


def _time(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms // 1000, zone).strftime(TIME_FORMAT)
