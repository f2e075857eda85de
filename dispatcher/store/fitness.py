"""Is a server fit to be the store: its version, what it does when memory is full, what a crash takes with it.

Read from INFO, which most ACLs and hosted servers allow; where it is forbidden, that is what is found.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.exceptions import NoPermissionError, ResponseError

from dispatcher.store.base import Shard
from dispatcher.store.connect import Store
from dispatcher.store.wire import redis_errors

REDIS_MIN = (7, 0)
VALKEY_MIN = (7, 2)


class Finding(NamedTuple):
    """Something about one server. Unfit: the service cannot work there; else it works, but not as it should."""

    server: str
    unfit: bool
    text: str


async def examine(store: Store) -> list[Finding]:
    """Look at every master; the embedded store is what it is. Errors: UNAVAILABLE, OUTCOME_UNKNOWN."""
    if store.is_embedded:
        return []
    return [finding for shard in await store.shards() for finding in await _examine(shard)]


async def _examine(shard: Shard) -> list[Finding]:
    try:
        with redis_errors():
            info = await _info(shard)
    except _Forbidden as error:
        text = f"INFO is not allowed here ({error}): version, maxmemory-policy and persistence are not known"
        return [Finding(shard.name, False, text)]
    return [Finding(shard.name, unfit, text) for unfit, text in _findings(info)]


class _Forbidden(Exception):
    """The server does not let us look."""


async def _info(shard: Shard) -> dict[str, Any]:
    try:
        info: dict[str, Any] = await shard.client.info()
    except (NoPermissionError, ResponseError) as error:
        raise _Forbidden(str(error)) from error
    return info


def _findings(info: dict[str, Any]) -> list[tuple[bool, str]]:
    found: list[tuple[bool, str]] = []
    name, version, least = "Redis", str(info.get("redis_version", "")), REDIS_MIN
    if "valkey_version" in info:
        name, version, least = "Valkey", str(info["valkey_version"]), VALKEY_MIN
    if _numbers(version) < least:
        wanted = ".".join(map(str, least))
        found.append((True, f"{name} {version or 'of an unknown version'}: {wanted} or newer is needed"))
    if (role := info.get("role", "master")) != "master":
        found.append((False, f"it is a {role}, which takes no commands; has it just lost a failover?"))
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        found.append((False, f"maxmemory-policy is {policy}: a full server would drop who waits. Set noeviction"))
    if not info.get("aof_enabled", 0):
        found.append((False, "appendonly is off: a restart loses what is newer than the last dump. Set appendonly yes"))
    elif info.get("aof_last_write_status", "ok") != "ok":
        found.append((False, "the last write to the AOF failed: is the disk full?"))
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
