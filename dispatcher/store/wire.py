"""One connection to one server: commands go out in batches, answers come back in order.

A command that fails is told apart by whether any of its bytes were written. Nothing written, or refused
by the server before it ran: UNAVAILABLE, surely not applied. Written without an answer: OUTCOME_UNKNOWN.
Nothing here repeats a command.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ClusterError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from dispatcher.errors import Code, DispatcherError
from dispatcher.tasks import by_itself

log = structlog.get_logger(__name__)

DEPTH = 256
"""Commands on the wire at once. Enough to keep a server busy; the rest waits here, where it is surely not applied."""

_REFUSED = (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
_REFUSED_WORDS = ("NOREPLICAS", "MISCONF", "BUSY ", "DENIED", "NOAUTH", "max number of clients reached")
_INSIDE_SCRIPT = " script: "
_CLOSED = RedisConnectionError("closed here")
_RETIRED = RedisConnectionError("no master any more")


class NotSent(RedisConnectionError):
    """The connection could not be made: nothing of the command was written."""


def is_refused(error: BaseException) -> bool:
    """Tell whether `error` is the server's answer that it did not begin to run the command."""
    text = str(error)
    if _INSIDE_SCRIPT in text:
        return False
    return isinstance(error, _REFUSED) or text.startswith(_REFUSED_WORDS)


def error_of(error: Exception) -> DispatcherError:
    """Turn what redis-py raises for one command into the closed set.

    UNAVAILABLE (surely not applied), OUTCOME_UNKNOWN (written, no answer), SERVER_EXCEPTION (the server
    answered with an error of ours: a fault in a script, a wrong type).
    """
    if isinstance(error, DispatcherError):
        return error
    if isinstance(error, (NotSent, RedisClusterException)) or is_refused(error):
        return DispatcherError(Code.UNAVAILABLE)
    if isinstance(error, ResponseError):
        return DispatcherError(Code.SERVER_EXCEPTION)
    if isinstance(error, ClusterError):
        # Only redirections were answered, none of them runs anything.
        return DispatcherError(Code.UNAVAILABLE)
    return DispatcherError(Code.OUTCOME_UNKNOWN)


def why(error: BaseException) -> str:
    """Tell what an error came from, on one line, as far as that is known."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        if isinstance(deeper, asyncio.CancelledError):
            # How asyncio ends what took too long.
            return "no answer in time"
        error = deeper
    # The text of a failed connection is the event loop's own; its number has plainer words.
    number = (error.errno if isinstance(error, OSError) else None) or 0
    return (os.strerror(number) if number > 0 else " ".join(str(error).split()) or type(error).__name__).rstrip(".")


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise DispatcherError for what redis-py raises inside. For plain commands on `Store.client`."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        raise error_of(error) from error


@contextmanager
def _not_sent() -> Iterator[None]:
    try:
        yield
    except NotSent:
        raise
    except (RedisError, OSError) as error:
        raise NotSent(str(error)) from error


class Noting(AbstractConnection):
    """A connection that raises NotSent when it fails before a command is written, and posts batches."""

    async def connect(self) -> None:
        """Connect if not connected."""
        with _not_sent():
            await super().connect()  # type: ignore[no-untyped-call]

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect if not connected: what `connect`, and writing without a connection, do."""
        with _not_sent():
            await super().connect_check_health(check_health, retry_socket_connect)

    @property
    def is_open(self) -> bool:
        """Whether bytes given to `post` can still reach the socket."""
        return self._writer is not None and not self._writer.is_closing()

    def post(self, batch: Sequence[bytes]) -> None:
        """Write packed commands without waiting."""
        if self._writer is not None:
            self._writer.writelines(batch)


class TcpConnection(Noting, Connection):
    """To one server by TCP."""


class TlsConnection(Noting, SSLConnection):
    """To one server by TLS."""


class SentinelConnection(Noting, SentinelManagedConnection):
    """To the master the sentinels name."""

    async def read_response(
        self,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: float | None = True,
        push_request: bool | None = False,
    ) -> Any:
        """Read one answer. Of a demoted master it is ReadOnlyError (redis-py makes it look like a lost answer)."""
        try:
            return await Connection.read_response(
                self,
                disable_decoding,
                timeout,
                disconnect_on_error=bool(disconnect_on_error),
                push_request=push_request,
            )
        except ReadOnlyError:
            if disconnect_on_error:
                await self.disconnect()
            raise


class SentinelTlsConnection(SentinelConnection, SSLConnection):
    """To the master the sentinels name, by TLS."""


