"""A server whose memory is full: nobody comes in, nothing is half done, and everything may end, so that it drains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from tests.scripts.test_headers import DRAINING
from tests.scripts.test_requests import REMEMBERING, scene
from tests.scripts.world import SCRIPTS, World
from tests.servers import Server

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


class FullWorld(World):
    """A tenant on a server whose memory can be filled."""

    async def fill(self) -> None:
        """Let the server refuse whatever needs memory."""
        await self.store.client.config_set("maxmemory", 1)

    async def at(self, now: int) -> None:
        """Set the clock, which is itself a write."""
        full = int((await self.store.client.config_get("maxmemory"))["maxmemory"] or 0)
        await self.store.client.config_set("maxmemory", 0)
        await super().at(now)
        await self.store.client.config_set("maxmemory", full)


@pytest.fixture
async def world(own_server: Server) -> AsyncIterator[FullWorld]:
    """A fresh tenant on a server of its own, which keeps everything."""
    store = await connect(own_server.url)
    await store.client.config_set("maxmemory-policy", "noeviction")
    world = FullWorld(store, "t")
    await world.begin()
    yield world
    await store.close()


async def refused(world: World, script: str, **arguments: Any) -> bool:
    """Whether a script is refused because memory is full; then nothing has changed."""
    runner = Runner(world.store, SCRIPTS)
    before = await world.freeze()
    try:
        await runner.run(script, world.tenant, **arguments)
    except DispatcherError as error:
        code = error.code
    else:
        world.forget()
        return False
    assert code is Code.UNAVAILABLE
    assert (await world.freeze()).same_as(before)
    return True


@pytest.mark.parametrize("script", REMEMBERING)
async def test_only_what_ends_or_frees_is_let_through(world: FullWorld, script: str) -> None:
    given = await scene(world, script)
    await world.fill()
    known = {name: value for name, value in given.items() if name in SCRIPTS.arguments(script)}
    assert await refused(world, script, **known) == (script not in DRAINING)
    await world.check()


async def test_a_full_server_drains(world: FullWorld) -> None:
    await world.queue("q", offer_timeout=10, max_wait=30)
    await world.queue("gone")
    for agent in ("anna", "bert", "cara", "dora"):
        await world.agent(agent, "q")
    contacts = {n: await world.customer(f"k{n}", "q") for n in range(9)}
    await world.act("anna", "start", contacts[0])
    await world.customer("other", "gone")
    await world.fill()
    join = {"actor": "new", "customer_id": "new", "queue_id": "q", "presence": "none"}
    assert await refused(world, "contact_start_queuing", **join)
    assert await refused(world, "session_open", actor="new", session_id="s", node_id="n")
    await world.act("anna", "complete", contacts[0])
    await world.run("assignment_reject", actor="bert", assignment_id=f"{contacts[1]}-1")
    await world.drop("k2")
    await world.drop("dora")
    await world.run("agent_stop_service", actor="dora", agent_id="dora", queue_id="q")
    await world.run("contact_stop_queuing", actor="k5")
    await world.run("contact_stop_queuing", **ROOT, contact_id=contacts[6])
    assert await world.run("queue_delete", **ROOT, queue_id="gone", force=1) is True
    await world.after(3600)
    await world.after(5)
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is True
    left = await world.freeze()
    assert not {"waiting", "held", "preparing", "serving", "timers", "able", "heads", "agents"} & left.facets()
    await world.store.client.config_set("maxmemory", 0)
    assert not await refused(world, "session_open", actor="new", session_id="s", node_id="n")
    await world.check()
