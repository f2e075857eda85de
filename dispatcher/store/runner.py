"""Runs the scripts: one command, one EVALSHA, pipelined with whatever else is asked at the same time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import structlog
from redis.exceptions import MovedError, NoScriptError, RedisError

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from dispatcher.store.wire import Wire, error_of, pack

log = structlog.get_logger(__name__)

ATTEMPTS = 8
"""Sendings of one command. Every one but the last was answered by MOVED or NOSCRIPT, which run nothing."""


class Reply(NamedTuple):
    """What a script answered."""

    body: str
    """JSON."""
    due_at: int | None
    """The epoch ms of the earliest timer it armed; None: it armed none."""
    repeated: bool
    """An older request id came again: the command was carried out long ago, its answer is no longer kept."""


class ScriptSource(Protocol):
    """Where the scripts come from."""

    @property
    def names(self) -> Iterable[str]:
        """All names."""
        ...

    def text(self, name: str, *, embedded: bool = False) -> str:
        """Return a script's whole text, for fakeredis where `embedded`."""
        ...

    def arguments(self, name: str) -> tuple[str, ...]:
        """Return the names of a script's ARGV, in order."""
        ...


Observe = Callable[[str, float, Code | None], None]
"""Told of each run: the script's name, the seconds until its reply was read, and the error it ended with, if any."""


def _unseen(script: str, seconds: float, code: Code | None) -> None:
    """Let a run pass unseen."""


class Runner:
    """Runs scripts by name on a store. One per process; `run` may be called by any number of tasks at once."""

    def __init__(self, store: Store, scripts: ScriptSource, observe: Observe = _unseen) -> None:
        self.store = store
        self._observe = observe
        self._source = scripts
        self._scripts: dict[str, _Script] = {}
        self._loads: dict[tuple[Wire, str], asyncio.Future[Any]] = {}

    async def run(self, script: str, tenant: str, /, **arguments: str | int) -> Reply:
        """Run one script for a tenant; arguments not given are sent as "".

        Raises DispatcherError: what the script answered; UNAVAILABLE (surely not applied); OUTCOME_UNKNOWN
        (sent, no answer); PARAM_ERR (text that is not Unicode); SERVER_EXCEPTION (the script failed).
        TypeError for an argument the script does not have. A cancelled caller leaves the command running.
        """
        command = self._script(script)
        packed = command.pack(tenant, arguments)
        began_s = time.perf_counter()
        try:
            reply = await self._send(command, packed, tenant)
        except DispatcherError as error:
            self._observe(script, time.perf_counter() - began_s, error.code)
            raise
        self._observe(script, time.perf_counter() - began_s, None)
        return reply

    async def _send(self, command: _Script, packed: bytes, tenant: str) -> Reply:
        wire = await self.store.wire(tenant)
        for _ in range(ATTEMPTS):
            try:
                reply = await wire.call(packed)
            except NoScriptError:
                await self._load(wire, command)
            except MovedError as error:
                wire = self.store.moved(error, wire)
            except RedisError as error:
                raise _failed(command, error, tenant) from error
            else:
                return _read(command, reply)
        raise DispatcherError(Code.UNAVAILABLE)

    def _script(self, name: str) -> _Script:
        """Return a script, composed when it is first asked for: that takes some 0.1 s of a process's life."""
        script = self._scripts.get(name)
        if script is None:
            text = self._source.text(name, embedded=self.store.is_embedded)
            script = self._scripts[name] = _Script(name, text, self._source.arguments(name))
        return script

    async def _load(self, wire: Wire, command: _Script) -> None:
        """Load a script on one server, once for all who miss it at the same time."""
        which = (wire, command.sha)
        load = self._loads.get(which)
        if load is None:
            load = wire.call(pack("SCRIPT", "LOAD", command.text))
            self._loads[which] = load
            load.add_done_callback(lambda _: self._loads.pop(which))
        try:
            await asyncio.shield(load)
        except DispatcherError as error:
            # Only the loading was sent, never the command.
            raise DispatcherError(Code.UNAVAILABLE) from error
        except RedisError as error:
            raise _failed(command, error, "") from error


class _Script:
    """One script, packed as far as it can be beforehand."""

    def __init__(self, name: str, text: str, arguments: tuple[str, ...]) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._arguments = arguments
        self._known = frozenset(arguments)
        self._head = b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n2\r\n" % (5 + len(arguments), self.sha.encode())

    def pack(self, tenant: str, given: dict[str, str | int]) -> bytes:
        if not given.keys() <= self._known:
            raise TypeError(f"{self.name} has no argument {', '.join(given.keys() - self._known)}")
        parts = [self._head, _packed_keys(tenant)]
        for name in self._arguments:
            value = given.get(name, "")
            try:
                data = value.encode() if isinstance(value, str) else b"%d" % value
            except UnicodeEncodeError as error:
                raise DispatcherError(Code.PARAM_ERR, f"{name}: not valid Unicode") from error
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
        return b"".join(parts)


@lru_cache(maxsize=10_000)
def _packed_keys(tenant: str) -> bytes:
    keys = (key(tenant, "meta").encode(), key(tenant, "guard").encode())
    return b"".join(b"$%d\r\n%b\r\n" % (len(name), name) for name in keys)


def _read(command: _Script, reply: Any) -> Reply:
    try:
        code, body, due, *_ = reply
        if code == "OK" or code == "REPEATED":
            return Reply(body, int(due) if due else None, code == "REPEATED")
        error = DispatcherError(Code[code], body)
    except (KeyError, TypeError, ValueError) as wrong:
        log.error("script_reply_malformed", script=command.name, error=type(wrong).__name__)
        raise DispatcherError(Code.SERVER_EXCEPTION) from wrong
    raise error


def _failed(command: _Script, error: RedisError, tenant: str) -> DispatcherError:
    failure = error_of(error)
    if failure.code is Code.SERVER_EXCEPTION:
        log.error("script_failed", script=command.name, tenant=tenant, error=str(error)[:200])
    return failure
