"""The WebSocket door as an ASGI application, and what outlives a single socket: reporting that it is gone."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.hub import Hub
from dispatcher.model import Role
from dispatcher.tasks import end

if TYPE_CHECKING:
    from api.gateway.socket import Socket

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Origins = Callable[[str], Awaitable[Collection[str]]]

DRAIN_EACH_S = 0.01
"""Between two sockets that are closed by a drain, where they are so few that its time is not needed."""
REPORT_BACKOFF_S = (0.2, 5.0)
LATE_S = (1.0, 10.0, 100.0)
"""The pauses before a session is reported gone again whose opening was given up unanswered."""
_REPEATABLE = frozenset({Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN, Code.RATE_LIMITED})


class Claims(Protocol):
    """What a token says; `expires_at` in epoch ms."""

    @property
    def tenant(self) -> str:
        """The tenant."""

    @property
    def user_id(self) -> str:
        """The user."""

    @property
    def name(self) -> str:
        """His name, for people."""

    @property
    def roles(self) -> frozenset[Role]:
        """What he may do."""

    @property
    def queues(self) -> frozenset[str] | None:
        """What he may serve; None: every queue."""

    @property
    def expires_at(self) -> int:
        """When the token ends (epoch ms)."""


class Tokens(Protocol):
    """Reads tokens."""

    def read(self, token: str) -> Claims:
        """Verify a token. Errors: TOKEN_AUTH_FAILED, TOKEN_TIMEOUT."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a socket. Times in seconds.

    `silence_s`: a client pings every 10 s; after three that did not come its socket is gone. `warn_s`: how long
    before its end a token is said to expire. `outbox_*`: what may wait for a slow reader; a frame is some hundred
    bytes, so the frames are the bound for events, the bytes for large answers. `close_s`: how long a closing
    socket may take to write what is left. `late_s`: see `LATE_S`.
    """

    hello_s: float = 5.0
    silence_s: float = 30.0
    warn_s: float = 30.0
    outbox_frames: int = 1000
    outbox_bytes: int = 4 * 1024 * 1024
    close_s: float = 5.0
    late_s: tuple[float, ...] = LATE_S


async def no_origins(tenant: str) -> Collection[str]:
    """Allow no origin but the node's own host."""
    return ()


class Gateway:
    """GET /v1/ws. Mount it for the scope type `websocket`; `stop` it before the hub, after the server.

    `origins(tenant)` reads the allowed values of `Origin` (`https://host`, or `*`); the node's own host is always
    allowed, and so is a client without `Origin` (not a browser). `open` counts the sockets there are, `too_slow` those
    closed since the start because their outbox was full.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        hub: Hub,
        tokens: Tokens,
        *,
        origins: Origins = no_origins,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.dispatcher = dispatcher
        self.hub = hub
        self.tokens = tokens
        self.origins = origins
        self.limits = limits or Limits()
        self.clock = clock
        self.too_slow = 0
        self.draining = False
        self._sockets: set[Socket] = set()
        self._empty = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it is closed."""
        from api.gateway.socket import Socket  # here, because a socket knows its gateway

        if scope["type"] != "websocket":
            raise RuntimeError("the gateway serves WebSockets only")
        socket = Socket(self, scope, receive, send)
        self._sockets.add(socket)
        try:
            await socket.run()
        finally:
            self._sockets.discard(socket)
            if not self._sockets:
                self._empty.set()

    @property
    def open(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    async def drain(self, within_s: float) -> None:
        """Close every socket with 4412, one after another `within_s` seconds, and wait until they are gone.

        From now on no session is reported gone: the node's lease runs on, so whoever comes back to another node in time
        has lost nothing.
        """
        self.draining = True
        loop = asyncio.get_running_loop()
        begun = loop.time()
        sockets = random.sample(list(self._sockets), len(self._sockets))
        pace_s = min(DRAIN_EACH_S, within_s / max(1, len(sockets)))
        for number, socket in enumerate(sockets):
            # Many at a time, where the clock is too coarse for one.
            if (ahead_s := begun + number * pace_s - loop.time()) > 0:
                await asyncio.sleep(ahead_s)
            socket.drained()
        self._empty.clear()
        if self._sockets:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.close_s + 1):
                    await self._empty.wait()

    def report_gone(self, tenant: str, user_id: str, session_id: str, *, unsure: bool = False) -> None:
        """Report a closed session, again and again until it is answered; not while draining.

        `unsure`: nobody knows whether it was opened, so that it may still be, by a command that was under way on a
        connection given up since, and that this report overtakes. Then it is reported again, some time later.
        """
        if self.draining:
            return
        self._spawn(self._reports, self._report(tenant, user_id, session_id))
        if unsure:
            self._spawn(self._late, self._report_late(tenant, user_id, session_id))

    def _spawn(self, tasks: set[asyncio.Task[None]], job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job, name="gateway:report")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Wait for the reports under way; one that is cut off leaves a session that only its next login ends."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=timeout_s)
        await end(self._reports | self._late)

    async def _report_late(self, tenant: str, user_id: str, session_id: str) -> None:
        for pause_s in self.limits.late_s:
            await asyncio.sleep(pause_s)
            await self._report(tenant, user_id, session_id)

    async def _report(self, tenant: str, user_id: str, session_id: str) -> None:
        delay, longest = REPORT_BACKOFF_S
        while True:
            try:
                await self.dispatcher.close_session(tenant, user_id, session_id)
                return
            except DispatcherError as error:
                log.warning("session.close_failed", tenant=tenant, code=error.code.name)
                if error.code not in _REPEATABLE:
                    return
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, longest)
