from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from api import http
from api.auth import Tokens
from api.origins import Origins
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.model import Role
from dispatcher.settings import Settings
from tests.api.fakes import FakeDispatcher

BODY_BYTES_MAX = 262_144


@dataclass
class FakeNode:
    settings: Settings
    tokens: Tokens
    dispatcher: Dispatcher
    origins: Origins
    failure: DispatcherError | None = None

    async def ready(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(["k" * 32])


@pytest.fixture
def fake() -> FakeDispatcher:
    return FakeDispatcher()


@pytest.fixture
def app(fake: FakeDispatcher, tokens: Tokens) -> FastAPI:
    """The HTTP door before a stand-in for the engine."""
    app = http.build(body_bytes_max=BODY_BYTES_MAX)
    http.furnish(app, FakeNode(Settings(node_id="n1"), tokens, cast(Dispatcher, fake), Origins(fake.get_origins)))
    return app


class Door(httpx.AsyncClient):
    """A client that can wear the token of anybody."""

    tokens: Tokens

    def as_(self, user_id: str, *roles: Role, queues: Iterable[str] | None = None, ttl_s: int = 3600) -> dict[str, str]:
        given = None if queues is None else list(queues)
        token = self.tokens.mint("t", user_id, user_id.title(), roles or (Role.CUSTOMER,), given, ttl_s).token
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def door(app: FastAPI, tokens: Tokens) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with Door(transport=transport, base_url="http://door") as client:
        client.tokens = tokens
        yield client
