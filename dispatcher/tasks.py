"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.1


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
