"""Tokens: who is asking. A token is a JWT (HS256) that carries tenant, user, name, roles, queues and expiry."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Annotated, NamedTuple

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.idempotency import request_key
from api.origins import check_origin
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import TENANT_PATTERN, Actor, Name, QueueId, Role, UserId

ALGORITHM = "HS256"
TTL_DEFAULT_S = 3600
TTL_MIN_S = 60
TTL_MAX_S = 86_400 * 7
TOKEN_LENGTH_MAX = 16_384
EXPIRY_MAX = 253_402_300_799
"""The end of the year 9999 (s)."""
VERIFIED_MAX = 4096
"""Tokens that need not be verified again."""


class Claims(BaseModel):
    """What a token says. `exp` is in seconds since 1970; `queues` limits what an agent serves and requests."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant: Annotated[str, Field(pattern=TENANT_PATTERN)]
    sub: UserId
    name: Name = ""
    roles: Annotated[frozenset[Role], Field(min_length=1)] = frozenset({Role.CUSTOMER})
    queues: frozenset[QueueId] | None = None
    exp: Annotated[int, Field(gt=0, le=EXPIRY_MAX)]

    @property
    def user_id(self) -> str:
        """The user."""
        return self.sub

    @property
    def expires_at(self) -> int:
        """When the token ends (epoch ms)."""
        return self.exp * 1000

    def actor(self, client: str = "", request_id: int = 0) -> Actor:
        """Return who acts; a session adds its client and the id of the request."""
        return Actor(
            tenant=self.tenant,
            user_id=self.sub,
            name=self.name,
            roles=self.roles,
            queues=self.queues,
            client=client,
            request_id=request_id,
        )


class Minted(NamedTuple):
    """A new token, and when it ends (epoch ms)."""

    token: str
    expires_at: int


class Tokens:
    """Makes and reads tokens. The first of `keys` signs; all of them verify, so that keys can be changed."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one key")
        self._keys = tuple(keys)
        # Verifying one takes a fifth of a request's time, and clients send theirs with each.
        self._verified = lru_cache(VERIFIED_MAX)(self._verify)

    def mint(
        self,
        tenant: str,
        user_id: str,
        name: str,
        roles: Collection[Role],
        queues: Collection[str] | None = None,
        ttl_s: int = TTL_DEFAULT_S,
        *,
        made_at: int | None = None,
    ) -> Minted:
        """Sign a token that ends `ttl_s` seconds after it was made (epoch ms; None: now)."""
        now = int(time.time()) if made_at is None else made_at // 1000
        payload: dict[str, object] = {
            "tenant": tenant,
            "sub": user_id,
            "name": name,
            "roles": sorted(role.value for role in roles),
            "iat": now,
            "exp": now + ttl_s,
        }
        if queues is not None:
            payload["queues"] = sorted(queues)
        return Minted(jwt.encode(payload, self._keys[0], algorithm=ALGORITHM), (now + ttl_s) * 1000)

    def read(self, token: str) -> Claims:
        """Verify a token. Errors: TOKEN_TIMEOUT (expired), TOKEN_AUTH_FAILED (anything else)."""
        if len(token) > TOKEN_LENGTH_MAX:
            raise DispatcherError(Code.TOKEN_AUTH_FAILED)
        claims = self._verified(token)
        if claims.exp <= time.time():
            raise DispatcherError(Code.TOKEN_TIMEOUT)
        return claims

    def _verify(self, token: str) -> Claims:
        """Read a token that one of the keys has signed, expired or not. Errors: TOKEN_AUTH_FAILED."""
        for key in self._keys:
            try:
                payload = jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    options={
                        "require": ["exp", "sub", "tenant"],
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_aud": False,
                    },
                )
                return Claims.model_validate(payload)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValidationError, ValueError, RecursionError) as error:
                raise DispatcherError(Code.TOKEN_AUTH_FAILED) from error
        raise DispatcherError(Code.TOKEN_AUTH_FAILED)


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A token of POST /v1/login or /v1/tokens")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def current_claims(request: Request, credentials: Credentials) -> Claims:
    """Return what the token of `Authorization: Bearer` says.

    Errors: NOT_LOGIN (none given), those of `Tokens.read`, API_NO_PERMISSION (a page of a foreign site).
    """
    if credentials is None:
        raise DispatcherError(Code.NOT_LOGIN, "send a token: Authorization: Bearer …")
    tokens: Tokens = request.app.state.node.tokens
    claims = tokens.read(credentials.credentials)
    await check_origin(request.headers, claims.tenant, request.app.state.node.origins)
    return claims


CurrentClaims = Annotated[Claims, Depends(current_claims)]


async def current_actor(request: Request, credentials: Credentials) -> Actor:
    """Return who asks, under which Idempotency-Key. Errors: those of `current_claims`, PARAM_ERR (the key)."""
    actor = (await current_claims(request, credentials)).actor()
    key = await request_key(request)
    return actor.model_copy(update={"request_key": key}) if key else actor


CurrentActor = Annotated[Actor, Depends(current_actor)]
