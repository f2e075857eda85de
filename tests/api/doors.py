"""A node's HTTP door in this process, with people of one tenant or several before it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from api.app import Node, create_app
from dispatcher.model import Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store


class Doors(httpx.AsyncClient):
    """A client of a node; `as_` gives the header of somebody in a tenant."""

    node: Node
    tenant: str
    secret: str

    async def new_tenant(self) -> tuple[str, str]:
        """Create a tenant; return its name and secret."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        return name, await self.node.dispatcher.create_tenant(name)

    def as_(self, user_id: str, *roles: Role, tenant: str = "", **more: str) -> dict[str, str]:
        """Return the headers of a user, with `more` of them (`_` stands for `-`)."""
        token = self.node.tokens.mint(tenant or self.tenant, user_id, user_id.title(), roles or (Role.CUSTOMER,)).token
        return {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): text for name, text in more.items()}


@asynccontextmanager
async def doors(store: Store, **settings: Any) -> AsyncIterator[Doors]:
    """Run a node without a server before it; requests come from the address 127.0.0.1."""
    app = create_app(Settings(**settings), store)
    async with (
        app.node.running(),
        Doors(transport=httpx.ASGITransport(app=app), base_url="http://door.example") as client,
    ):
        client.node = app.node
        client.tenant, client.secret = await client.new_tenant()
        yield client
