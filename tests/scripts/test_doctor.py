"""The doctor on a system that goes on while he reads it, key by key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from redis.exceptions import TimeoutError

from dispatcher import doctor, keyspace
from dispatcher.errors import Code, DispatcherError
from dispatcher.keyspace import State
from dispatcher.store.connect import Store
from tests.scripts.world import World

pytestmark = pytest.mark.lanes("embedded", "redis")


class Moving:
    """A store in which one key goes between the scan and its reading."""

    def __init__(self, store: Store, gone: str) -> None:
        self._client: Any = store.client
        self._gone = gone
        self.client = self

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._client, name)
        nothing = {"hgetall": {}, "zrange": [], "ttl": -2}

        async def read_or_nothing(key: str, *args: Any, **kwargs: Any) -> Any:
            return nothing[name] if key == self._gone else await read(key, *args, **kwargs)

        return read_or_nothing if name in nothing else read


async def test_a_key_that_goes_while_he_reads_is_no_fault_of_his(world: World) -> None:
    for queue in ("q", "r"):
        await world.queue(queue)
    await world.agent("anna", "q", "r")
    await world.customer("kim", "q")
    await world.call("anna", "kim")
    await world.customer("lea", "q")
    ended = await world.customer("mia", "r")
    await world.run("contact_stop_queuing", actor="mia")
    names = {name async for name in world.store.client.scan_iter(match=f"acd:{{{world.tenant}}}:*")}
    assert {world.key("call", (await world.call_of("kim"))["call_id"]), world.key("contact", ended)} <= names
    for gone in names:
        state = await keyspace.read_state(cast(Store, Moving(world.store, gone)), world.tenant)
        assert gone not in state.immortal
        assert isinstance(doctor.check_state(state), list)


async def test_a_store_that_stops_answering_is_told_as_such(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(name: str) -> dict[str, str]:
        raise TimeoutError("no answer")

    await world.queue("q")
    monkeypatch.setattr(world.store.client, "hgetall", silent)
    with pytest.raises(DispatcherError) as caught:
        await doctor.check(world.store, world.tenant)
    assert caught.value.code is Code.OUTCOME_UNKNOWN


async def test_what_is_broken_otherwise_at_each_reading_is_not_broken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer comes and goes: each time his newest contact began after the contacts were read."""
    contacts = iter(("1763824800000-0001", "1763824800000-0002", "1763824800000-0003"))

    async def read(store: Store, tenant: str, *, with_log: bool = False) -> State:
        kim = {"session": "s", "contact": next(contacts)}
        return State(tenant, hashes={"meta": {"": {"now": "1"}}, "user": {"kim": kim}})

    monkeypatch.setattr(doctor, "read_state", read)
    assert await doctor.check(store, "t") == []


async def test_a_key_of_another_type_is_told_and_the_rest_is_read(world: World) -> None:
    await world.queue("q")
    await world.customer("kim", "q")
    waiting = world.key("waiting", "q")
    await world.store.client.delete(waiting)
    await world.store.client.set(waiting, "x")
    found = await doctor.check(world.store, world.tenant)
    assert doctor.Violation(8, "no such key of this type in the key table", waiting) in found
    assert 1 in {violation.invariant for violation in found}, "kim waits nowhere"


async def served(world: World) -> None:
    """Anna rings Kim, Lea waits, Mia is served."""
    for queue in ("q", "r"):
        await world.queue(queue)
    await world.agent("anna", "q")
    await world.agent("bert", "r")
    await world.customer("kim", "q")
    await world.call("anna", "kim")
    await world.customer("lea", "q")
    await world.customer("mia", "r")


async def test_a_hash_with_any_field_gone_or_spoilt_is_no_stack_trace(world: World) -> None:
    await served(world)
    whole = await keyspace.read_state(world.store, world.tenant)
    assert doctor.check_state(whole) == []
    for facet, hashes in whole.hashes.items():
        for id, fields in hashes.items():
            for name in fields:
                for damaged in ({n: v for n, v in fields.items() if n != name}, fields | {name: "x"}, {"odd": "x"}):
                    state = replace(whole, hashes=whole.hashes | {facet: hashes | {id: damaged}})
                    assert isinstance(doctor.check_state(state), list), (facet, id, name)


@pytest.mark.parametrize(
    ("facet", "id", "field", "value", "said"),
    [
        ("queue", "q", "priority", "abc", "its priority is no number: 'abc'"),
        ("queue", "q", "wrap_up", "", "its wrap_up is no number: ''"),
        ("user", "anna", "capacity", "two", "its capacity is no number: 'two'"),
        ("user", "anna", "watching", "nobody", "its watching is not client:session:node"),
    ],
)
async def test_a_field_nobody_can_work_on_is_told_with_its_key(
    world: World, facet: str, id: str, field: str, value: str, said: str
) -> None:
    await served(world)
    await world.store.client.hset(world.key(facet, id), field, value)
    assert doctor.Violation(8, said, world.key(facet, id)) in await doctor.check(world.store, world.tenant)


async def test_a_contact_that_somebody_wrote_by_hand_is_told_as_such(world: World) -> None:
    orphan = world.key("contact", "1763824800000-0009")
    await world.store.client.hset(orphan, "state", "waiting")
    found = await doctor.check(world.store, world.tenant)
    assert found == [doctor.Violation(8, "it has no queue_id", orphan)]


async def test_a_score_without_end_is_told(world: World) -> None:
    timers = world.key("timers")
    await world.store.client.zadd(timers, {"wait:1763824800000-0009": float("inf")})
    found = await doctor.check(world.store, world.tenant)
    assert found == [doctor.Violation(8, "no such key of this type in the key table", timers)]


async def test_a_tenant_without_its_hash_is_not_well(world: World) -> None:
    await world.queue("q")
    await world.store.client.delete(world.key("meta"))
    found = await doctor.check(world.store, world.tenant)
    said = "the tenant has no hash: every command says there is no such tenant"
    assert found == [doctor.Violation(8, said, world.key("meta"))]
