"""Tasks that live for themselves, and ending them for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextvars import Context
from typing import Any, TypeVar

AGAIN_S = 0.1

ResultT = TypeVar("ResultT")


def by_itself(work: Coroutine[Any, Any, ResultT], name: str) -> asyncio.Task[ResultT]:
    """Start what outlives its cause: what it logs does not carry the id of the request that happened to begin it."""
    return asyncio.create_task(work, name=name, context=Context())


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until each is done; what they raise is dropped.

    Once is not enough: up to Python 3.11 `asyncio.wait_for`, which redis-py uses for every command, swallows a
    cancellation that arrives together with the result, and a task that loops for ever would then go on.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        for task in done:
            # Asked for, so that nobody complains about an exception never retrieved.
            if not task.cancelled():
                task.exception()
