"""What the cases of nodes and of absence have in common: the times, a lease, a tick, the timers."""

from __future__ import annotations

from typing import Any

from tests.scripts.world import World

LEASE = 10_000
AGENT_GRACE = 30_000
CUSTOMER_GRACE = 60_000


async def renew(world: World, node: str = "n") -> int:
    return int(await world.run("node_renew", node_id=node))


async def tick_at(world: World, now: int) -> list[str]:
    """Set the clock, tick once; return what was told."""
    await world.at(now)
    await world.run("tick")
    return world.told()


async def timers(world: World) -> dict[str, int]:
    pairs: Any = await world.store.client.zrange(world.key("timers"), 0, -1, withscores=True)
    return {member: int(at) for member, at in pairs}


async def state(world: World, agent: str = "anna") -> str:
    return str((await world.show(agent))["state"])
