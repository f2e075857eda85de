"""Timers: every node runs them, and whoever runs them, they are right.

A node that ran a command knows when the earliest timer it armed is due, and sleeps to it. Besides, each tenant has
an owner among the living nodes, which looks at it every second while something goes on there, else every minute,
and at once when the list of nodes changes, because a node that died took with it what it knew. A tick too many does
nothing, so two nodes that disagree about the owner cost a command, never correctness.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import NoReturn, Protocol

import structlog

from dispatcher.errors import Code, DispatcherError
from dispatcher.tasks import end

BEAT_S = 1.0
"""How often a node says that it lives, and looks at its tenants."""

LIVES_S = 3.0
"""How long a node counts as living after its last beat: two lost beats are forgiven."""

ACTIVE_S = 60.0
"""A tenant is active while a timer is due within this time, or armed one here as long ago; else this is its rhythm."""

CLOCK_S = 30.0
"""How often the distance to the server's clock is measured again."""

STALLED_S = 0.01
"""The pause after a tick that left a due timer as it was: the clocks differ by more than it took to ask."""

BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0)
LOOKS_AT_ONCE = 16

Trim = Callable[[str, int], Awaitable[None]]

log = structlog.get_logger(__name__)


class Ticks(Protocol):
    """What the ticker needs of the engine."""

    async def tick(self, tenant: str) -> int | None:
        """Carry out at most 16 due timers; answer when the next one is due (epoch ms; None: there is none)."""
        ...


class Fleet(Protocol):
    """What the ticker needs of the store. Every method raises `DispatcherError` when the store does not answer."""

    async def now_ms(self) -> int:
        """Return the server's clock."""
        ...

    async def beat(self, node: str, now_ms: int, lives_ms: int) -> list[str]:
        """Say that `node` lives, and list who does: those who said so at most `lives_ms` ago."""
        ...

    async def leave(self, node: str) -> None:
        """Take `node` off the list."""
        ...

    async def tenants(self) -> list[str]:
        """List all tenants."""
        ...


def owner(tenant: str, nodes: Iterable[str]) -> str | None:
    """Choose the node that looks after a tenant: by rendezvous hashing, so that a node's death moves only its own."""
    return max(
        nodes,
        key=lambda node: (hashlib.blake2b(f"{node}|{tenant}".encode(), digest_size=8).digest(), node),
        default=None,
    )


