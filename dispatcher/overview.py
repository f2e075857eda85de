"""The counts of a tenant at a glance: its queues, and its agents by state. For gauges and for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from dispatcher.commands import LIST_LIMIT_MAX
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Page, Queue, Role

ItemT = TypeVar("ItemT")


class Budget:
    """How many pages may still be read: what an overview costs the store is bounded by it."""

    def __init__(self, pages: int) -> None:
        self.left = pages

    def take(self) -> bool:
        """Take one page; False when there is none left."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Overview:
    """A tenant's queues with their status, in order of their ids, and how many agents are in each state.

    `complete` is False where the budget ended before the lists did.
    """

    queues: tuple[Queue, ...]
    agents: Counter[str]
    complete: bool


async def read(engine: Dispatcher, tenant: str, budget: Budget) -> Overview:
    """Read an overview, a page at a time. Not atomic: each page is. Errors: those of the lists."""
    actor = Actor(tenant=tenant, user_id="", roles=frozenset({Role.SUPERVISOR}))

    async def queues(cursor: str) -> Page[Queue]:
        return await engine.list_queues(actor, status=True, limit=LIST_LIMIT_MAX, cursor=cursor)

    found, all_queues = await _all(queues, budget)
    agents, all_agents = await _all(
        lambda cursor: engine.list_agents(actor, limit=LIST_LIMIT_MAX, cursor=cursor), budget
    )
    states = Counter(agent.state.value for agent in agents)
    return Overview(tuple(found), states, all_queues and all_agents)


async def _all(page: Callable[[str], Awaitable[Page[ItemT]]], budget: Budget) -> tuple[list[ItemT], bool]:
    """Read pages to the end of a list, or of the budget; tell which of the two."""
    items: list[ItemT] = []
    cursor: str | None = ""
    while cursor is not None:
        if not budget.take():
            return items, False
        part = await page(cursor)
        items += part.items
        cursor = part.cursor
    return items, True
