"""A tenant's keys as Redis holds them, read for the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log
from dispatcher.model import LogEntry
from dispatcher.store import keys
from dispatcher.store.connect import Store
from dispatcher.store.wire import redis_errors


@dataclass
class State:
    """A tenant's keys, by facet and id, as Redis holds them."""

    tenant: str
    hashes: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    zsets: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    immortal: list[str] = field(default_factory=list)
    log: list[LogEntry] | None = None

    def hash(self, facet: str) -> dict[str, dict[str, str]]:
        """Return all hashes of a facet by id."""
        return self.hashes.get(facet, {})

    def zset(self, facet: str, id: str = "") -> dict[str, int]:
        """Return one sorted set: member → score."""
        return self.zsets.get(facet, {}).get(id, {})

    def key(self, facet: str, id: str = "") -> str:
        """Return a key's name."""
        return keys.key(self.tenant, facet, id)

    def open_contacts(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Return the contacts that have not ended."""
        return ((id, c) for id, c in self.hash("contact").items() if c["state"] != "ended")

    def held_by(self, agent_id: str) -> list[str]:
        """Return the contacts that an agent holds by his own hash."""
        return self.hash("user").get(agent_id, {}).get("contacts", "").split()

    def is_able(self, agent_id: str) -> bool:
        """Evaluate the predicate of product.md anew."""
        user = self.hash("user").get(agent_id, {})
        return bool(
            user.get("session")
            and not user.get("dnd")
            and self.zset("agent_queues", agent_id)
            and not user.get("preparing")
            and not user.get("call")
            and not user.get("wrap_until")
            and not user.get("cool_until")
            and len(self.held_by(agent_id)) < int(user.get("capacity") or 1)
        )

    def deleting(self, queue_id: str) -> bool:
        """Whether a queue is being deleted."""
        return bool(self.hash("queue").get(queue_id, {}).get("deleting"))


async def read_state(store: Store, tenant: str, *, with_log: bool = False) -> State:
    """Read all keys of a tenant. Not atomic on a live system: see `check`."""
    state = State(tenant)
    known = {key.facet: key for key in keys.TENANT_KEYS}
    client: Any = store.client
    names = sorted([name async for name in client.scan_iter(match=f"acd:{{{tenant}}}:*", count=1000)])
    for name in names:
        parsed = keys.parse(name)
        if parsed is None or parsed[1] not in known or bool(known[parsed[1]].id) != bool(parsed[2]):
            state.unknown.append(name)
            continue
        _, facet, id = parsed
        try:
            with redis_errors():
                await _read_key(client, name, known[facet].type, state, facet, id)
        except DispatcherError as error:
            if error.code is not Code.SERVER_EXCEPTION:
                raise
            # Somebody has put something else there.
            state.unknown.append(name)
        except OverflowError:
            # A score without end: no script wrote it.
            state.unknown.append(name)
        if await client.ttl(name) == -1 and (
            facet in ("assignment", "request", "login", "login_as")
            or (facet == "contact" and state.hash(facet).get(id, {}).get("state") == "ended")
        ):
            state.immortal.append(name)
    if with_log and await log.is_whole(store, tenant):
        state.log = await _read_log(store, tenant)
    return state


async def is_paused(store: Store, tenant: str) -> bool:
    """Whether a tenant is paused. Errors: UNAVAILABLE, OUTCOME_UNKNOWN; SERVER_EXCEPTION (its hash is no hash)."""
    client: Any = store.client
    with redis_errors():
        return bool(await client.hget(keys.key(tenant, "meta"), "paused") == "1")


async def _read_key(client: Any, name: str, type: str, state: State, facet: str, id: str) -> None:
    # On a live system a key may go between the scan and the reading: then it is not there.
    if type == "HASH" and (fields := await client.hgetall(name)):
        state.hashes.setdefault(facet, {})[id] = fields
    elif type == "ZSET" and (pairs := await client.zrange(name, 0, -1, withscores=True)):
        state.zsets.setdefault(facet, {})[id] = {member: int(score) for member, score in pairs}


async def _read_log(store: Store, tenant: str) -> list[LogEntry]:
    entries: list[LogEntry] = []
    while part := (await log.read(store, tenant, entries[-1].cursor if entries else log.START, log.BATCH_MAX)).entries:
        entries += part
    return entries
