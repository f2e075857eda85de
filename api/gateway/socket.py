"""One socket: hello, then command after command; a writer of its own, so that nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from starlette.datastructures import Headers

from api.gateway.commands import COMMANDS, HelloArgs, NoArgs, Sent, parse_args
from api.gateway.gateway import Claims, Gateway, Receive, Scope, Send
from api.gateway.outbox import Outbox
from api.gateway.protocol import BadFrameError, Close, Request, failed, ok, read_request, repeated
from api.origins import check_origin
from dispatcher.errors import Code, DispatcherError, Repeated
from dispatcher.events.frames import frame
from dispatcher.events.member import Member
from dispatcher.model import Actor, Snapshot

log = structlog.get_logger(__name__)

REASON_BYTES_MAX = 123
"""What the WebSocket protocol leaves for the reason of a close."""
_TRY_LATER = frozenset({Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN, Code.RATE_LIMITED})
_NOT_LOGGED_IN = frozenset({Code.TOKEN_AUTH_FAILED, Code.TOKEN_TIMEOUT, Code.TOKEN_APPIDNOTEXIST, Code.NOT_LOGIN})


class Ended(Exception):
    """The client is gone, or the socket is being closed."""


class Socket:
    """A WebSocket from its handshake to its end. It is the hub's sink for the session it carries."""

    __slots__ = (
        "_actor",
        "_client",
        "_gateway",
        "_gone",
        "_member",
        "_opened",
        "_outbox",
        "_receive",
        "_receiving",
        "_scope",
        "_send",
        "_session_id",
        "_timers",
        "_unsure",
    )

    def __init__(self, gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
        limits = gateway.limits
        self._gateway = gateway
        self._scope = scope
        self._receive = receive
        self._send = send
        self._outbox = Outbox(limits.outbox_frames, limits.outbox_bytes)
        self._receiving: asyncio.Timeout | None = None
        self._session_id = secrets.token_hex(16)
        self._actor: Actor | None = None
        self._client = ""
        self._member: Member | None = None
        self._opened = False
        self._unsure = False
        self._gone = False
        self._timers: list[asyncio.TimerHandle] = []

    async def run(self) -> None:
        """Serve until either side closes. Whatever happens, the session is reported gone if it was opened."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        await self._send({"type": "websocket.accept"})
        writer = asyncio.create_task(self._write(), name="gateway:write")
        if self._gateway.draining:
            self.drained()
        try:
            await self._log_in()
            while True:
                await self._answer(await self._next(self._gateway.limits.silence_s))
        except Ended:
            pass
        except BadFrameError as error:
            self._end(Close.BAD_FRAME, str(error))
        except Exception:
            log.exception("gateway.failed")
            self._end(Close.FAILED, "the server failed")
        finally:
            self._leave()
            await self._finish(writer)

    # What the hub calls: see `dispatcher.events.member.Sink`

    def send(self, text: str) -> None:
        """Queue a frame; a reader who is too slow for it is closed."""
        if self._outbox.close is None and not self._outbox.put(text):
            self._gateway.too_slow += 1
            log.info("gateway.too_slow", tenant=self._actor.tenant if self._actor else "")
            self._end(Close.TOO_SLOW, "outbox full", drop=True)

    def replaced(self) -> None:
        """Close: a newer session took over."""
        self._end(Close.REPLACED, "a newer session took over")

    def disowned(self) -> None:
        """Close: Redis no longer knows the session, so the client shall say hello again."""
        self._end(Close.ELSEWHERE, "the session is not known any more")

    def drained(self) -> None:
        """Close: the node is being stopped, so the client shall go to another one."""
        self._end(Close.ELSEWHERE, "the node is draining")

    # Reading

    async def _next(self, timeout_s: float) -> Request:
        """Wait for the next command. Errors: BadFrameError; Ended."""
        if self._outbox.close is not None:
            raise Ended
        try:
            async with asyncio.timeout(timeout_s) as self._receiving:
                message = await self._receive()
        except TimeoutError:
            self._end(Close.NO_HELLO, f"no frame for {timeout_s:g} s")
            raise Ended from None
        finally:
            self._receiving = None
        if message["type"] != "websocket.receive":
            self._gone = True
            raise Ended
        return read_request(dict(message))

    async def _log_in(self) -> None:
        """Take the first frame, which must be hello. Errors: BadFrameError; Ended."""
        request = await self._next(self._gateway.limits.hello_s)
        try:
            if request.cmd != "hello":
                raise DispatcherError(Code.NOT_LOGIN, "the first frame is hello")
            args = parse_args(HelloArgs, request.args)
            claims = self._gateway.tokens.read(args.token)
            await check_origin(Headers(scope=self._scope), claims.tenant, self._gateway.origins)
            self._client = args.client or secrets.token_hex(16)
            self._actor = self._actor_of(claims)
            # From here on the session may exist, whatever becomes of the answer.
            self._opened = True
            self._member = await self._gateway.hub.join(
                self._actor, self._session_id, self, self._tell_snapshot(request.id), watching=args.watch
            )
        except DispatcherError as error:
            self._unsure = error.code is Code.OUTCOME_UNKNOWN
            self.send(failed(request.id, error))
            self._end(_close_code(error.code), error.detail)
            raise Ended from error
        except Exception as error:
            log.exception("gateway.command_failed", cmd="hello")
            self.send(failed(request.id, DispatcherError(Code.SERVER_EXCEPTION)))
            self._end(Close.FAILED, "the server failed")
            raise Ended from error
        self._watch_expiry(claims.expires_at)

    async def _answer(self, request: Request) -> None:
        """Carry out one command. A socket that closes meanwhile lets it finish: half of a command does not exist."""
        try:
            if request.cmd == "hello":
                await self._renew(request)
            elif request.cmd == "me":
                parse_args(NoArgs, request.args)
                await self._gateway.hub.refresh(self._joined(), self._tell_snapshot(request.id))
            else:
                self.send(ok(request.id, await self._run(request)))
        except Repeated:
            self.send(repeated(request.id))
        except DispatcherError as error:
            self.send(failed(request.id, error))
        except Exception:
            log.exception("gateway.command_failed", cmd=request.cmd)
            self.send(failed(request.id, DispatcherError(Code.SERVER_EXCEPTION)))

    async def _run(self, request: Request) -> Any:
        command = COMMANDS.get(request.cmd)
        if command is None:
            raise DispatcherError(Code.PARAM_ERR, f"there is no such command: {request.cmd}")
        args = parse_args(command.args, request.args)
        member = self._joined()
        actor = member.actor
        if command.changes:
            actor = actor.model_copy(update={"request_id": request.id})
        return await command.run(Sent(self._gateway.dispatcher, self._gateway.hub, member, actor), args)

    async def _renew(self, request: Request) -> None:
        """Take a new token of the same user; the answer is a new snapshot."""
        args = parse_args(HelloArgs, request.args)
        claims = self._gateway.tokens.read(args.token)
        member = self._joined()
        if (claims.tenant, claims.user_id) != (member.actor.tenant, member.actor.user_id):
            raise DispatcherError(Code.API_NO_PERMISSION, "this socket belongs to another user")
        was_customer_only = member.actor.is_customer_only
        self._actor = member.actor = self._actor_of(claims)
        if member.actor.is_customer_only and not was_customer_only:
            # Whom he watches is more than a customer may see, unless he asks again and is allowed.
            self._gateway.hub.unwatch_users(member)
        self._watch_expiry(claims.expires_at)
        await self._gateway.hub.refresh(member, self._tell_snapshot(request.id))

    def _joined(self) -> Member:
        if self._member is None:
            raise DispatcherError(Code.NOT_LOGIN)
        return self._member

    def _actor_of(self, claims: Claims) -> Actor:
        return Actor(
            tenant=claims.tenant,
            user_id=claims.user_id,
            name=claims.name,
            roles=claims.roles,
            queues=claims.queues,
            client=self._client,
        )

    def _tell_snapshot(self, id: int) -> Callable[[Snapshot], None]:
        def tell(snapshot: Snapshot) -> None:
            self.send(ok(id, snapshot))

        return tell

    # The token's end

    def _watch_expiry(self, expires_at: int) -> None:
        for timer in self._timers:
            timer.cancel()
        loop = asyncio.get_running_loop()
        left_s = expires_at / 1000 - self._gateway.clock()
        warning = frame("token.expiring", {"expires_at": expires_at})
        self._timers = [
            loop.call_later(max(0.0, left_s - self._gateway.limits.warn_s), self.send, warning),
            loop.call_later(max(0.0, left_s), self._end, Close.NOT_LOGGED_IN, Code.TOKEN_TIMEOUT.name),
        ]

    # Writing and closing

    async def _write(self) -> None:
        """Write what the outbox holds, then the close."""
        try:
            while (text := await self._outbox.take()) is not None:
                await self._send({"type": "websocket.send", "text": text})
            if self._outbox.close is not None:
                code, reason = self._outbox.close
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError):
            # The client went away, or the server closed the socket itself; reading says the same.
            self._gone = True
            self._end(Close.NORMAL, "", drop=True)

    def _end(self, code: int, reason: str, *, drop: bool = False) -> None:
        """Close behind what is queued. The first reason stays; whoever waits for a frame is woken."""
        if self._outbox.close is None:
            self._outbox.end(code, reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore"), drop=drop)
        # An expired one wakes the reader already, and cannot be moved any more.
        if self._receiving is not None and not self._receiving.expired():
            self._receiving.reschedule(asyncio.get_running_loop().time())

    def _leave(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._member is not None:
            self._gateway.hub.leave(self._member)
        if self._opened and self._actor is not None:
            who = self._actor.tenant, self._actor.user_id
            self._gateway.report_gone(*who, self._session_id, unsure=self._unsure)

    async def _finish(self, writer: asyncio.Task[None]) -> None:
        """Give the writer a moment for the rest. A reader who takes nothing does not hold us up for longer."""
        self._end(Close.NORMAL, "", drop=True)
        if not self._gone:
            await asyncio.wait({writer}, timeout=self._gateway.limits.close_s)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


def _close_code(code: Code) -> Close:
    """Choose how a failed hello ends."""
    if code in _NOT_LOGGED_IN:
        return Close.NOT_LOGGED_IN
    if code in _TRY_LATER:
        return Close.TRY_LATER
    if code is Code.SERVER_EXCEPTION:
        return Close.FAILED
    return Close.BAD_FRAME if code is Code.PARAM_ERR else Close.NOT_ALLOWED
