"""A store of timers in memory, shared by several tickers: what a server does for several nodes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.errors import Code, DispatcherError


@dataclass
class World:
    """Timers of tenants, the node list, and a clock that is `ahead_ms` of this machine's."""

    ahead_ms: int = 0
    batch: int = 16
    timers: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    names: set[str] = field(default_factory=set)
    nodes: dict[str, int] = field(default_factory=dict)
    fired: list[tuple[str, int, int]] = field(default_factory=list)
    ticks: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    trimmed: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    def arm(self, tenant: str, in_ms: int) -> int:
        due_at = self.now() + in_ms
        self.timers[tenant].append(due_at)
        return due_at

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, looking again whenever a node reaches out."""
        while not holds():
            self.changed.clear()
            await self.changed.wait()

    async def until_fired(self, count: int) -> None:
        await self.until(lambda: len(self.fired) >= count)

    async def until_ticked(self, tenant: str, count: int) -> None:
        await self.until(lambda: self.ticks[tenant] >= count)


class Node:
    """One node's way to the world: its engine and its fleet at once. `failure` is raised instead of an answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.failure: Exception | None = None
        self.failures = 0

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        self.world.changed.set()
        if self.failure is not None:
            self.failures += 1
            raise self.failure

    async def tick(self, tenant: str) -> int | None:
        await self._reach()
        world = self.world
        if tenant not in world.names:
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST)
        now = world.now()
        waiting = sorted(world.timers[tenant])
        due = [at for at in waiting if at <= now][: world.batch]
        world.fired += [(tenant, at, now) for at in due]
        world.timers[tenant] = waiting[len(due) :]
        world.ticks[tenant] += 1
        return world.timers[tenant][0] if world.timers[tenant] else None

    async def now_ms(self) -> int:
        await self._reach()
        return self.world.now()

    async def beat(self, node: str, now_ms: int, lives_ms: int) -> list[str]:
        await self._reach()
        self.world.nodes[node] = now_ms
        return [name for name, at in self.world.nodes.items() if at >= now_ms - lives_ms]

    async def leave(self, node: str) -> None:
        await self._reach()
        self.world.nodes.pop(node, None)

    async def tenants(self) -> list[str]:
        await self._reach()
        return sorted(self.world.names)

    async def trim(self, tenant: str, now_ms: int) -> None:
        await self._reach()
        self.world.trimmed.append(tenant)
