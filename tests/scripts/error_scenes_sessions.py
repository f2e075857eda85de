"""Failures of commands on sessions, prepared."""

from __future__ import annotations

from tests.scripts.error_scenes import Arguments, scene
from tests.scripts.world import World


@scene("session_open", code="PARAM_ERR")
async def _(world: World) -> Arguments:
    return {"actor": "boss", "session_id": "s", "node_id": "n", "watch": 1}


@scene("session_open", code="RATE_LIMITED")
async def _(world: World) -> Arguments:
    for n in range(8):
        await world.run("session_open", actor="boss", client=f"c{n}", session_id=f"s{n}", node_id="n", watch=1)
    return {"actor": "boss", "client": "c8", "session_id": "s8", "node_id": "n", "watch": 1}
