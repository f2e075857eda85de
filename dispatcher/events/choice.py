"""What of a log somebody wants to read: some types of events, the story of one contact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dispatcher.errors import Code, DispatcherError
from dispatcher.event_model import LOGGED_EVENTS
from dispatcher.model import CONTACT_PATTERN, Event, LogEntry

_NOUNS = frozenset(name.partition(".")[0] for name in LOGGED_EVENTS)


class Choice(NamedTuple):
    """Events of these types (none: of all), about this contact (empty: about anything)."""

    types: frozenset[str] = frozenset()
    contact_id: str = ""

    def of(self, entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
        """Return the entries with what is wanted of them, without those of which nothing is."""
        for entry in entries:
            events = tuple(event for event in entry.events if self._wants(event))
            if events:
                yield entry if len(events) == len(entry.events) else entry.model_copy(update={"events": events})

    def _wants(self, event: Event) -> bool:
        if self.types and self.types.isdisjoint({event.event, event.event.partition(".")[0]}):
            return False
        return not self.contact_id or self.contact_id in _contacts(event)


def choice(types: str = "", contact_id: str = "") -> Choice:
    """Return the choice that is written as `contact.ended,agent` (a noun: all of it). Errors: PARAM_ERR."""
    chosen = frozenset(filter(None, (name.strip() for name in types.split(","))))
    for name in sorted(chosen - LOGGED_EVENTS - _NOUNS):
        raise DispatcherError(Code.PARAM_ERR, f"types: there is no event {name} in the log")
    if contact_id and not re.fullmatch(CONTACT_PATTERN, contact_id):
        raise DispatcherError(Code.PARAM_ERR, "contact: must be an id like 1763824800123-0007")
    return Choice(chosen, contact_id)


def _contacts(event: Event) -> set[object]:
    """Return the contact that an event is about: as itself, or inside an assignment."""
    inside = event.data.get("contact")
    return {event.data.get("contact_id"), inside.get("contact_id") if isinstance(inside, dict) else None}
