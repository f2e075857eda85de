"""The time of what is paced, so that a test can hold it in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Do not make it."""


class Clock(Protocol):
    """Seconds of any origin, and calls at a time. An event loop is one."""

    def time(self) -> float:
        """Return the time."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call at a time."""


async def until(clock: Clock, when: float) -> None:
    """Wait for a time."""
    if when > clock.time():
        passed = asyncio.Event()
        timer = clock.call_at(when, passed.set)
        try:
            await passed.wait()
        finally:
            timer.cancel()
