"""What waits to be written to one socket. It is bounded: a reader who cannot keep up is closed, not waited for."""

from __future__ import annotations

import asyncio
from collections import deque


class Outbox:
    """A queue of frames with one reader. `put` never waits; it answers False when the frame does not fit."""

    __slots__ = ("_bytes", "_bytes_max", "_frames", "_frames_max", "_more", "close")

    def __init__(self, frames_max: int, bytes_max: int) -> None:
        self._frames: deque[str] = deque()
        self._frames_max = frames_max
        self._bytes = 0
        self._bytes_max = bytes_max
        self._more = asyncio.Event()
        self.close: tuple[int, str] | None = None

    def put(self, frame: str) -> bool:
        """Add a frame. The first one always fits: an answer may be large, and nobody is slow yet."""
        if self._frames and (len(self._frames) >= self._frames_max or self._bytes + len(frame) > self._bytes_max):
            return False
        self._frames.append(frame)
        self._bytes += len(frame)
        self._more.set()
        return True

    def end(self, code: int, reason: str, *, drop: bool = False) -> None:
        """Close the socket behind the frames that are there; with `drop` instead of them."""
        if drop:
            self._frames.clear()
            self._bytes = 0
        self.close = (code, reason)
        self._more.set()

    async def take(self) -> str | None:
        """Return the next frame; None: there are none left, and the socket is to be closed."""
        while not self._frames:
            if self.close is not None:
                return None
            self._more.clear()
            await self._more.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame
