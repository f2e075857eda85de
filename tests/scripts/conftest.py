"""Fixtures of the script tests."""

from __future__ import annotations

import uuid

import pytest

from dispatcher.store.connect import Store
from tests.scripts.world import World


@pytest.fixture
async def world(store: Store) -> World:
    """Return a fresh tenant on a virtual clock.

    It is not in the list of tenants, so that no node of another test carries out its timers on the server's clock.
    """
    return await World(store, f"t-{uuid.uuid4().hex[:12]}").begin()
