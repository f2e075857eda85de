"""What the events of a tenant add up to: waits, service times, offers by their end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dispatcher.metrics.meters import Meters
from dispatcher.model import Event

REMEMBERED_MAX = 100_000
"""Contacts of which the begin of service, or of waiting after a transfer, is remembered."""


class Tally:
    """Counts the events of one tenant. Service times of contacts that were served before it began are unknown."""

    def __init__(self, tenant: str, meters: Meters) -> None:
        self.tenant = tenant
        self._meters = meters
        self._since: dict[str, int] = {}

    def count(self, at: int, events: Iterable[Event]) -> None:
        """Count the events of one entry of the log, made at `at` (epoch ms)."""
        was_served = set()
        for event in events:
            noun, _, verb = event.event.partition(".")
            data = event.data
            if noun == "assignment":
                contact = data["contact"]
                if verb == "completed":
                    was_served.add(contact["contact_id"])
                    self._served(at, contact)
                else:
                    what = data["reason"] if verb == "cancelled" else verb
                    self._meters.offer(self.tenant, contact["queue_id"], what)
            elif noun == "contact" and verb == "serving":
                self._waited(at, data, served=True)
                self._remember(data["contact_id"], at)
            elif noun == "contact" and verb == "ended":
                if data["contact_id"] not in was_served:
                    self._waited(at, data, served=False)
                self._since.pop(data["contact_id"], None)
                self._meters.ended(self.tenant, data["queue_id"], data["reason"])
            elif noun == "queue" and verb == "deleted":
                self._meters.forget_queue(self.tenant, data["queue_id"])

    def _waited(self, at: int, contact: dict[str, Any], *, served: bool) -> None:
        since = self._since.get(contact["contact_id"], contact["queued_at"])
        self._meters.waited(self.tenant, contact["queue_id"], (at - since) / 1000, served=served)

    def _served(self, at: int, contact: dict[str, Any]) -> None:
        since = self._since.get(contact["contact_id"])
        if since is not None:
            self._meters.served(self.tenant, contact["queue_id"], (at - since) / 1000)
        # Where it goes on, it was transferred, and waits anew from here.
        self._remember(contact["contact_id"], at)

    def _remember(self, contact_id: str, at: int) -> None:
        self._since[contact_id] = at
        if len(self._since) > REMEMBERED_MAX:
            del self._since[next(iter(self._since))]
