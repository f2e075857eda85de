"""One link to the dispatcher over as many WebSocket connections as it takes.

A command belongs to the link, not to a connection: unanswered, it is sent again over the next one under
the same id, and the server carries it out once. Changing commands go one at a time, because the server
remembers the answer of the last one only.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from dispatcher.client.wire import is_loopback, read_error, socket_address
from dispatcher.errors import Code, DispatcherError

HELLO_ID = 1
"""Always the same: commands have higher ids, so ids rise on every connection, repeated ones included."""

HELLO_TIMEOUT_S = 10.0
FRAME_BYTES_MAX = 16 * 2**20
BACKOFF_S_MAX = 8.0
REPEATS_MAX = 5

FINAL_CLOSE_CODES = {
    4400: Code.PARAM_ERR,
    4401: Code.NOT_LOGIN,
    4403: Code.API_NO_PERMISSION,
    4410: Code.KICKOUT_BY_RELOGIN,
}
"""After these no new connection is made. After every other one (4412: the node drains) it is."""

SNAPSHOTS = {"hello", "me"}
"""Commands whose answer is a snapshot."""

PASSING_ERRORS = {Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN, Code.RATE_LIMITED, Code.SERVER_EXCEPTION}
"""Answers to a hello that may be another one the next time."""


@dataclass(slots=True)
class Request:
    """A command on its way: `sent` once any connection may have carried it, `repeated` once it was sent again."""

    cmd: str
    args: dict[str, Any]
    id: int = 0
    sent: bool = False
    repeated: bool = False
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def text(self) -> str:
        """The frame."""
        return json.dumps({"id": self.id, "cmd": self.cmd, "args": self.args})

    def fail(self, error: DispatcherError | None) -> None:
        """End it with the error that ended the link, or, after an ordinary close, by what is known of it."""
        if not self.answer.done():
            code = Code.OUTCOME_UNKNOWN if self.sent else Code.UNAVAILABLE
            self.answer.set_exception(error or DispatcherError(code, "the client was closed"))


class Link:
    """Connect, say hello, beat, reconnect with jitter, repeat.

    `on_snapshot` gets the result of every hello and every `me`, in their order among the frames, `on_frame` every event
    frame, `on_end` (once) the error that ended the link, or None after `close`. `standing` commands (name → arguments)
    hold for one connection and are given again on every new one. `heartbeat_s`: a ping so often; silence for one more
    such time is a dead connection. `backoff_s`: the first wait before a new connection is up to that long.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        heartbeat_s: float,
        backoff_s: float,
        on_snapshot: Callable[[Any], None],
        on_frame: Callable[[dict[str, Any]], None],
        on_end: Callable[[DispatcherError | None], None],
    ) -> None:
        self.address = socket_address(url, "/v1/ws")
        self.token = token
        self.client = secrets.token_hex(16)
        self.last_error: Exception | None = None
        self.standing: dict[str, dict[str, Any]] = {}
        self._ready = asyncio.Event()
        self._heartbeat_s = heartbeat_s
        self._backoff_s = backoff_s
        self._on_snapshot = on_snapshot
        self._on_frame = on_frame
        self._on_end = on_end
        self._last_id = HELLO_ID
        self._pending: dict[int, Request] = {}
        self._turn = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._heard = True
        self._ended = False
        self._error: DispatcherError | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, timeout_s: float) -> None:
        """Begin to connect, and wait for the first hello. Errors: UNAVAILABLE after `timeout_s`, what ends a link."""
        self._task = asyncio.create_task(self._run(), name=f"dispatcher client {self.client[:8]}")
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise DispatcherError(Code.UNAVAILABLE, f"{self.address}: {self.last_error}") from self.last_error
        self.check()

    async def close(self) -> None:
        """End the link. Commands without an answer fail."""
        if self._task is not None:
            self._task.cancel()
            # A cancelled task has closed its connection on its way out.
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self) -> None:
        """Raise what ended the link, if it ended."""
        if self._ended:
            raise self._error or DispatcherError(Code.UNAVAILABLE, "the client is closed")

    async def call(self, cmd: str, args: dict[str, Any], *, changes: bool, timeout_s: float) -> Any:
        """Send a command and return its result, over however many connections.

        Errors: those of the command; after `timeout_s` UNAVAILABLE (never sent) or OUTCOME_UNKNOWN. A caller
        who is cancelled leaves a command that may or may not be carried out.
        """
        return await self._carry_out(Request(cmd, args), self._turn if changes else contextlib.nullcontext(), timeout_s)

    async def change(self, cmd: str, args: dict[str, Any], *, timeout_s: float) -> tuple[Any, bool]:
        """Send a changing command; return its result, and whether that may be of long ago: its first one, repeated.

        Errors: as `call`.
        """
        request = Request(cmd, args)
        return await self._carry_out(request, self._turn, timeout_s), request.repeated

    async def _carry_out(self, request: Request, turn: AbstractAsyncContextManager[None], timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s), turn:
                return await self._ask(request)
        except TimeoutError:
            code = Code.OUTCOME_UNKNOWN if request.sent else Code.UNAVAILABLE
            raise DispatcherError(code, f"{request.cmd}: no answer in {timeout_s:g} s") from self.last_error

    async def _ask(self, request: Request) -> Any:
        self._last_id += 1
        request.id = self._last_id
        self._pending[request.id] = request
        try:
            for attempt in itertools.count():
                self.check()
                if attempt:
                    request.repeated = True
                    request.answer = asyncio.get_running_loop().create_future()
                await self._send(request)
                reply = await request.answer
                if reply.get("ok"):
                    return _result(reply)
                error = read_error(reply.get("error"))
                if error.code is not Code.OUTCOME_UNKNOWN or attempt == REPEATS_MAX:
                    raise error
                await asyncio.sleep(self._pause_s(attempt))
        finally:
            del self._pending[request.id]

    async def _send(self, request: Request) -> None:
        if self._connection is not None:
            request.sent = True
            # What a closed connection did not carry, the next one repeats.
            with contextlib.suppress(ConnectionClosed):
                await self._connection.send(request.text)

    async def _run(self) -> None:
        error: DispatcherError | None = None
        try:
            error = await self._connect_until_final()
        finally:
            self._ended, self._error = True, error
            for request in self._pending.values():
                request.fail(error)
            self._ready.set()
            self._on_end(error)

    async def _connect_until_final(self) -> DispatcherError:
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            final = await self._connect_once()
            if final is not None:
                return final
            if asyncio.get_running_loop().time() - began > BACKOFF_S_MAX:
                failures = 0
            await asyncio.sleep(self._pause_s(failures))
            failures += 1

    async def _connect_once(self) -> DispatcherError | None:
        """Use one connection until it ends; return the error after which there must not be another."""
        connection: ClientConnection | None = None
        try:
            async with connect(
                self.address,
                proxy=None if is_loopback(self.address) else True,
                compression=None,
                ping_interval=None,
                close_timeout=2,
                max_size=FRAME_BYTES_MAX,
            ) as connection:
                await self._hello(connection)
                await self._serve(connection)
        except DispatcherError as error:
            self.last_error = error
            return None if error.code in PASSING_ERRORS else error
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:
            self.last_error = error
        return None if connection is None else _final(connection)

    async def _hello(self, connection: ClientConnection) -> None:
        hello = Request("hello", {"token": self.token, "client": self.client}, id=HELLO_ID)
        await connection.send(hello.text)
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            reply = json.loads(await connection.recv())
        if not reply.get("ok"):
            raise read_error(reply.get("error"))
        self._on_snapshot(reply.get("result"))
        self._ready.set()

    async def _serve(self, connection: ClientConnection) -> None:
        heartbeat = asyncio.create_task(self._beat(connection), name=f"dispatcher heartbeat {self.client[:8]}")
        try:
            await self._repeat(connection)
            async for text in connection:
                self._heard = True
                self._receive(json.loads(text))
        finally:
            self._connection = None
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)

    async def _repeat(self, connection: ClientConnection) -> None:
        """Send everything unanswered, in order of the ids, then what stands; then let commands use the connection."""
        repeated: set[int] = set()
        while waiting := [
            request for id, request in sorted(self._pending.items()) if id not in repeated and not request.answer.done()
        ]:
            for request in waiting:
                repeated.add(request.id)
                request.repeated |= request.sent
                request.sent = True
                await connection.send(request.text)
        self._connection = connection
        for cmd, args in list(self.standing.items()):
            self._last_id += 1
            await connection.send(Request(cmd, args, id=self._last_id).text)

    async def _beat(self, connection: ClientConnection) -> None:
        """Ping so often; abort a connection that was silent since the last ping, or does not take one."""
        await asyncio.sleep(self._heartbeat_s)
        while True:
            self._heard = False
            self._last_id += 1
            ping = json.dumps({"id": self._last_id, "cmd": "ping", "args": {}})
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await connection.send(ping)
            except TimeoutError:
                break
            except ConnectionClosed:
                return
            await asyncio.sleep(self._heartbeat_s)
            if not self._heard:
                break
        connection.transport.abort()

    def _receive(self, frame: dict[str, Any]) -> None:
        if "events" in frame:
            self._on_frame(frame)
            return
        request = self._pending.get(frame.get("id", 0))
        if request is None or request.answer.done():
            return
        if request.cmd in SNAPSHOTS and frame.get("ok"):
            # Here, in its place among the frames: the node sends none that this one already covers.
            self._on_snapshot(frame.get("result"))
        request.answer.set_result(frame)

    def _pause_s(self, failures: int) -> float:
        """Return the wait before the next try: a random part of a doubling time, so that clients come apart."""
        return random.uniform(0, min(self._backoff_s * 2.0 ** min(failures, 16), BACKOFF_S_MAX))


def _result(reply: dict[str, Any]) -> Any:
    if reply.get("repeated"):
        raise DispatcherError(Code.OUTCOME_UNKNOWN, "carried out before; its answer is no longer kept: see the state")
    return reply.get("result")


def _final(connection: ClientConnection) -> DispatcherError | None:
    code = FINAL_CLOSE_CODES.get(connection.close_code or 1006)
    if code is None:
        return None
    reason = connection.close_reason or ""
    return DispatcherError(Code[reason] if reason in Code.__members__ else code, reason)
