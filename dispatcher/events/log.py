"""A tenant's log: every event in order, each entry at a cursor, kept for 7 days. Reading it from a cursor."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import structlog

from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Event, LogEntry
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from dispatcher.store.wire import redis_errors

logger = structlog.get_logger(__name__)

START = "0-0"
"""The cursor before everything."""

KEPT_MS = 7 * 86_400_000
BATCH_MAX = 1000
BLOCK_MS = 2000
"""How long one XREAD waits; below the timeout of a command, so that silence and a lost server are told apart."""

_CURSOR = re.compile(r"(\d{1,20})(?:-(\d{1,20}))?")
_PART_MAX = 2**64 - 1
_LAST = (_PART_MAX, _PART_MAX)


class Part(NamedTuple):
    """Some entries after a cursor. `reset`: what came right after it may be gone, and the first one is the oldest."""

    entries: tuple[LogEntry, ...]
    reset: bool = False


async def read(store: Store, tenant: str, since: str = START, limit: int = 100) -> Part:
    """Return at most `limit` entries after the cursor `since`. Errors: PARAM_ERR (no cursor), UNAVAILABLE."""
    after = position(since)
    if after == _LAST:
        # Redis knows nothing behind it, and says so with an error.
        return Part(())
    name = key(tenant, "log")
    with redis_errors():
        found: Any = await store.client.xrange(name, min=f"({after[0]}-{after[1]}", count=min(limit, BATCH_MAX))
        # Asked second: if the log is trimmed in between, a reset too many is told, never one too few.
        oldest: Any = await store.client.xrange(name, count=1)
    reset = after != (0, 0) and bool(oldest) and after < position(oldest[0][0]) and not await is_whole(store, tenant)
    return Part(_entries(found), reset)


async def is_whole(store: Store, tenant: str) -> bool:
    """Tell whether nothing has been trimmed from a log: it still begins with the tenant. Errors: UNAVAILABLE."""
    name = key(tenant, "log")
    with redis_errors():
        if not await store.client.exists(name):
            return True
        about: Any = await store.client.xinfo_stream(name)
    return bool(about["length"] == about["entries-added"])


async def begin(store: Store, tenant: str, since: str = "", contact_id: str = "") -> str:
    """Return the cursor to follow from: `since`, else just before a contact began, else the newest entry.

    Errors: PARAM_ERR (`since` is no cursor), UNAVAILABLE.
    """
    if since:
        position(since)
        return since
    if contact_id:
        # Its id begins with the time (ms) of its first entry.
        return str(max(0, int(contact_id[:13]) - 1))
    return await end(store, tenant)


async def end(store: Store, tenant: str) -> str:
    """Return the cursor of the newest entry: what is read after it is new."""
    with redis_errors():
        newest: Any = await store.client.xrevrange(key(tenant, "log"), count=1)
    return str(newest[0][0]) if newest else START


async def tail(store: Store, tenant: str, since: str, limit: int = 100) -> AsyncGenerator[Part, None]:
    """Yield what is in the log after `since`, then what is added to it, for ever. Errors as `read`."""
    name = key(tenant, "log")
    part = await read(store, tenant, since, limit)
    while True:
        if part.entries:
            yield part
            since = part.entries[-1].cursor
        with redis_errors():
            found: Any = await store.client.xread({name: since}, count=min(limit, BATCH_MAX), block=BLOCK_MS)
        part = Part(_entries(found[0][1]) if found else ())


async def trim(store: Store, tenant: str, now_ms: int) -> None:
    """Drop entries older than 7 days. Redis drops whole blocks, so that a few older ones may stay a while."""
    with redis_errors():
        await store.client.xtrim(key(tenant, "log"), minid=str(max(0, now_ms - KEPT_MS)), approximate=True)


def _entries(found: Sequence[tuple[str, dict[str, str]]]) -> tuple[LogEntry, ...]:
    return tuple(_entry(cursor, fields) for cursor, fields in found)


def _entry(cursor: str, fields: dict[str, str]) -> LogEntry:
    """Read one entry. One that no script of ours has written tells nothing, and holds up nobody who reads on."""
    try:
        told = json.loads(fields["entry"])
        events = tuple(Event(event=event["event"], data=event["data"]) for event in told["events"])
        return LogEntry(cursor=cursor, at=told["at"], events=events)
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("log.entry_unreadable", cursor=cursor, reason=type(error).__name__)
        return LogEntry(cursor=cursor, at=position(cursor)[0], events=())


def position(cursor: str) -> tuple[int, int]:
    """Read a cursor. Errors: PARAM_ERR."""
    match = _CURSOR.fullmatch(cursor)
    if match and cursor.isascii():
        parts = int(match[1]), int(match[2] or 0)
        if max(parts) <= _PART_MAX:
            return parts
    raise DispatcherError(Code.PARAM_ERR, "since: not a cursor")
