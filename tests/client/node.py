"""A node of which the test is the mind: it takes connections and frames, and answers when told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

from tests.client.faces import connect, http

SECONDS = 5


class Peer:
    """One connection, seen from the node."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def frame(self, cmd: str) -> dict[str, Any]:
        """Take the next frame, which must be this command."""
        async with asyncio.timeout(SECONDS):
            frame: dict[str, Any] = json.loads(await self.connection.recv())
        assert frame["cmd"] == cmd
        return frame

    async def answer(self, frame: dict[str, Any], result: Any = None, **members: Any) -> None:
        await self.send({"id": frame["id"], "ok": True, "result": result} | members)

    async def refuse(self, frame: dict[str, Any], code: str, errno: int = 8) -> None:
        error = {"code": code, "errno": errno, "detail": "as the test says"}
        await self.send({"id": frame["id"], "ok": False, "error": error})

    async def events(self, *events: tuple[str, dict[str, Any]], **members: Any) -> None:
        await self.send({"events": [{"event": name, "data": data} for name, data in events], "at": 1} | members)

    async def send(self, frame: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(frame))

    async def close(self, code: int, reason: str = "") -> None:
        await self.connection.close(code, reason)

    def drop(self) -> None:
        """Cut the connection without a word."""
        self.connection.transport.abort()


class Node:
    """The listening side. Connections come out of `peer()` in their order."""

    def __init__(self, face: str) -> None:
        self.face = face
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()
        self.server: Server | None = None
        self.url = ""

    def listen(self, server: Server) -> None:
        self.server = server
        host, port = next(iter(server.sockets)).getsockname()[:2]
        self.url = f"http://{host}:{port}"

    def stop(self) -> None:
        """Listen no more; the address stays as it was."""
        assert self.server is not None
        # At once: what `websockets` does itself comes a moment later, and a client of another thread may be first.
        if self.server.server is not None:
            self.server.server.close()
        self.server.close()

    async def peer(self) -> Peer:
        """Take the next connection, before its hello."""
        async with asyncio.timeout(SECONDS):
            return await self.peers.get()

    async def greet(self, snapshot: dict[str, Any]) -> Peer:
        """Take the next connection and answer its hello."""
        peer = await self.peer()
        await peer.answer(await peer.frame("hello"), snapshot)
        return peer

    async def connect(self, **options: Any) -> Any:
        """Connect a client, with the face of this test."""
        return await connect(self.face, self.url, "a token", **options)

    def http(self) -> Any:
        """Open the door of HTTP, with the face of this test."""
        return http(self.face, self.url)

    async def meet(self, snapshot: dict[str, Any], **options: Any) -> tuple[Any, Peer]:
        """Connect a client and greet it."""
        connecting = asyncio.create_task(self.connect(**{"backoff_s": 0.01, **options}), name="connecting")
        peer = await self.greet(snapshot)
        return await connecting, peer


@asynccontextmanager
async def listening(face: str = "async") -> AsyncIterator[Node]:
    node = Node(face)

    async def handle(connection: ServerConnection) -> None:
        node.peers.put_nowait(Peer(connection))
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        node.listen(server)
        yield node


def snapshot(offset: int = 0, **members: Any) -> dict[str, Any]:
    who = {"user": {"user_id": "ann", "name": "Ann", "roles": ["agent"]}}
    return {**who, "assignments": [], "offset": offset, "epoch": "e1", **members}


def contact(state: str = "waiting", **members: Any) -> dict[str, Any]:
    return {
        "contact_id": "1763824800123-0007", "customer_id": "ann", "name": "Ann", "queue_id": "1", "state": state,
        "position": 1 if state in {"waiting", "held"} else None, "queued_at": 1763824800123, "queuing_time_s": 0,
        "ext": "", **members,
    }  # fmt: skip


def assignment(state: str = "offered", **members: Any) -> dict[str, Any]:
    why = {"rule": "order", "queue_priority": 10, "agent_priority": 0, "waited_ms": 1, "idle_ms": 2, "others_able": 0}
    return {
        "assignment_id": "1763824800123-0007-1", "state": state, "agent_id": "ann",
        "contact": contact("preparing", customer_id="bob", name="Bob"), "deadline_at": 1763824830123, "why": why,
        "requested": False, **members,
    }  # fmt: skip


def call(state: str = "ringing", **members: Any) -> dict[str, Any]:
    return {
        "call_id": "1763824801000-0000", "caller_id": "bob", "callee_id": "ann", "state": state, "meeting": None,
        "ext": "", "started_at": 1763824801000, **members,
    }  # fmt: skip


def agent(state: str = "idle", since_at: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "agent_id": "ann", "name": "Ann", "state": state, "since_at": since_at, "dnd": 0,
        "queues": [{"queue_id": "1", "priority": 0}], "load": 0, "capacity": 1, "contacts": [], **members,
    }  # fmt: skip
