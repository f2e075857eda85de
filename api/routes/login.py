"""Login with a tenant's secret, tokens for users, and who I am."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import Field

from api.auth import TTL_DEFAULT_S, TTL_MAX_S, TTL_MIN_S, CurrentActor, Tokens
from api.idempotency import request_key
from api.routes.common import Engine, rows
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import (
    SERVED_QUEUES_MAX,
    TENANT_PATTERN,
    Actor,
    Model,
    Name,
    QueueId,
    Role,
    Snapshot,
    User,
    UserId,
)

router = rows("login")

Roles = Annotated[frozenset[Role], Field(min_length=1)]


class TokenRequest(Model):
    """For whom a token is made. Without `name` it is the id; `queues` limits what an agent serves and requests."""

    user_id: UserId
    name: Name | None = None
    roles: Roles
    queues: Annotated[frozenset[QueueId], Field(max_length=SERVED_QUEUES_MAX)] | None = None
    ttl_s: Annotated[int, Field(ge=TTL_MIN_S, le=TTL_MAX_S, strict=True)] = TTL_DEFAULT_S


class LoginRequest(TokenRequest):
    """A backend with the tenant's secret asks for a user's token."""

    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    secret: Annotated[str, Field(min_length=1, max_length=256)]
    roles: Roles = frozenset({Role.CUSTOMER})


class Login(Model):
    """A token, when it ends (epoch ms), and whose it is."""

    token: str
    expires_at: int
    user: User


@router.post("/login")
async def login(body: LoginRequest, request: Request, engine: Engine) -> Login:
    """Log a user in with the tenant's secret."""
    address = request.client.host if request.client else ""
    tries_max = request.app.state.node.settings.logins_per_minute
    await engine.check_secret(body.tenant, body.secret, address, tries_max)
    actor = Actor(tenant=body.tenant, user_id=body.user_id, request_key=await request_key(request))
    return await _mint(request, engine, actor, body)


@router.post("/tokens")
async def mint_token(body: TokenRequest, request: Request, actor: CurrentActor, engine: Engine) -> Login:
    """Make a user's token, as an admin of the tenant."""
    if Role.ADMIN not in actor.roles:
        raise DispatcherError(Code.API_NO_PERMISSION, "needs the role admin")
    return await _mint(request, engine, actor, body)


@router.get("/me")
async def me(actor: CurrentActor, engine: Engine) -> Snapshot:
    """Tell who I am and where I stand: one snapshot of everything."""
    snapshot = await engine.get_snapshot(actor)
    user = snapshot.user.model_copy(update={"roles": _in_order(actor.roles)})
    return snapshot.model_copy(update={"user": user})


async def _mint(request: Request, engine: Dispatcher, actor: Actor, asked: TokenRequest) -> Login:
    """Make a token for whom `asked` names, as `actor` asks; under an Idempotency-Key the first one again."""
    tokens: Tokens = request.app.state.node.tokens
    made_at = await engine.made_at(actor) if actor.request_key else None
    name = asked.user_id if asked.name is None else asked.name
    token, expires_at = tokens.mint(
        actor.tenant, asked.user_id, name, asked.roles, asked.queues, asked.ttl_s, made_at=made_at
    )
    user = User(user_id=asked.user_id, name=name, roles=_in_order(asked.roles))
    return Login(token=token, expires_at=expires_at, user=user)


def _in_order(roles: frozenset[Role]) -> tuple[Role, ...]:
    return tuple(role for role in Role if role in roles)