def pack(*words: str | bytes) -> bytes:
    """Pack one command as RESP."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Wire:
    """The life of one connection: connects at once, carries commands, ends once and for all.

    What is queued while the loop is busy, or while `depth` commands have no answer yet, goes out as one
    write. `timeout` (s) bounds the wait of a command here and again its wait for the answer.
    """

    def __init__(
        self, connection: Noting, name: str, *, timeout: float, connect_timeout: float, depth: int = DEPTH
    ) -> None:
        self.name = name
        self.alive = True
        self._connection = connection
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._depth = depth
        self.connected = False
        self._flush_due = False
        self._queue: deque[tuple[bytes, asyncio.Future[Any], float]] = deque()
        self._flying: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._cause: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self.task = by_itself(self._live(), f"wire to {name}")

    def call(self, packed: bytes) -> asyncio.Future[Any]:
        """Queue one packed command, and return the future of its answer, which may be cancelled at any time.

        Errors: redis-py's for an error that the server answered; UNAVAILABLE or OUTCOME_UNKNOWN for no answer.
        """
        answer: asyncio.Future[Any] = self._loop.create_future()
        if not self.alive:
            answer.set_exception(_unavailable())
            return answer
        self._queue.append((packed, answer, self._loop.time()))
        if not self._flush_due:
            self._schedule()
        return answer

    async def close(self) -> None:
        """End the connection; commands without an answer fail."""
        self._give_up(_CLOSED)
        await asyncio.wait([self.task])

    async def _live(self) -> None:
        cause: BaseException = _RETIRED
        try:
            async with asyncio.timeout(self._connect_timeout):
                await self._connection.connect()
            self.connected = True
            self._flush()
            await self._read()
        except asyncio.CancelledError as error:
            cause = self._cause or error
            if self._cause is None:
                raise
        except BaseException as error:
            cause = error
            if not isinstance(error, (RedisError, OSError)):
                raise
        finally:
            self._end(cause)
            with suppress(RedisError, OSError):
                await self._connection.disconnect()

    async def _read(self) -> None:
        """Hand each answer to the oldest command in flight, until the wire is retired and empty."""
        read = self._connection.read_response
        flying = self._flying
        while self.alive or flying:
            reply: Any
            try:
                reply = await read(timeout=math.inf, disconnect_on_error=False)
            except (ResponseError, BusyLoadingError, AuthenticationError) as error:
                reply = error
            answer = flying.popleft()[0]
            if not answer.done():
                if isinstance(reply, Exception):
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
            if isinstance(reply, ReadOnlyError):
                self._retire()
            elif self._queue and not self._flush_due:
                self._schedule()

    def _schedule(self) -> None:
        self._flush_due = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if not (self.alive and self.connected and self._queue):
            return
        if not self._connection.is_open:
            self._give_up(RedisConnectionError("closed by the server"))
            return
        now = self._loop.time()
        batch: list[bytes] = []
        while self._queue and len(self._flying) < self._depth:
            packed, answer, since = self._queue.popleft()
            if answer.done():
                continue
            if now - since > self._timeout:
                answer.set_exception(_unavailable())
                continue
            batch.append(packed)
            self._flying.append((answer, now))
        if not batch:
            return
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._timeout, self._watch)
        try:
            self._connection.post(batch)
        except (OSError, RuntimeError) as error:
            self._give_up(error)

    def _watch(self) -> None:
        """Give up when the oldest command in flight has waited `timeout` for its answer."""
        self._timer = None
        if self._flying:
            due = self._flying[0][1] + self._timeout
            if due <= self._loop.time():
                self._give_up(RedisConnectionError(f"no answer for {self._timeout} s"))
            else:
                self._timer = self._loop.call_at(due, self._watch)

    def _give_up(self, cause: Exception) -> None:
        if self._cause is None:
            self.alive = False
            self._cause = cause
            self.task.cancel()

    def _retire(self) -> None:
        """Take no more commands (the server is no longer a master); what is in flight gets its answers."""
        self.alive = False
        while self._queue:
            _fail(self._queue.popleft()[1], _unavailable())

    def _end(self, cause: BaseException) -> None:
        lost = 0
        while self._flying:
            answer = self._flying.popleft()[0]
            lost += 1
            _fail(answer, _unavailable() if is_refused(cause) else DispatcherError(Code.OUTCOME_UNKNOWN))
        self._retire()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if cause is not _CLOSED:
            event = "wire_lost" if self.connected else "wire_refused"
            log.warning(event, server=self.name, cause=str(cause) or type(cause).__name__, without_answer=lost)


def _unavailable() -> DispatcherError:
    return DispatcherError(Code.UNAVAILABLE)


def _fail(answer: asyncio.Future[Any], error: DispatcherError) -> None:
    if not answer.done():
        answer.set_exception(error)
