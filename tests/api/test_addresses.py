"""From where somebody logs in, as his tries are counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from api.app import App, create_app
from dispatcher import doctor
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store
from dispatcher.tenancy import TenantPatch
from tests.api.nodes import KEYS

pytestmark = pytest.mark.lanes("embedded", "redis")

NONE_OF_THESE = "not a secret of anybody"


@contextlib.asynccontextmanager
async def on_a_unix_socket(app: App, path: Path) -> AsyncIterator[httpx.AsyncClient]:
    server = uvicorn.Server(uvicorn.Config(app, uds=str(path), log_level="error"))
    # Ctrl-C stays with pytest.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(), name="uvicorn on a Unix socket")
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.005)
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("way", ["secret", "md5", "password", "api"])
async def test_logins_over_a_unix_socket_are_counted_under_a_key_of_the_scheme(
    store: Store, dispatcher: Dispatcher, tenant: str, tmp_path: Path, way: str
) -> None:
    """There the other side has no address."""
    boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    await dispatcher.update_tenant(boss, TenantPatch(legacy_login=SecretStr("a legacy secret")))
    person = {"tenant": tenant, "user_id": "ann"}
    path, body, code = {
        "secret": ("/v1/login", person | {"secret": NONE_OF_THESE}, "RATE_LIMITED"),
        "md5": ("/v1/login", person | {"secret_md5": NONE_OF_THESE}, "RATE_LIMITED"),
        "password": ("/v1/login", person | {"password": NONE_OF_THESE}, "RATE_LIMITED"),
        "api": ("/CLOUDROOM-API/queue/query", {"RequestId": "1", "CompID": tenant, "SecretKey": "0" * 32}, "5"),
    }[way]
    app = create_app(Settings(node_id="a", token_keys=KEYS, logins_per_minute=1), store)
    async with on_a_unix_socket(app, tmp_path / "node") as local:
        answers = [(await local.post(path, json=body)).json() for _ in range(2)]
    first, second = [answer.get("code") or answer["RspCode"] for answer in answers]
    assert (first != code, second) == (True, code)
    assert await doctor.check(store, tenant) == []
