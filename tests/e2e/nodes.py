"""Two real nodes on one store, and people who come to them over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from api.app import create_app
from dispatcher.client import Client, Http
from dispatcher.demo.service import listening
from dispatcher.model import Event, QueueCreate, Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store

SECONDS = 15

ValueT = TypeVar("ValueT")


@asynccontextmanager
async def two_nodes(url: str, store: Store) -> AsyncIterator[tuple[str, str]]:
    """Run two nodes on the store at `url`, each with connections of its own; embedded, both use `store`.

    Gives their addresses. They sign tokens with the same key, as the nodes of one service do.
    """
    async with AsyncExitStack() as stack:
        addresses = []
        for name in ("one", "two"):
            settings = Settings(redis_url=url, node_id=f"e2e-{name}", token_keys=SecretStr("e2e" * 16))
            app = create_app(settings, store if store.is_embedded else None)
            address, _ = await stack.enter_async_context(listening(app, "127.0.0.1", 0))
            addresses.append(address)
        yield addresses[0], addresses[1]


class World:
    """A tenant of one test. Agents come to the first node, customers to the second, unless told otherwise."""

    def __init__(self, tenant: str, secret: str, nodes: tuple[str, str]) -> None:
        self.tenant = tenant
        self.secret = secret
        self.nodes = nodes
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.boss = await self.http("boss", Role.ADMIN)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def token(self, user_id: str, *roles: Role, node: int = 0) -> str:
        """Log in over HTTP with the tenant's secret."""
        async with Http(self.nodes[node]) as door:
            login = await door.login(self.tenant, self.secret, user_id, name=user_id.title(), roles=roles or None)
        return login.token

    async def http(self, user_id: str, *roles: Role, node: int = 0) -> Http:
        """Log in, for HTTP."""
        token = await self.token(user_id, *roles, node=node)
        return await self._stack.enter_async_context(Http(self.nodes[node], token))

    async def agent(self, user_id: str, *, node: int = 0, url: str = "") -> Client:
        """Log in and connect, as an agent; `url`: by another way than the node's address."""
        return await self.connect(await self.token(user_id, Role.AGENT, node=node), url or self.nodes[node])

    async def customer(self, user_id: str, *, node: int = 1, url: str = "") -> Client:
        """Log in and connect, as a customer."""
        return await self.connect(await self.token(user_id, node=node), url or self.nodes[node])

    async def connect(self, token: str, url: str) -> Client:
        """Connect with a token. It is closed with the world, if not before."""
        return await self._stack.enter_async_context(
            await Client.connect(url, token, timeout_s=SECONDS, backoff_s=0.05)
        )

    async def queue(self, queue_id: str, **policy: Any) -> str:
        """Create a queue."""
        return (await self.boss.create_queue(QueueCreate(queue_id=queue_id, **policy))).queue_id


async def until(read: Callable[[], Awaitable[ValueT]], holds: Callable[[ValueT], bool]) -> ValueT:
    """Ask again and again, where nobody is told by an event, until it holds."""
    async with asyncio.timeout(SECONDS):
        while not holds(value := await read()):
            pass
        return value


def of(queue_id: str, **counts: int) -> Callable[[Event], bool]:
    """Match the `queue.status` of a queue with these counts."""
    wanted = {"queue_id": queue_id, **counts}
    return lambda event: wanted.items() <= event.data.items()


async def offered(agent: Client) -> str:
    """Wait for the next offer; return whom it brings."""
    event = await agent.wait_for("assignment.offered")
    customer: str = event.data["contact"]["customer_id"]
    return customer


async def serve(agent: Client, customer: Client) -> None:
    """Serve the offered customer from acceptance to the end."""
    (assignment,) = agent.state.assignments
    await agent.accept(assignment.assignment_id)
    await agent.start(assignment.contact.contact_id)
    await customer.wait_for("contact.serving")
    await agent.complete(assignment.contact.contact_id)
    assert (await customer.wait_for("contact.ended")).data["reason"] == "completed"
    await agent.wait_for("assignment.completed")
