"""Fixtures of the script tests."""

from __future__ import annotations

import pytest

from dispatcher.store.connect import Store
from tests.scripts.world import World


@pytest.fixture
async def world(store: Store, tenant: str) -> World:
    """Return a fresh tenant on a virtual clock."""
    return await World(store, tenant).begin()
