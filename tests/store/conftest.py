from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from dispatcher.store.connect import Store, connect
from dispatcher.store.runner import Runner
from tests.proxy import Proxy, before
from tests.servers import Server
from tests.store.standin import Standin


@pytest.fixture
def name() -> str:
    """A tenant's name of the test's own; the stand-in scripts need nothing of a tenant but that."""
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def standin(store: Store) -> Runner:
    """The stand-in scripts on the lane's store."""
    return Runner(store, Standin())


@pytest.fixture
async def proxy(own_server: Server) -> AsyncIterator[Proxy]:
    """A proxy before the test's own server."""
    async with before(own_server.port) as proxy:
        yield proxy


@pytest.fixture
async def own(proxy: Proxy) -> AsyncIterator[Runner]:
    """The stand-in scripts on the test's own server, through the proxy."""
    store = await connect(proxy.url)
    yield Runner(store, Standin())
    await store.close()
