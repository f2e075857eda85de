"""Leases: a node says every 3 s, in each tenant whose sessions it holds, that it lives.

A node that is killed says nothing any more; 10 s later whoever ticks the tenant ends its sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

import structlog

from dispatcher.errors import DispatcherError
from dispatcher.tasks import end

RENEW_S = 3.0
"""A third of a lease, and a bit: two renewals that were lost are forgiven."""

AT_ONCE = 100
WAIT_S = 0.05
"""How long some tenants may hold up the next ones; they go on by themselves."""

log = structlog.get_logger(__name__)


class Renews(Protocol):
    """What the leases need of the engine."""

    async def renew_lease(self, tenant: str, node_id: str) -> int:
        """Say that a node lives; answer how many sessions it holds."""
        ...


class Leases:
    """The leases of one node. `tenants` lists those whose sessions it holds; `start` and `stop` frame its life."""

    def __init__(self, engine: Renews, node: str, tenants: Callable[[], Collection[str]]) -> None:
        self._engine = engine
        self._node = node
        self._tenants = tenants
        self._task: asyncio.Task[None] | None = None
        self._renewing: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begin to renew."""
        self._task = asyncio.create_task(self._run(), name="leases")

    async def stop(self) -> None:
        """Stop renewing: what leases there are run on for their 10 s."""
        if self._task is not None:
            await end([self._task])
        await end(list(self._renewing.values()))

    async def _run(self) -> None:
        while True:
            due_s = asyncio.get_running_loop().time() + RENEW_S
            tenants = [tenant for tenant in self._tenants() if tenant not in self._renewing]
            for first in range(0, len(tenants), AT_ONCE):
                # Of a cluster one server may not answer for longer than the leases on all others last.
                await asyncio.wait([self._begin(tenant) for tenant in tenants[first : first + AT_ONCE]], timeout=WAIT_S)
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))

    def _begin(self, tenant: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._renew(tenant), name=f"leases.renew:{tenant}")
        self._renewing[tenant] = task
        task.add_done_callback(lambda _: self._renewing.pop(tenant))
        return task

    async def _renew(self, tenant: str) -> None:
        try:
            if not await self._engine.renew_lease(tenant, self._node):
                # They are closed in Redis; comparing will tell, and their clients come again.
                log.warning("lease.ended", tenant=tenant, node=self._node)
        except DispatcherError as error:
            log.warning("lease.failed", tenant=tenant, node=self._node, code=error.code.name)
        except Exception:
            # A defect in one tenant's data must not cost the others their connections.
            log.exception("lease.broken", tenant=tenant, node=self._node)
