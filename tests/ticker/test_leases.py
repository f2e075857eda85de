"""The leases of a node: each tenant's is renewed in its time, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dispatcher import leases
from dispatcher.errors import Code, DispatcherError
from dispatcher.leases import Leases


class Servers:
    """What renews leases: `silent` tenants are on a server that does not answer, `broken` ones raise."""

    def __init__(self, count: int) -> None:
        self.tenants = [f"t{number:03}" for number in range(count)]
        self.silent: set[str] = set()
        self.broken: dict[str, Exception] = {}
        self.renewed: Counter[str] = Counter()
        self.again = asyncio.Event()

    async def renew_lease(self, tenant: str, node_id: str) -> int:
        assert node_id == "n1"
        self.renewed[tenant] += 1
        self.again.set()
        if tenant in self.silent:
            await asyncio.Event().wait()
        if tenant in self.broken:
            raise self.broken[tenant]
        return 1

    async def until_all(self, count: int) -> None:
        """Wait until each tenant that answers was renewed so often."""
        while any(self.renewed[tenant] < count for tenant in set(self.tenants) - self.silent):
            self.again.clear()
            await self.again.wait()


@asynccontextmanager
async def running(servers: Servers) -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    one = Leases(servers, "n1", lambda: servers.tenants)
    await one.start()
    try:
        yield
    finally:
        await one.stop()
    assert asyncio.all_tasks() <= before


async def test_a_server_that_is_silent_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of the tenants has some of it: waiting for them part by part would outlast every lease."""
    monkeypatch.setattr(leases, "RENEW_S", 0.1)
    servers = Servers(350)
    servers.silent = set(servers.tenants[::10])
    async with asyncio.timeout(10), running(servers):
        await servers.until_all(3)
    assert {servers.renewed[tenant] for tenant in servers.silent} == {1}, "it is asked once until it answers"


async def test_a_tenant_that_fails_is_renewed_again_and_the_others_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_S", 0.05)
    servers = Servers(3)
    servers.broken = {"t000": DispatcherError(Code.UNAVAILABLE), "t001": ValueError("nonsense")}
    async with asyncio.timeout(10), running(servers):
        await servers.until_all(3)
