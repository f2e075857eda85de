from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.store.connect import Store
from tests.e2e.nodes import World, two_nodes


@pytest.fixture(scope="session")
async def nodes(url: str, store: Store) -> AsyncIterator[tuple[str, str]]:
    """Two nodes on the lane's store."""
    async with two_nodes(url, store) as nodes:
        yield nodes


@pytest.fixture
async def world(dispatcher: Dispatcher, nodes: tuple[str, str]) -> AsyncIterator[World]:
    """A tenant of the test's own on both nodes."""
    tenant = f"t-{uuid.uuid4().hex[:12]}"
    async with World(tenant, await dispatcher.create_tenant(tenant), nodes) as world:
        yield world
