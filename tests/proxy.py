"""A TCP proxy before a server, to lose what a network loses: answers, connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_MESSAGE = re.compile(rb"(\*3\r\n\$8\r\nsmessage\r\n\$\d+\r\n[^\r]*\r\n\$\d+\r\n[^\r]*\r\n)")
"""A message of a sharded channel, whole: the JSON that is published has no line ends."""


class _Pipe:
    """One connection: whether it reads channels, and whether it is a black hole by now."""

    reads = False
    frozen = False
    writers: frozenset[asyncio.StreamWriter] = frozenset()


class Proxy:
    """Forwards both ways. `swallow`: answers are dropped; the events tell what has passed since they were cleared."""

    def __init__(self, port: int) -> None:
        self.swallow = False
        self.black_hole = False
        """Whether a connection lets nothing more through, either way, once it begins to read channels."""
        self.lose = 0
        """So many messages of channels are yet to be lost, each as if it had never been published."""
        self.asked = asyncio.Event()
        """Set when bytes went to the server."""
        self.answered = asyncio.Event()
        """Set when bytes came from the server, forwarded or swallowed."""
        self._server_port = port
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pipes: set[_Pipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The store's URL through the proxy."""
        return f"redis://127.0.0.1:{self.port}"

    def to(self, port: int) -> None:
        """Forward new connections to another server."""
        self._server_port = port

    def cut(self) -> None:
        """Drop every connection, at both ends."""
        for writer in self._writers:
            writer.transport.abort()

    def cut_readers(self) -> None:
        """Drop the connections that read channels, at both ends."""
        for pipe in self._pipes:
            if pipe.reads:
                for writer in pipe.writers:
                    writer.transport.abort()

    def freeze_readers(self) -> None:
        """Let nothing more through, either way, on the connections that read channels, and close none of them."""
        for pipe in self._pipes:
            pipe.frozen = pipe.reads

    async def _carry(self, near: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            far, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            to_client.close()
            return
        both = {to_client, to_server}
        self._writers |= both
        pipe = _Pipe()
        pipe.writers = frozenset(both)
        self._pipes.add(pipe)
        pumps = [
            asyncio.create_task(self._pump(near, to_server, self.asked, pipe, False), name="proxy to server"),
            asyncio.create_task(self._pump(far, to_client, self.answered, pipe, True), name="proxy to client"),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for writer in both:
                writer.close()
            self._writers -= both
            self._pipes.discard(pipe)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passed: asyncio.Event,
        pipe: _Pipe,
        answers: bool,
    ) -> None:
        try:
            while data := await source.read(65_536):
                if not answers and not pipe.reads and b"SSUBSCRIBE" in data:
                    pipe.reads, pipe.frozen = True, self.black_hole
                if not pipe.frozen and not (answers and self.swallow):
                    sink.write(self._without_lost(data) if answers and pipe.reads else data)
                    await sink.drain()
                passed.set()
        except OSError:
            pass

    def _without_lost(self, data: bytes) -> bytes:
        kept = b""
        for part in _MESSAGE.split(data):
            if self.lose and _MESSAGE.fullmatch(part):
                self.lose -= 1
            else:
                kept += part
        return kept

    def _accept(self, near: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(near, to_client), name="proxy connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def start(self) -> None:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        assert self._listener is not None
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def before(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy before the server on `port`."""
    proxy = Proxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
