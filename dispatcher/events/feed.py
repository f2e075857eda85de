"""The feed: one reader of sharded channels per node and server, which outlives lost connections.

`subscribe` returns only once the server has confirmed, so that nothing published afterwards is missed. When
a connection breaks (or falls silent: see `_probe`) the feed connects again, subscribes everything again, and
says of each channel that it was `lost` for a while: whoever listens there reads the state anew.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from redis.exceptions import RedisError

from dispatcher.errors import DispatcherError
from dispatcher.events.channel import Channel as _Channel
from dispatcher.events.channel import State as _State
from dispatcher.events.lines import Line, Masters
from dispatcher.store.keys import key, parse
from dispatcher.tasks import by_itself, end

log = structlog.get_logger(__name__)

BATCH = 500
"""Channels per SSUBSCRIBE: large enough that 10,000 cost 20 round trips, small enough not to hold up the server."""
READS_PER_TURN = 64
"""Messages read before other tasks get a turn: what is already buffered is read without waiting."""
PROBE_S = 5.0
ECHO_S = 3.0
CONFIRM_S = 1.0
"""How long a line that was heard before may owe an answer until it counts as not ready: a question is no outage."""
BACKOFF_S = (0.05, 2.0)

OnMessage = Callable[[str, str], None]
OnLost = Callable[[str], None]
_FAILURES = (RedisError, DispatcherError, OSError, KeyError, TimeoutError)


class LineLost(Exception):
    """The connection can no longer be trusted, although it did not break."""


class Feed:
    """Reads channels for a whole process. `on_message(channel, text)` and `on_lost(channel)` must not block.

    Counting who wants a channel is the caller's (the hub's). `node_id` names this node's own probe channel.
    """

    def __init__(
        self,
        masters: Masters,
        node_id: str,
        on_message: OnMessage,
        on_lost: OnLost,
        *,
        probe_s: float = PROBE_S,
        echo_s: float = ECHO_S,
        backoff_s: tuple[float, float] = BACKOFF_S,
    ) -> None:
        self.masters = masters
        self.node_id = node_id
        self.on_message = on_message
        self.on_lost = on_lost
        self.probe_s = probe_s
        self.echo_s = echo_s
        self.backoff_s = backoff_s
        self.channels: dict[str, _Channel] = {}
        self.readers: dict[str, _Reader] = {}
        self.stopped = False

    async def start(self) -> None:
        """Learn which servers there are; if none answers now, the first subscription goes on trying."""
        try:
            await self.masters.refresh()
        except _FAILURES as error:
            log.warning("feed.refresh_failed", reason=str(error))

    async def stop(self) -> None:
        """Close every connection. Waiting subscribers are cancelled."""
        self.stopped = True
        await end(reader.task for reader in self.readers.values())
        for channel in self.channels.values():
            for waiter in channel.waiters:
                waiter.cancel()
        self.channels.clear()
        self.readers.clear()

    @property
    def ready(self) -> bool:
        """Whether every connection stands and answers what it was asked; a new one has answered once."""
        return all(reader.ready for reader in self.readers.values())

    @property
    def silent_s(self) -> float:
        """How long the quietest server was not heard of; a probe keeps it near `probe_s`. 0: nothing is read."""
        now = asyncio.get_running_loop().time()
        return max(
            (now - reader.heard_at for reader in self.readers.values() if reader.held or reader.todo), default=0.0
        )

    async def subscribe(self, channel: str) -> None:
        """Subscribe, and return when the server has confirmed. Waits through outages.

        A cancellation leaves the channel wanted: the caller still unsubscribes it.
        """
        if self.stopped:
            raise RuntimeError("the feed is stopped")
        entry = self.channels.get(channel)
        if entry is None:
            entry = self.channels[channel] = _Channel(channel)
        entry.wanted = True
        if entry.state is _State.PRESENT:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry.waiters.append(waiter)
        self.place(entry)
        await waiter

    def unsubscribe(self, channel: str) -> None:
        """Stop reading a channel; soon, and without an answer."""
        entry = self.channels.get(channel)
        if entry is not None:
            entry.wanted = False
            self.place(entry)

    def tell(self, listener: Callable[..., None], *what: str) -> None:
        """Call a listener; its mistake must not end the reading for everybody else."""
        try:
            listener(*what)
        except Exception:
            log.exception("feed.listener_failed", channel=what[0])

    def place(self, entry: _Channel) -> None:
        """Hand a channel to the reader of its server, which brings it to where it is wanted."""
        try:
            master = self.masters.master_of(entry.name)
        except _FAILURES:
            # The slot has no master now. Any reader will do: it fails there, and is placed again after a refresh.
            master = next(iter(self.readers), "none")
        reader = self.readers.get(master)
        if reader is None:
            reader = self.readers[master] = _Reader(self, master)
        reader.add(entry)


class _Reader:
    """The connection to one server: its task connects, subscribes, reads, and begins again when it breaks."""

    def __init__(self, feed: Feed, master: str) -> None:
        self.feed = feed
        self.master = master
        self.live = False
        self.over = False
        self.asked_at: float | None = None
        self.heard_at = asyncio.get_running_loop().time()
        self.held: dict[str, _Channel] = {}
        self.todo: dict[str, _Channel] = {}
        self.wake = asyncio.Event()
        self.heard = asyncio.Event()
        self.task = by_itself(self._run(), f"feed:{master}")

    def add(self, entry: _Channel) -> None:
        """Bring a channel to where it is wanted."""
        self.todo[entry.name] = entry
        self.wake.set()

    @property
    def ready(self) -> bool:
        """Whether the line stands, and does not owe an answer."""
        now = asyncio.get_running_loop().time()
        return self.live and (self.asked_at is None or now - self.asked_at < CONFIRM_S)

    def _asked(self) -> None:
        """Note that the server owes us something from now on."""
        if self.asked_at is None:
            self.asked_at = asyncio.get_running_loop().time()

    async def _run(self) -> None:
        low, high = self.feed.backoff_s
        delay = low
        while not self.feed.stopped:
            try:
                await self._hold_line()
            except* _FAILURES as group:
                log.warning("feed.lost", master=self.master, channels=len(self.held), reason=_reason(group))
            except* LineLost as group:
                log.warning("feed.distrusted", master=self.master, channels=len(self.held), reason=_reason(group))
            delay = low if self.live else min(delay * 2, high)
            self.live = False
            self._forget()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            if await self._refreshed() and not self._replace():
                del self.feed.readers[self.master]
                return

    async def _hold_line(self) -> None:
        """Connect, and read until the connection breaks or is distrusted."""
        line = self.feed.masters.line(self.master)
        try:
            await line.connect()
            if self.feed.stopped:
                return
            self.over = False
            # A new line counts from its first answer on.
            self.asked_at = -math.inf if self.todo else None
            # What is to do may have waited for this line since before it broke.
            self.wake.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_over(self._read(line)), name=f"feed:{self.master}:read")
                group.create_task(self._until_over(self._write(line)), name=f"feed:{self.master}:write")
                group.create_task(self._until_over(self._probe()), name=f"feed:{self.master}:probe")
                self.live = True
        finally:
            await line.disconnect(nowait=True)

    async def _until_over(self, job: Coroutine[Any, Any, None]) -> None:
        """Note the first end among the jobs of a line.

        Cancelling is not enough: before Python 3.12 `asyncio.wait_for` loses a cancellation that comes together
        with what it waits for; redis-py writes through it, and the embedded store reads through it.
        """
        try:
            await job
        finally:
            self.over = True

    @property
    def _ending(self) -> bool:
        return self.over or self.feed.stopped

    def _forget(self) -> None:
        """Note that the server knows none of our channels any more."""
        for entry in self.held.values():
            # A subscription that was not confirmed has promised nothing yet.
            entry.lost = entry.lost or entry.state is _State.PRESENT
            entry.state = _State.ABSENT
            self.todo[entry.name] = entry
        self.held.clear()

    async def _refreshed(self) -> bool:
        try:
            await self.feed.masters.refresh()
        except _FAILURES as error:
            log.warning("feed.refresh_failed", reason=str(error))
            return False
        return True

    def _replace(self) -> bool:
        """Place every channel anew, since its slot may have moved. True: some are still ours."""
        entries = list(self.todo.values())
        self.todo.clear()
        for entry in entries:
            self.feed.place(entry)
        return bool(self.todo)

    async def _write(self, line: Line) -> None:
        """Send what is to do, in batches."""
        while not self._ending:
            await self.wake.wait()
            self.wake.clear()
            entries, self.todo = self.todo, {}
            commands = self._commands(entries)
            for _, state, chosen in commands:
                # All before the first is sent: if the line breaks in between, `_forget` must find them.
                for entry in chosen:
                    entry.state = state
                    self.held[entry.name] = entry
            if commands:
                self._asked()
            elif not self.held:
                self.asked_at = None
            for verb, _, chosen in commands:
                for begin in range(0, len(chosen), BATCH):
                    names = [entry.name for entry in chosen[begin : begin + BATCH]]
                    await line.send_command(verb, *names, check_health=False)

    def _commands(self, entries: dict[str, _Channel]) -> list[tuple[str, _State, list[_Channel]]]:
        """Sort channels by what to send and by tenant: one command must not span the slots of a cluster."""
        wanted: defaultdict[str, list[_Channel]] = defaultdict(list)
        unwanted: defaultdict[str, list[_Channel]] = defaultdict(list)
        for entry in entries.values():
            if entry.wanted and entry.state is _State.ABSENT:
                wanted[_tag(entry.name)].append(entry)
            elif not entry.wanted and entry.state is _State.PRESENT:
                unwanted[_tag(entry.name)].append(entry)
            elif not entry.wanted and entry.state is _State.ABSENT:
                self.feed.channels.pop(entry.name, None)
        return [("SSUBSCRIBE", _State.SUBSCRIBING, chosen) for chosen in wanted.values()] + [
            ("SUNSUBSCRIBE", _State.UNSUBSCRIBING, chosen) for chosen in unwanted.values()
        ]

    async def _read(self, line: Line) -> None:
        for count in itertools.count(1):
            reply = await line.read_response(timeout=math.inf, disconnect_on_error=False, push_request=True)
            self.heard.set()
            self.heard_at = asyncio.get_running_loop().time()
            self.asked_at = None
            if self._ending:
                return
            if isinstance(reply, list | tuple) and len(reply) == 3:
                self._take(_text(reply[0]), _text(reply[1]), reply[2])
            if count % READS_PER_TURN == 0:
                await asyncio.sleep(0)

    def _take(self, kind: str, name: str, content: object) -> None:
        if kind == "smessage":
            self.feed.tell(self.feed.on_message, name, _text(content))
            return
        entry = self.held.get(name)
        if entry is None:
            return
        if kind == "ssubscribe":
            self._subscribed(entry)
        elif kind == "sunsubscribe":
            if entry.state is not _State.UNSUBSCRIBING:
                raise LineLost("the server let go of a channel: its slot has moved")
            del self.held[name]
            entry.state = _State.ABSENT
            self.add(entry)

    def _subscribed(self, entry: _Channel) -> None:
        entry.state = _State.PRESENT
        waiters, entry.waiters = entry.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        lost, entry.lost = entry.lost, False
        if not entry.wanted:
            self.add(entry)
        elif lost:
            self.feed.tell(self.feed.on_lost, entry.name)

    async def _probe(self) -> None:
        """Publish to ourselves whenever the line is silent, over the commands' connections.

        A subscription can die while its connection stays healthy: after a failover the old master still
        answers PING, and nobody publishes there. No user id contains a slash, so the channel is nobody's.
        """
        channel = ""
        try:
            while not self._ending:
                self.heard.clear()
                await asyncio.sleep(self.feed.probe_s)
                tenant = next((parsed[0] for name in self.held if (parsed := parse(name))), None)
                if self.heard.is_set() or tenant is None:
                    continue
                if not channel:
                    channel = key(tenant, "to", f"/{self.feed.node_id}")
                    await self._in_time(self.feed.subscribe(channel), "a subscription was not confirmed")
                else:
                    await self._expect_echo(channel)
        finally:
            if channel:
                self.feed.unsubscribe(channel)

    async def _expect_echo(self, channel: str) -> None:
        try:
            await self.feed.masters.publish(channel, "{}")
        except _FAILURES as error:
            # Commands fail too: that says nothing about this line.
            log.warning("feed.probe_failed", master=self.master, reason=str(error))
            return
        if not self.heard.is_set():
            self._asked()
        await self._in_time(self.heard.wait(), "the probe did not come back")

    async def _in_time(self, answer: Coroutine[Any, Any, object], missing: str) -> None:
        try:
            async with asyncio.timeout(self.feed.echo_s):
                await answer
        except TimeoutError as error:
            raise LineLost(f"silent: {missing}") from error


def _tag(channel: str) -> str:
    return channel.partition("{")[2].partition("}")[0]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _reason(group: BaseExceptionGroup[Exception]) -> str:
    return "; ".join(f"{type(error).__name__}: {error}" for error in group.exceptions)
