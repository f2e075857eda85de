"""Looks at the servers of the store as soon as they answer, and says what is wrong with them."""

from __future__ import annotations

import asyncio

import structlog

from dispatcher.errors import DispatcherError
from dispatcher.store.connect import Store
from dispatcher.store.fitness import Finding, examine
from dispatcher.store.wire import why
from dispatcher.tasks import end

AGAIN_S = 2.0

log = structlog.get_logger(__name__)


class Examiner:
    """One look at the store, when it can be had. `start` and `stop` frame its life."""

    def __init__(self, store: Store) -> None:
        self.unfit: tuple[str, ...] = ()
        """Why the service cannot work on this store, as far as is known."""
        self._store = store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="examiner")

    async def stop(self) -> None:
        """Stop looking: nothing is left of it."""
        if self._task is not None:
            await end([self._task])

    async def _run(self) -> None:
        findings = await self._findings()
        self.unfit = tuple(f"{found.server}: {found.text}" for found in findings if found.unfit)
        for found in findings:
            say, event = (log.error, "store.unfit") if found.unfit else (log.warning, "store.not_as_it_should")
            say(event, server=found.server, reason=found.text)

    async def _findings(self) -> list[Finding]:
        """Ask until there is an answer; that there is none is said once."""
        silent = False
        while True:
            try:
                return await examine(self._store)
            except DispatcherError as error:
                if not silent:
                    log.warning("store.not_examined", reason=f"{error.detail}: {why(error)}")
                silent = True
                await asyncio.sleep(AGAIN_S)
