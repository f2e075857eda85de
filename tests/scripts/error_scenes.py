"""The register of prepared failures, and what several of them begin with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.scripts.world import World

Arguments = dict[str, Any]
Scene = Callable[[World], Awaitable[Arguments]]

SCENES: dict[tuple[str, str], Scene] = {}


def scene(*scripts: str, code: str) -> Callable[[Scene], Scene]:
    """Enter a function that prepares a failure, and returns the arguments of the command that fails."""

    def enter(prepare: Scene) -> Scene:
        for script in scripts:
            assert (script, code) not in SCENES
            SCENES[script, code] = prepare
        return prepare

    return enter


async def served(world: World, *, agent: str = "anna", queue: str = "q") -> str:
    """Let an agent serve a customer, kim; return the contact's id."""
    await world.queue(queue)
    await world.agent(agent, queue)
    contact = await world.customer("kim", queue)
    await world.act(agent, "start", contact)
    return contact
