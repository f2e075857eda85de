"""Is a server fit to be the store: its version, what it does when memory is full, what a crash takes with it.

Read from INFO, which most ACLs and hosted servers allow, and what it does not tell from CONFIG GET. Where both are
forbidden, that is what is found.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from dispatcher.store.base import Shard
from dispatcher.store.connect import Store
from dispatcher.store.wire import redis_errors

REDIS_MIN = (7, 0)
VALKEY_MIN = (7, 2)
SETTINGS = {"maxmemory_policy": "maxmemory-policy", "aof_enabled": "appendonly"}
"""What INFO calls a setting, and CONFIG."""


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
    with redis_errors():
        known = await _known(shard)
    return [Finding(shard.name, unfit, text) for unfit, text in _findings(known)]


class Known(NamedTuple):
    """What a server tells of itself, by the names of INFO; `refusal`: why INFO is not among it."""

    info: dict[str, Any]
    refusal: str = ""


async def _known(shard: Shard) -> Known:
    """Ask INFO, and the settings where INFO says nothing of them: a refusal would stand in the server's ACL LOG."""
    info: dict[str, Any] = {}
    refusal = ""
    try:
        info = dict(await shard.client.info())
    except ResponseError as error:
        refusal = str(error)
    for name, setting in SETTINGS.items():
        if name not in info:
            with suppress(ResponseError, KeyError):
                info |= {name: (await shard.client.config_get(setting))[setting]}
    return Known(info, refusal)


def _findings(known: Known) -> list[tuple[bool, str]]:
    info = known.info
    found: list[tuple[bool, str]] = []
    unknown = [setting for name, setting in SETTINGS.items() if name not in info]
    if known.refusal:
        found.append((False, f"INFO is not allowed here ({known.refusal}): {_not_known(['version', *unknown])}"))
    else:
        found += _version(info)
        found += [(False, _not_known(unknown))] if unknown else []
    if (role := info.get("role", "master")) != "master":
        found.append((False, f"it is a {role}, which takes no commands; has it just lost a failover?"))
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        found.append((False, f"maxmemory-policy is {policy}: a full server would drop who waits. Set noeviction"))
    if info.get("aof_enabled", 1) in (0, "no"):
        found.append((False, "appendonly is off: a restart loses what is newer than the last dump. Set appendonly yes"))
    elif info.get("aof_last_write_status", "ok") != "ok":
        found.append((False, "the last write to the AOF failed: is the disk full?"))
    return found


def _version(info: dict[str, Any]) -> list[tuple[bool, str]]:
    name, version, least = "Redis", str(info.get("redis_version", "")), REDIS_MIN
    if "valkey_version" in info:
        name, version, least = "Valkey", str(info["valkey_version"]), VALKEY_MIN
    if _numbers(version) >= least:
        return []
    wanted = ".".join(map(str, least))
    return [(True, f"{name} {version or 'of an unknown version'}: {wanted} or newer is needed")]


def _not_known(what: list[str]) -> str:
    *first, last = what
    return f"its {', '.join(first)}{' and ' if first else ''}{last} {'are' if first else 'is'} not known"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
