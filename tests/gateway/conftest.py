"""Two nodes on the lane's store, shared by the tests, and a tenant with one queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import Store
from dispatcher.store.runner import Runner
from tests.gateway.node import Node, node

NodeMaker = Callable[..., AbstractAsyncContextManager[Node]]


@pytest.fixture
def make_node(store: Store, dispatcher: Dispatcher) -> NodeMaker:
    """Runs a node with limits of the test's own."""
    return partial(node, store, dispatcher)


@pytest.fixture(scope="session")
async def one(store: Store, runner: Runner) -> AsyncIterator[Node]:
    async with node(store, Dispatcher(runner)) as one:
        yield one


@pytest.fixture(scope="session")
async def other(store: Store, runner: Runner, one: Node) -> AsyncIterator[Node]:
    """A second node on the same store, which believes the same tokens."""
    async with node(store, Dispatcher(runner), tokens=one.tokens) as other:
        yield other


@pytest.fixture
def admin(tenant: str) -> Actor:
    return Actor(tenant=tenant, user_id="root", roles=frozenset({Role.ADMIN}))


@pytest.fixture
async def queue(dispatcher: Dispatcher, admin: Actor) -> str:
    await dispatcher.create_queue(admin, QueueCreate(queue_id="1"))
    return "1"


class Wrapped:
    """The engine with some methods replaced by the test's."""

    def __init__(self, dispatcher: Dispatcher, **methods: Any) -> None:
        self._dispatcher = dispatcher
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._dispatcher, name)
