"""The clients of the bench: HTTP and WebSocket spoken as plainly as may be, so that what is measured is the server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from typing import Any, Self

TEXT_FRAME = 0x81
CLOSE_FRAME = 0x88


class Connection:
    """One kept-alive connection for HTTP, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a server of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it, as it does with idle ones."""
        return self.reader.at_eof()

    async def post(self, path: str, body: str, token: str = "") -> tuple[int, bytes]:
        """Send a body; return the status and the answer."""
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{bearer}"
        data = body.encode()
        self.writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in answer.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return int(answer[9:12]), await self.reader.readexactly(length)

    def close(self) -> None:
        """Close it."""
        self.writer.close()


class Socket:
    """One WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, path: str = "/v1/ws") -> Self:
        """Connect and upgrade."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(answer.split(b"\r\n")[0].decode())
        return cls(reader, writer)

    def send(self, text: str) -> None:
        """Send a text frame. Its mask is zero: it hides nothing, and costs nothing."""
        data = text.encode()
        size = len(data)
        head = (
            struct.pack("!BB", TEXT_FRAME, 0x80 | size) if size < 126 else struct.pack("!BBH", TEXT_FRAME, 0xFE, size)
        )
        self.writer.write(head + b"\0\0\0\0" + data)

    async def receive(self) -> str:
        """Wait for a text frame. Raises ConnectionError when the server closes."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        data = await self.reader.readexactly(size)
        if first != TEXT_FRAME:
            raise ConnectionError(f"the server closed: {data!r}")
        return data.decode()

    async def ask(self, id: int, cmd: str, **args: Any) -> Any:
        """Send a command; return its result. Raises RuntimeError where it is refused."""
        self.send(json.dumps({"id": id, "cmd": cmd, "args": args}))
        while True:
            answer = json.loads(await self.receive())
            if answer.get("id") == id:
                if not answer["ok"]:
                    raise RuntimeError(answer["error"])
                return answer.get("result")

    def close(self) -> None:
        """Close it."""
        self.writer.close()
