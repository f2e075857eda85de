"""The counters and histograms of one node, and how they are named. Nothing here waits, nothing here fails."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from dispatcher.errors import Code
from dispatcher.metrics.labels import OTHER, Labels

FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what a machine does (s)."""
LATE_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds around what is promised of timers: 250 ms in life, 5 s after a death."""
PEOPLE_S = (1, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)
"""Bounds for what people wait and talk (s); 20 is the default `service_level`."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUEUE = ("tenant", "queue")

# The moment each series began: one line more for each, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Meters:
    """The instruments of one node in a registry of their own, so that several nodes fit into one process."""

    def __init__(self, queues_max: int) -> None:
        self.registry = CollectorRegistry()
        self.queues = Labels(queues_max)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._scripts = self._histogram("script_seconds", "From sending a script to its reply", ["script"], FAST_S)
        self._script_timers: dict[str, Histogram] = {}
        self._script_errors = self._counter("script_errors", "Scripts refused or failed", ["script", "code"])
        self._timers = self._histogram("timer_late_seconds", "How late due timers were carried out", [], LATE_S)
        self._feed = self._histogram("feed_lag_seconds", "From a command to its event here", [], LATE_S)
        self._requests = self._counter("http_requests", "HTTP requests", ["method", "route", "status"])
        self._request_s = self._histogram("http_request_seconds", "HTTP requests", ["method", "route"], FAST_S)
        self._waits = self._histogram(
            "contact_wait_seconds", "From joining to service, or to an end without it", [*_QUEUE, "outcome"], PEOPLE_S
        )
        self._services = self._histogram("service_seconds", "From begin to end of service", [*_QUEUE], PEOPLE_S)
        self._offers = self._counter("offers", "Offers made, accepted, and ended before service", [*_QUEUE, "what"])
        self._ended = self._counter("contacts_ended", "Contacts by the reason of their end", [*_QUEUE, "reason"])

    # The node's own work

    def script(self, name: str, seconds: float, code: Code | None) -> None:
        """Note one run of a script; `code` where it was refused or failed."""
        timer = self._script_timers.get(name)
        if timer is None:
            # Kept, because finding it again takes longer than the rest of this, and this is in every command's way.
            timer = self._script_timers[name] = self._scripts.labels(name)
        timer.observe(seconds)
        if code is not None:
            self._script_errors.labels(name, code.name).inc()

    def timer_late(self, seconds: float) -> None:
        """Note how late a timer was carried out."""
        self._timers.observe(max(0.0, seconds))

    def feed_lag(self, seconds: float) -> None:
        """Note how long an event was under way."""
        self._feed.observe(max(0.0, seconds))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one HTTP request; `route` is the template of its path, empty where no row matched."""
        method = method if method in _METHODS else OTHER
        route = route or OTHER
        self._requests.labels(method, route, str(status)).inc()
        self._request_s.labels(method, route).observe(seconds)

    # What the events say

    def waited(self, tenant: str, queue_id: str, seconds: float, *, served: bool) -> None:
        """Note how long a contact waited."""
        labels = self.queues.of(tenant, queue_id)
        self._waits.labels(*labels, "served" if served else "unserved").observe(max(0.0, seconds))

    def served(self, tenant: str, queue_id: str, seconds: float) -> None:
        """Note how long a service took."""
        self._services.labels(*self.queues.of(tenant, queue_id)).observe(max(0.0, seconds))

    def offer(self, tenant: str, queue_id: str, what: str) -> None:
        """Count an offer: `offered`, `accepted`, or how it ended before service."""
        self._offers.labels(*self.queues.of(tenant, queue_id), what).inc()

    def ended(self, tenant: str, queue_id: str, reason: str) -> None:
        """Count a contact's end."""
        self._ended.labels(*self.queues.of(tenant, queue_id), reason).inc()

    def forget_queue(self, tenant: str, queue_id: str) -> None:
        """Drop the series of a queue that is gone, and give its place away."""
        if self.queues.forget(tenant, queue_id):
            for metric in (self._waits, self._services, self._offers, self._ended):
                metric.remove_by_labels({"tenant": tenant, "queue": queue_id})

    def _counter(self, name: str, text: str, labels: Sequence[str]) -> Counter:
        return Counter(name, text, labels, namespace="dispatcher", registry=self.registry)

    def _histogram(self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, labels, namespace="dispatcher", registry=self.registry, buckets=buckets)
