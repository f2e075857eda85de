"""The metrics of a node: its meters, the tenants it counts for, and the text that Prometheus reads.

What the log of a tenant says every node could count, and one must. It is the tenant's owner
(`dispatcher.ticker.owner`): nobody else has to be asked, and tenants are handed over as their timers are. In the second
in which one changes hands two nodes may count it, or, where a node was killed, for some seconds none does.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from typing import Protocol

import structlog
from prometheus_client import exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatcher import overview
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.events.hub import Hub
from dispatcher.metrics.labels import Labels
from dispatcher.metrics.meters import Meters
from dispatcher.metrics.tally import Tally
from dispatcher.model import Actor, Role
from dispatcher.overview import Budget, Overview
from dispatcher.settings import version
from dispatcher.tasks import end
from dispatcher.ticker import Ticker

CONTENT_TYPE = exposition.CONTENT_TYPE_LATEST
FOLLOW_S = 0.5
"""How often the tenants that are counted for are compared with those that are owned."""
COUNT_S = 1.0
ENTRIES_AT_ONCE = 1000
"""A log is read in parts of so many entries, and where there are fewer not again for so long."""
SCRAPE_PAGES_MAX = 100
SCRAPE_S = 2.0
"""What one scrape may read of queues and agents: pages of 100 each, and seconds."""
FRESH_S = 1.0
"""For how long what was read serves further scrapes."""

log = structlog.get_logger(__name__)


class Sockets(Protocol):
    """What the metrics read of the door for WebSockets."""

    too_slow: int
    """How many were closed, since the start, because their reader did not keep up."""

    @property
    def open(self) -> int:
        """How many sockets are open now."""


class Metrics(Collector):
    """The metrics of one node. `start` and `stop` frame its life; `text` answers a scrape.

    What concerns tenants (queues, agents, waits, offers) is told by the node that owns the tenant, so that a sum
    over all nodes counts everything once.
    """

    def __init__(
        self, meters: Meters, node: str, engine: Dispatcher, ticker: Ticker, hub: Hub, sockets: Sockets
    ) -> None:
        self.meters = meters
        self._node = node
        self._engine = engine
        self._ticker = ticker
        self._hub = hub
        self._sockets = sockets
        self._tenants = Labels(meters.queues.most)
        self._counting: dict[str, asyncio.Task[None]] = {}
        self._overviews: dict[str, Overview] = {}
        self._complete = True
        self._families: list[Metric] = []
        self._read_s = float("-inf")
        self._reading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to count."""
        self.meters.registry.register(self)
        self._hub.on_frame = lambda at: self.meters.feed_lag((self._ticker.now_ms() - at) / 1000)
        self._task = asyncio.create_task(self._keep_to_owned(), name="metrics.owned")

    async def stop(self) -> None:
        """Stop counting."""
        self._hub.on_frame = None
        if self._task is not None:
            await end([self._task])
        await end(self._counting.values())

    async def text(self) -> bytes:
        """Return everything in Prometheus' text format. Whatever the store does, it answers, and says what it read."""
        async with self._reading:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._read_s >= FRESH_S:
                await self._read()
                self._read_s = now_s
            self._families = [*self._node_gauges(), *self._queue_gauges(), self._agent_gauge()]
            # Writing thousands of series takes longer than anybody else on this loop should wait.
            return await asyncio.to_thread(exposition.generate_latest, self.meters.registry)

    def collect(self) -> Iterable[Metric]:
        """Return the gauges as they were last read: the registry calls this, in a thread."""
        return self._families

    # Whom this node counts for

    async def _keep_to_owned(self) -> None:
        while True:
            owned = set(self._ticker.owned)
            for tenant in owned - self._counting.keys():
                self._counting[tenant] = asyncio.create_task(self._count(tenant), name=f"metrics.count:{tenant}")
            for tenant in self._counting.keys() - owned:
                await end([self._counting.pop(tenant)])
            await asyncio.sleep(FOLLOW_S)

    async def _count(self, tenant: str) -> None:
        """Count what is added to a tenant's log, until cancelled or the hub ends it."""
        tally = Tally(tenant, self.meters)
        while True:
            try:
                await self._count_on(tally)
                return
            except DispatcherError as error:
                log.warning("metrics.follow_failed", tenant=tenant, code=error.code.name)
            except Exception:
                # An entry that cannot be read is passed over: what comes after it still counts.
                log.exception("metrics.follow_broken", tenant=tenant)
            await asyncio.sleep(COUNT_S)

    async def _count_on(self, tally: Tally) -> None:
        """Count from the log's end on."""
        actor = Actor(tenant=tally.tenant, user_id="", roles=frozenset({Role.SUPERVISOR}))
        _, entries = await self._hub.follow_log(actor, limit=ENTRIES_AT_ONCE)
        async with aclosing(entries) as parts:
            async for part in parts:
                for entry in part.entries:
                    tally.count(entry.at, entry.events)
                if len(part.entries) < ENTRIES_AT_ONCE:
                    await asyncio.sleep(COUNT_S)

    # What is read at a scrape

    async def _read(self) -> None:
        """Read the overviews of the owned tenants, as far as the bounds allow."""
        budget = Budget(SCRAPE_PAGES_MAX)
        self._overviews = {}
        self._complete = True
        try:
            async with asyncio.timeout(SCRAPE_S):
                for tenant in self._ticker.owned:
                    self._complete &= await self._read_tenant(tenant, budget)
        except TimeoutError:
            self._complete = False
            log.warning("metrics.read_timed_out", seconds=SCRAPE_S)

    async def _read_tenant(self, tenant: str, budget: Budget) -> bool:
        """Read one tenant's overview; tell whether it is whole."""
        if budget.left <= 0:
            return False
        try:
            read = self._overviews[tenant] = await overview.read(self._engine, tenant, budget)
        except DispatcherError as error:
            log.warning("metrics.read_failed", tenant=tenant, code=error.code.name)
            return False
        return read.complete

    # What is told of it

    def _node_gauges(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("dispatcher_node_info", "This node", labels=["node", "version"])
        info.add_metric([self._node, version()], 1)
        yield info
        for name, text, value in (
            ("nodes", "Nodes that live, as this one sees them", len(self._ticker.nodes)),
            ("tenants_owned", "Tenants this node counts for", len(self._counting)),
            ("scrape_complete", "1: all queues and agents of the owned tenants were read", int(self._complete)),
            ("sockets", "WebSockets open here", self._sockets.open),
            ("feed_ready", "1: the events of the store are being read", int(self._hub.ready)),
            ("feed_probe_age_seconds", "Since the quietest server of the feed was heard of", self._hub.feed.silent_s),
            ("ticker_beat_age_seconds", "Since the store took this node's last beat", self._ticker.beat_age_s),
        ):
            yield GaugeMetricFamily(f"dispatcher_{name}", text, value=value)
        yield CounterMetricFamily(
            "dispatcher_sockets_too_slow", "Sockets closed because their outbox was full", value=self._sockets.too_slow
        )

    def _queue_gauges(self) -> Iterator[Metric]:
        sums: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        longest: dict[tuple[str, ...], int] = {}
        for tenant, one in self._overviews.items():
            for queue in one.queues:
                status = queue.status
                if status is None:
                    continue
                labels = self.meters.queues.of(tenant, queue.queue_id)
                sums[labels].update(
                    waiting=status.wait_num,
                    preparing=status.prepare_num,
                    serving=status.srv_num,
                    agents=status.agent_num,
                )
                longest[labels] = max(longest.get(labels, 0), status.longest_wait_s)
        for what, text in (
            ("waiting", "Contacts waiting, held ones counted"),
            ("preparing", "Contacts offered or accepted"),
            ("serving", "Contacts in service"),
            ("agents", "Connected agents serving the queue"),
        ):
            gauge = GaugeMetricFamily(f"dispatcher_queue_{what}", text, labels=["tenant", "queue"])
            for labels, counts in sums.items():
                gauge.add_metric(labels, counts[what])
            yield gauge
        gauge = GaugeMetricFamily(
            "dispatcher_queue_longest_wait_seconds", "How long the first one waits", labels=["tenant", "queue"]
        )
        for labels, seconds in longest.items():
            gauge.add_metric(labels, seconds)
        yield gauge

    def _agent_gauge(self) -> Metric:
        sums: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for tenant, one in self._overviews.items():
            sums[self._tenants.of(tenant)].update(one.agents)
        gauge = GaugeMetricFamily("dispatcher_agents", "Agents who serve a queue", labels=["tenant", "state"])
        for labels, counts in sums.items():
            for state, count in counts.items():
                gauge.add_metric([*labels, state], count)
        return gauge
