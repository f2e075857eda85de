"""Login with a tenant's secret, tokens for users, and who I am."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Request
from pydantic import Field, model_validator

from api.auth import TTL_DEFAULT_S, TTL_MAX_S, TTL_MIN_S, CurrentActor, Tokens
from api.idempotency import request_key, slow_request_key
from api.origins import check_origin
from api.routes.common import Engine, address_of, rows
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import TENANT_PATTERN, Actor, Model, Name, Role, Snapshot, User, UserId
from dispatcher.settings import Settings
from dispatcher.tenancy import Queues, Roles, Secret

router = rows("login")

_PAGE_ROLES = frozenset({Role.CUSTOMER, Role.AGENT})

Ttl = Annotated[int, Field(ge=TTL_MIN_S, le=TTL_MAX_S, strict=True)]


class TokenRequest(Model):
    """For whom a token is made. Without `name` it is the id; `queues` limits what an agent serves and requests."""

    user_id: UserId
    name: Name | None = None
    roles: Roles
    queues: Queues | None = None
    ttl_s: Ttl = TTL_DEFAULT_S


class LoginRequest(TokenRequest):
    """A backend with the tenant's secret asks for a user's token, or a person with the password of his account.

    With a password `name`, `roles` and `queues` are those of the account, and are not asked for. A page of old shows
    the MD5 of the tenant's legacy secret, where there is one, and is given customer and agent at most.
    """

    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    secret: Secret | None = None
    secret_md5: Secret | None = None
    password: Secret | None = None
    roles: Roles = frozenset({Role.CUSTOMER})

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if [self.secret, self.secret_md5, self.password].count(None) != 2:
            raise ValueError("exactly one of secret, secret_md5 and password")
        if self.secret_md5 is not None and self.roles - _PAGE_ROLES:
            raise ValueError("with secret_md5, roles are customer and agent at most")
        if self.password is not None and self.model_fields_set & {"name", "roles", "queues"}:
            raise ValueError("with a password, name, roles and queues are those of the account")
        return self


class Login(Model):
    """A token, when it ends (epoch ms), and whose it is."""

    token: str
    expires_at: int
    user: User


@router.post("/login")
async def login(body: LoginRequest, request: Request, engine: Engine) -> Login:
    """Log in: a user with the tenant's secret, a page with the legacy one's MD5, or a person with his password."""
    await check_origin(request.headers, body.tenant, request.app.state.node.origins)
    settings: Settings = request.app.state.node.settings
    address = address_of(request)
    if body.password is None:
        if body.secret is not None:
            secret = body.secret.get_secret_value()
            await engine.check_secret(body.tenant, secret, address, settings.logins_per_minute)
        elif body.secret_md5 is not None:
            md5 = body.secret_md5.get_secret_value()
            await engine.check_legacy_secret(body.tenant, "login", md5, address, settings.logins_per_minute)
        asked: TokenRequest = body
        key = await request_key(request)
    else:
        account = await engine.check_password(
            body.tenant,
            body.user_id,
            body.password.get_secret_value(),
            address=address,
            tries_max=settings.logins_per_minute,
            user_tries_max=settings.passwords_per_minute,
        )
        queues = None if account.queues is None else frozenset(account.queues)
        asked = TokenRequest(
            user_id=body.user_id, name=account.name, roles=frozenset(account.roles), queues=queues, ttl_s=body.ttl_s
        )
        key = await slow_request_key(request)
    return await _mint(request, engine, Actor(tenant=body.tenant, user_id=body.user_id, request_key=key), asked)


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