class Ticker:
    """The timers of one node. `due` is told what commands armed; `start` and `stop` frame its life.

    `trim(tenant, now_ms)` drops what is too old from a log; it is called once a minute by the owner. `on_late` is told
    how late (s) each timer is that this node knew of, when its tick begins.

    Four tasks, `ticker.timers` (sleeps to what is due), `ticker.beat` (node list, clock), `ticker.look` (owned tenants)
    and `ticker.trim` (their logs), and a short one `ticker.tick:<tenant>` for each tenant being ticked, so that a slow
    one delays no other.
    """

    def __init__(
        self, ticks: Ticks, fleet: Fleet, node: str, trim: Trim, on_late: Callable[[float], None] | None = None
    ) -> None:
        self._ticks = ticks
        self._fleet = fleet
        self.node = node
        self._trim = trim
        self._on_late = on_late
        self.owned: tuple[str, ...] = ()
        self._beaten_s = 0.0
        self._offset_ms: float | None = None
        self._measured_s = 0.0
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._nodes: list[str] = []
        self._survey = False
        self._look_now = asyncio.Event()
        self._active_until_s: dict[str, float] = {}
        self._looked_s: dict[str, float] = {}
        self._trimmed_s: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def nodes(self) -> list[str]:
        """The nodes that lived at the last beat."""
        return list(self._nodes)

    @property
    def alive(self) -> bool:
        """Whether every task runs, and the other nodes still count this one as living."""
        return not any(task.done() for task in self._tasks) and self.beat_age_s < LIVES_S

    @property
    def beat_age_s(self) -> float:
        """Seconds since the last beat that the store took, or since the start."""
        return self._monotonic_s() - self._beaten_s

    def now_ms(self) -> int:
        """Return the server's clock as this node knows it, never ahead of it by more than half a round trip."""
        return int(self._monotonic_s() * 1000 + (self._offset_ms or 0.0))

    def due(self, tenant: str, due_at: int) -> None:
        """Note that `tenant` has a timer due at `due_at` (epoch ms of the server). Never blocks, never fails."""
        self._active_until_s[tenant] = self._monotonic_s() + ACTIVE_S
        self._note(tenant, due_at)

    async def start(self) -> None:
        """Begin. A store that does not answer yet is tried again by the tasks."""
        self._beaten_s = self._monotonic_s()
        self._tasks = [
            asyncio.create_task(self._run_timers(), name="ticker.timers"),
            asyncio.create_task(self._run_beat(), name="ticker.beat"),
            asyncio.create_task(self._run_look(), name="ticker.look"),
            asyncio.create_task(self._run_trim(), name="ticker.trim"),
        ]

    async def stop(self) -> None:
        """End the tasks and leave the node list. A tick under way may still be carried out by the store."""
        # The tasks first: they are the ones that begin ticks.
        await end(self._tasks)
        await end(list(self._running.values()))
        self._tasks = []
        self._running = {}
        try:
            await self._fleet.leave(self.node)
        except DispatcherError as error:
            log.info("ticker.leave_failed", code=error.code.name)

    # What is due

    def _note(self, tenant: str, due_at: int) -> None:
        if due_at < self._due.get(tenant, due_at + 1):
            self._due[tenant] = due_at
            heapq.heappush(self._heap, (due_at, tenant))
            self._wake.set()

    async def _run_timers(self) -> None:
        while True:
            self._wake.clear()
            pause_s = self._launch()
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _launch(self) -> float | None:
        """Start a tick for each tenant that is due; return the seconds until the next one (None: nothing known)."""
        if self._offset_ms is None:
            # Without the server's clock nobody can say what is due: the first beat measures it, and wakes us.
            return None
        while self._heap:
            due_at, tenant = self._heap[0]
            pause_ms = due_at - self.now_ms()
            if pause_ms > 0:
                return pause_ms / 1000
            heapq.heappop(self._heap)
            if self._due.get(tenant) == due_at and tenant not in self._running:
                # What comes in while the tick runs is noted anew, so nothing that it arms is forgotten.
                del self._due[tenant]
                _ = self._begin(tenant, due_at)
        return None

    def _begin(self, tenant: str, due_at: int | None) -> asyncio.Task[None]:
        task = asyncio.create_task(self._tick(tenant, due_at), name=f"ticker.tick:{tenant}")
        self._running[tenant] = task
        task.add_done_callback(lambda _: self._ended(tenant))
        return task

    def _ended(self, tenant: str) -> None:
        self._running.pop(tenant, None)
        if tenant in self._due:
            heapq.heappush(self._heap, (self._due[tenant], tenant))
            self._wake.set()

    async def _tick(self, tenant: str, due_at: int | None) -> None:
        """Tick until nothing is due, however often the store fails; then note when something is."""
        failures = 0
        while True:
            # 0 stands for a timer that nobody knows the time of.
            if due_at and not failures and self._on_late is not None:
                self._on_late((self.now_ms() - due_at) / 1000)
            try:
                next_due = await self._ticks.tick(tenant)
            except DispatcherError as error:
                if error.code is Code.TOKEN_APPIDNOTEXIST:
                    return
                failures += 1
                if _worth_saying(failures):
                    log.warning("ticker.tick_failed", tenant=tenant, code=error.code.name, failures=failures)
                await asyncio.sleep(_backoff_s(failures))
                continue
            except Exception:
                # A defect in one tenant's data must not silence its timers for ever, nor those of others.
                failures += 1
                log.exception("ticker.tick_broken", tenant=tenant, failures=failures)
                await asyncio.sleep(BACKOFF_S[-1] * min(failures, 60))
                continue
            failures = 0
            self._looked_s[tenant] = self._monotonic_s()
            if next_due is None:
                return
            if next_due - self.now_ms() <= ACTIVE_S * 1000:
                self._active_until_s[tenant] = self._monotonic_s() + ACTIVE_S
            if next_due > self.now_ms():
                self._note(tenant, next_due)
                return
            if next_due == due_at:
                await asyncio.sleep(STALLED_S)
            due_at = next_due

    # Who lives, and who looks after whom

    async def _run_beat(self) -> None:
        await _repeat("beat", self._beat, _beat_pause)

    async def _beat(self) -> None:
        await self._measure()
        nodes = sorted(await self._fleet.beat(self.node, self.now_ms(), int(LIVES_S * 1000)))
        self._beaten_s = self._monotonic_s()
        if nodes != self._nodes:
            log.info("ticker.nodes", nodes=nodes)
            self._nodes = nodes
            self._survey = True
            self._look_now.set()

    async def _run_look(self) -> None:
        # Apart from the beat, because looking at many tenants takes time, and a node that beats late counts as dead.
        await _repeat("look", self._look, self._until_next_look)

    async def _until_next_look(self) -> None:
        self._look_now.clear()
        try:
            async with asyncio.timeout(BEAT_S):
                await self._look_now.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        """Tick the owned tenants whose time it is."""
        if not self._nodes:
            return
        survey, self._survey = self._survey, False
        tenants = await self._fleet.tenants()
        self._forget(set(tenants))
        now_s = self._monotonic_s()
        owned = [tenant for tenant in tenants if owner(tenant, self._nodes) == self.node]
        self.owned = tuple(owned)
        await self._tick_some([tenant for tenant in owned if survey or self._is_time(tenant, now_s)])

    async def _run_trim(self) -> None:
        # Apart from the look: a log whose server does not answer must not hold up anybody's timers.
        await _repeat("trim", self._trim_logs, _beat_pause)

    async def _trim_logs(self) -> None:
        """Trim the logs of the owned tenants once a minute. One that fails holds up no other, and has its next turn."""
        for tenant in self.owned:
            now_s = self._monotonic_s()
            if now_s - self._trimmed_s.get(tenant, -ACTIVE_S) < ACTIVE_S:
                continue
            self._trimmed_s[tenant] = now_s
            try:
                await self._trim(tenant, self.now_ms())
            except DispatcherError as error:
                log.warning("ticker.trim_failed", tenant=tenant, code=error.code.name)

    def _is_time(self, tenant: str, now_s: float) -> bool:
        looked_s = self._looked_s.get(tenant)
        return looked_s is None or now_s < self._active_until_s.get(tenant, now_s) or now_s - looked_s >= ACTIVE_S

    async def _tick_some(self, tenants: list[str]) -> None:
        """Tick the given tenants, a few at a time. One that fails goes on trying by itself, and holds up nobody."""
        for first in range(0, len(tenants), LOOKS_AT_ONCE):
            tasks = [
                self._begin(tenant, None)
                for tenant in tenants[first : first + LOOKS_AT_ONCE]
                if tenant not in self._running
            ]
            if tasks:
                await asyncio.wait(tasks, timeout=BEAT_S / 2)

    def _forget(self, tenants: set[str]) -> None:
        for known in (self._active_until_s, self._looked_s, self._trimmed_s):
            for tenant in known.keys() - tenants:
                # A tenant made a moment ago may not be on the list yet: what is due there stays known.
                if tenant not in self._due:
                    del known[tenant]

    # The clock

    def _monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def _measure(self) -> None:
        before_s = self._monotonic_s()
        if self._offset_ms is not None and before_s - self._measured_s < CLOCK_S:
            return
        server_ms = await self._fleet.now_ms()
        after_s = self._monotonic_s()
        self._offset_ms = server_ms - (before_s + after_s) / 2 * 1000
        self._measured_s = after_s
        self._wake.set()


async def _repeat(name: str, step: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]) -> NoReturn:
    """Do `step` and `pause` for ever; where the step fails, try again after a growing pause."""
    failures = 0
    while True:
        try:
            await step()
        except DispatcherError as error:
            failures += 1
            if _worth_saying(failures):
                log.warning("ticker.step_failed", step=name, code=error.code.name, failures=failures)
            await asyncio.sleep(_backoff_s(failures))
        except Exception:
            failures += 1
            log.exception("ticker.step_broken", step=name, failures=failures)
            await asyncio.sleep(BACKOFF_S[-1])
        else:
            failures = 0
            await pause()


async def _beat_pause() -> None:
    await asyncio.sleep(BEAT_S * random.uniform(0.9, 1.0))


def _worth_saying(failures: int) -> bool:
    """Tell the first failure, then ever more seldom: the 2nd, 4th, 8th."""
    return failures & (failures - 1) == 0


def _backoff_s(failures: int) -> float:
    return BACKOFF_S[min(failures, len(BACKOFF_S)) - 1] * random.uniform(0.5, 1.0)
