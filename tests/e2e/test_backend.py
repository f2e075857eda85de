"""A backend and an admin over the SDK's HTTP: the tenant, its people, and commands that are repeated."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dispatcher.client import Http
from dispatcher.errors import DispatcherError
from dispatcher.model import Presence, QueueCreate, Role
from dispatcher.tenancy import AccountCreate, AccountPatch, TenantPatch
from tests.e2e.nodes import World


async def test_a_person_with_an_account_comes_to_the_other_node(world: World) -> None:
    password = SecretStr("correct horse")
    account = AccountCreate(user_id="ann", roles=frozenset({Role.AGENT}), queues=frozenset({"1"}), password=password)
    made = await world.boss.create_account(account)
    assert (await world.boss.list_accounts()).items == (made,)
    assert (made.name, made.roles, made.queues) == ("ann", (Role.AGENT,), ("1",))
    async with Http(world.nodes[1]) as door:
        login = await door.login_with_password(world.tenant, "ann", "correct horse")
        with pytest.raises(DispatcherError, match="ANCTPSWD_ERR"):
            await door.login_with_password(world.tenant, "ann", "wrong horse")
    agent = await world.connect(login.token, world.nodes[1])
    await world.boss.create_queue(QueueCreate(queue_id="1"))
    await world.boss.create_queue(QueueCreate(queue_id="2"))
    await agent.start_service("1")
    with pytest.raises(DispatcherError, match="API_NO_PERMISSION"):
        await agent.start_service("2")
    freed = await world.boss.update_account("ann", AccountPatch(queues=None, name="Ann"))
    assert (freed.queues, freed.name) == (None, "Ann")
    await world.boss.delete_account("ann")
    assert (await agent.me()).agent is not None, "the account's end is not the agent's"
    with pytest.raises(DispatcherError, match="USER_NOT_FOUND"):
        await world.boss.delete_account("ann")


async def test_options_of_the_tenant(world: World) -> None:
    before = await world.boss.get_tenant()
    patch = TenantPatch(agent_grace=5, origins=("https://shop.example",), legacy_login=SecretStr("for the pages"))
    after = await world.boss.update_tenant(patch)
    assert after == before.model_copy(
        update={"agent_grace": 5, "origins": ("https://shop.example",), "legacy_login": True}
    )
    assert await world.boss.get_tenant() == after


async def test_a_command_under_a_key_is_done_once_on_whichever_node(world: World) -> None:
    await world.boss.create_queue(QueueCreate(queue_id="1"))
    other = await world.http("boss", Role.ADMIN, node=1)
    caller = {"customer_id": "by phone", "presence": Presence.NONE}
    first = await world.boss.under("call 17").start_queuing("1", **caller)  # type: ignore[arg-type]
    await world.boss.stop_queuing(first.contact_id)
    assert await other.under("call 17").start_queuing("1", **caller) == first  # type: ignore[arg-type]
    with pytest.raises(DispatcherError, match="REQUEST_ID_REUSED"):
        await other.under("call 17").start_queuing("1", customer_id="somebody else", presence=Presence.NONE)
    again = await other.under("call 18").start_queuing("1", **caller)  # type: ignore[arg-type]
    assert again.contact_id != first.contact_id
