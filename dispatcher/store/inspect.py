"""One key as it is now, in short, for somebody who looks at it. Reads a bounded part of it, and shows no secrets."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from dispatcher.store.connect import Store
from dispatcher.store.wire import redis_errors

SHOWN_MAX = 20
"""Fields or members that are shown; a hash is read in parts until there are so many."""
TEXT_MAX = 200
STEP = 2**42
"""What priorities are multiplied by in the scores of `able` and `heads`."""

_SECRET = re.compile(r"secret|password|hash|reply|token|request$")


class Value(NamedTuple):
    """What a key holds: Redis type (`none`: it does not exist), how much, ms left to live (None: for ever), a part."""

    type: str
    size: int
    ttl_ms: int | None
    shown: tuple[tuple[str, str], ...]


async def look(store: Store, name: str, facet: str) -> Value:
    """Read one key. Errors: UNAVAILABLE, OUTCOME_UNKNOWN."""
    client: Any = store.client
    with redis_errors():
        kind = str(await client.type(name))
        ttl_ms = int(await client.pttl(name))
        size, shown = await _read(client, name, facet, kind)
    return Value(kind, size, ttl_ms if ttl_ms >= 0 else None, tuple(shown))


async def _read(client: Any, name: str, facet: str, kind: str) -> tuple[int, list[tuple[str, str]]]:
    if kind == "hash":
        _, part = await client.hscan(name, count=SHOWN_MAX)
        fields = sorted(part.items())[:SHOWN_MAX]
        return await client.hlen(name), [(field, _safe(field, value)) for field, value in fields]
    if kind == "zset":
        members = await client.zrange(name, 0, SHOWN_MAX - 1, withscores=True)
        return await client.zcard(name), [(member, _score(facet, int(score))) for member, score in members]
    if kind == "set":
        _, part = await client.sscan(name, count=SHOWN_MAX)
        return await client.scard(name), [(member, "") for member in sorted(part)[:SHOWN_MAX]]
    if kind == "string":
        text = await client.getrange(name, 0, TEXT_MAX)
        # What an Idempotency-Key was answered may be a token.
        return await client.strlen(name), [("", "(not shown)" if facet == "request" else _short(text))]
    if kind == "stream":
        entries = await client.xrevrange(name, count=3)
        return await client.xlen(name), [(cursor, _short(fields.get("entry", ""))) for cursor, fields in entries]
    return 0, []


def _safe(field: str, value: str) -> str:
    return "(not shown)" if value and _SECRET.search(field) else _short(value)


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"


def _score(facet: str, score: int) -> str:
    if facet in {"able", "heads"}:
        return f"priority {score // STEP}, {'idle since' if facet == 'able' else 'oldest from'} {score % STEP}"
    return str(score)
