"""Model and dispatcher side by side: the same command to both, then everything they can be compared by."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from dispatcher import doctor
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError, Repeated
from dispatcher.model import Agent, Assignment, Call, Contact, Queue, Snapshot, UserStatus
from dispatcher.store.connect import Store
from dispatcher.store.keys import TENANTS, key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.tenancy import TenantOptions
from tests.model.observe import comparable, doctors_state, observe_keys, observe_model, read_keys, read_log
from tests.model.reference import Model
from tests.model.state import Refused

START = 1_763_824_800_000
"""The virtual clock's beginning (epoch ms)."""


_SCRIPTS = Scripts(clock="virtual")


class Sides:
    """One tenant on a real store, and the model of it."""

    def __init__(self, store: Store, tenant: str) -> None:
        self.store = store
        self.tenant = tenant
        self.dispatcher = Dispatcher(Runner(store, _SCRIPTS))
        self.model = Model(START)
        self._cursor = "0"
        self._agree = True

    async def begin(self) -> None:
        """Create the tenant."""
        await self.set_clock(START)
        await self.dispatcher.create_tenant(self.tenant)
        # No node of another test shall carry out its timers on the server's clock.
        await self.store.client.srem(TENANTS, self.tenant)

    async def end(self) -> None:
        """Look at the whole story once more, if they agreed so far; then remove every trace of the tenant."""
        try:
            violations = await doctor.check(self.store, self.tenant, with_log=True) if self._agree else []
            assert not violations, violations
        finally:
            names = [name async for name in self.store.client.scan_iter(match=f"acd:{{{self.tenant}}}:*", count=10_000)]
            await self.store.client.unlink(*names)
            await self.store.client.srem(TENANTS, self.tenant)
            await self.store.close()

    async def set_clock(self, now: int) -> None:
        """Move the clock of both sides."""
        self.model.now = now
        await self.store.client.set(key(self.tenant, "clock"), now)

    async def set_customer_reach(self, reach: str) -> None:
        """Set the tenant's option on both sides."""
        self.model.customer_reach = reach
        await self.store.client.hset(key(self.tenant, "meta"), "customer_reach", reach)

    async def flush_scripts(self) -> None:
        """Let the server forget all scripts."""
        await self.store.client.script_flush()

    async def both(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Send a command to both sides and compare; answer the model's result, or the error's code."""
        self._agree = False
        expected = self._ask_model(command, *args, **kwargs)
        actual = await _outcome(getattr(self.dispatcher, command)(*args, **kwargs))
        assert actual == expected, f"{command}{args[1:]}{kwargs}: dispatcher {actual}, model {expected}"
        await self.compare(command)
        self._agree = True
        return expected

    def _ask_model(self, command: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(self.model, command)(*args, **kwargs)
        except Refused as refused:
            return refused.code
        except Repeated:
            return "repeated"

    async def compare(self, command: str) -> None:
        """Compare state and the last command's events, and check the invariants on the real state."""
        found = await read_keys(self.store, self.tenant)
        _assert_same(observe_keys(found), observe_model(self.model), command)
        violations = doctor.check_state(doctors_state(self.tenant, found))
        assert not violations, f"after {command}: {violations}"
        self._cursor, entries = await read_log(self.store, self.tenant, self._cursor)
        assert len(entries) == bool(self.model.events), f"{command} made {len(entries)} log entries: {entries}"
        ordered, changed = comparable([event for entry in entries for event in entry])
        model_ordered, model_changed = comparable(self.model.events)
        assert ordered == model_ordered, _differing("events", command, ordered, model_ordered)
        assert changed == model_changed, _differing("agent.changed", command, changed, model_changed)


async def _outcome(call: Awaitable[Any]) -> Any:
    """Answer a command's result in the model's form, or the error's code."""
    try:
        result = await call
    except DispatcherError as error:
        return error.code.name
    except Repeated:
        return "repeated"
    return _plain(result)


def _plain(result: Any) -> Any:
    """Return a result as the model gives it: see `views`."""
    if isinstance(result, list):
        return [_plain(item) for item in result]
    if isinstance(result, Call | Contact | Queue | UserStatus):
        return result.model_dump(mode="json")
    if isinstance(result, Assignment):
        plain = result.model_dump(mode="json")
        return plain if result.state in {"offered", "accepted", "serving"} else plain | {"contact": None}
    if isinstance(result, Agent):
        plain = result.model_dump(mode="json")
        queues = sorted(plain["queues"], key=lambda service: str(service["queue_id"]))
        return plain | {"queues": queues, "contacts": sorted(plain["contacts"])}
    if isinstance(result, TenantOptions):
        return result.model_dump(mode="json", include={"customer_grace", "agent_grace", "customer_reach"})
    if isinstance(result, Snapshot):
        given = sorted(result.assignments, key=lambda assignment: assignment.contact.contact_id)
        return {
            "user_id": result.user.user_id,
            "name": result.user.name,
            "agent": _plain(result.agent),
            "contact": _plain(result.contact),
            "assignments": [_plain(assignment) for assignment in given],
            "call": _plain(result.call),
        }
    return result


def _assert_same(real: dict[str, Any], model: dict[str, Any], command: str) -> None:
    lines = [
        f"{part} {id}:\n  real  {real[part].get(id)}\n  model {expected.get(id)}"
        for part, expected in model.items()
        for id in {**real[part], **expected}
        if real[part].get(id) != expected.get(id)
    ]
    assert not lines, f"after {command} the states differ\n" + "\n".join(lines)


def _differing(what: str, command: str, real: list[Any], model: list[Any]) -> str:
    lines = [f"  real  {event}" for event in real] + [f"  model {event}" for event in model]
    return f"{what} of {command} differ\n" + "\n".join(lines)
