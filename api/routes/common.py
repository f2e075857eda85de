"""What the handlers share: the engine, ids in paths, pages of lists, and how answers are written."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator

from api.auth import CurrentActor
from dispatcher.commands import LIST_LIMIT_MAX
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import AssignmentId, CallId, ContactId, QueueId


class _Route(APIRoute):
    """Writes an answer with the members that the script gave, so that every door shows the same shape.

    Refuses query parameters that the row does not have. Errors: PARAM_ERR, naming them.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "response_model_exclude_unset": True})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request. Here and not as a dependency, which would cost every request 20 µs."""
        handler = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def checked(request: Request) -> Response:
            if unknown := sorted(request.query_params.keys() - known):
                raise DispatcherError(Code.PARAM_ERR, f"there is no such query parameter: {', '.join(unknown)}")
            return await handler(request)

        return checked


def rows(tag: str) -> APIRouter:
    """Return the router of one noun."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=_Route)


async def _engine(request: Request) -> Dispatcher:
    dispatcher: Dispatcher = request.app.state.node.dispatcher
    return dispatcher


def address_of(request: Request) -> str:
    """Return from where a request comes, as tries of logins are counted; `local` by a Unix socket, where none is known.

    Never empty: it is the id in a key, and a key without one is another.
    """
    return (request.client and request.client.host) or "local"


def is_printable(text: str) -> str:
    """Refuse what cannot be printed."""
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


_UserId = Annotated[
    str, Path(min_length=1, max_length=128, description="A user's id, or `me`"), AfterValidator(is_printable)
]


async def _somebody(actor: CurrentActor, user: _UserId) -> str:
    return actor.user_id if user == "me" else user


async def _agent(
    actor: CurrentActor,
    agent: _UserId,
) -> str:
    return actor.user_id if agent == "me" else agent


_CURSOR = "The `cursor` of the page before"

Engine = Annotated[Dispatcher, Depends(_engine)]
AgentInPath = Annotated[str, Depends(_agent)]
SomebodyInPath = Annotated[str, Depends(_somebody)]
CallInPath = Annotated[CallId, Path(alias="call")]
QueueInPath = Annotated[QueueId, Path(alias="queue")]
ContactInPath = Annotated[ContactId, Path(alias="contact")]
AssignmentInPath = Annotated[AssignmentId, Path(alias="assignment")]
Limit = Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX, description="How many at most")]
AgentCursor = Annotated[str, Query(pattern=r"^[0-9]{0,9}$", description=_CURSOR)]
QueueCursor = Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description=_CURSOR)]
ContactCursor = Annotated[str, Query(pattern=r"^([0-9]{13}-[0-9]{4})?$", description=_CURSOR)]
