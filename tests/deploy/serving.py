"""A store of deploy/ at work: two nodes, an agent and a customer on it, with the rights of the service's user."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from dispatcher import doctor
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import Store
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.api.nodes import Running, node

TOKEN = SecretStr("m" * 20)


async def a_contact_is_served(store: Store, tenant: str) -> None:
    """Create a tenant, and serve a customer on another node than his agent's, who missed him at first."""
    engine = Dispatcher(Runner(store, Scripts()))
    secret = await engine.create_tenant(tenant)
    boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    await engine.create_queue(boss, QueueCreate(queue_id="q", offer_timeout=1))
    async with asyncio.timeout(30), node(store, "a", metrics_token=TOKEN) as a, node(store, "b") as b:
        await _serve(a, b, tenant, secret)
        scrape = await a.http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN.get_secret_value()}"})
        assert "dispatcher_node_info" in scrape.text
        assert (await a.http.get("/readyz")).status_code == 200
    assert await doctor.check(store, tenant, with_log=True) == []


async def _serve(a: Running, b: Running, tenant: str, secret: str) -> None:
    ann = await a.login(tenant, secret, "ann", "agent")
    carl = await b.login(tenant, secret, "carl")
    async with a.socket(ann, "x" * 16) as agent, b.socket(carl, "y" * 16) as customer:
        await a.http.put("/v1/agents/me/queues/q", headers=ann)
        contact = (await b.http.post("/v1/contacts", json={"queue_id": "q"}, headers=carl)).json()
        await agent.until("assignment.offered")
        # A timer, carried out by a node.
        assert (await agent.until("assignment.cancelled"))["reason"] == "missed"
        await agent.until("assignment.offered")
        path = f"/v1/contacts/{contact['contact_id']}"
        for verb in ("start", "complete"):
            done = await a.http.post(f"{path}/{verb}", headers=ann)
            assert done.status_code == 200, done.text
        await customer.until("contact.ended")
