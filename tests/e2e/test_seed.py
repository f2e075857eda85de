"""The queue chapter of the SDK that this service comes from, section by section: the first eight.

Everything goes through real HTTP and real WebSockets; agents are on one node, customers on the other.
"""

from __future__ import annotations

import pytest

from dispatcher.client import Client, Code, DispatcherError, Http
from dispatcher.model import QueueCreate, QueuePatch, Role, Service
from tests.e2e.nodes import World, of, offered, serve

# 1. Create a queue


async def test_1_a_queue_is_created_over_the_web(world: World) -> None:
    first = await world.boss.create_queue(QueueCreate(name="Loans", description="House and car", priority=3))
    second = await world.boss.create_queue(QueueCreate(name="Cards"))
    assert (first.queue_id, first.name, first.description, first.priority) == ("1", "Loans", "House and car", 3)
    assert (second.queue_id, second.priority, second.open) == ("2", 10, True)
    elsewhere = await world.http("boss", Role.ADMIN, node=1)
    assert await elsewhere.get_queue("1") == first
    with pytest.raises(DispatcherError) as raised:
        await elsewhere.create_queue(QueueCreate(name="Loans"))
    assert raised.value.code is Code.QUEUE_EXISTS


async def test_1_only_an_admin_creates_queues(world: World) -> None:
    supervisor = await world.http("sue", Role.SUPERVISOR)
    with pytest.raises(DispatcherError) as raised:
        await supervisor.create_queue(QueueCreate(name="Loans"))
    assert raised.value.code is Code.API_NO_PERMISSION


# 2. After the login, initialise the queue data


async def test_2_queuing_comes_after_the_login(world: World) -> None:
    async with Http(world.nodes[1]) as nobody:
        with pytest.raises(DispatcherError) as raised:
            await nobody.list_queues()
        assert raised.value.code is Code.NOT_LOGIN
        with pytest.raises(DispatcherError) as raised:
            await nobody.login(world.tenant, "not the secret", "bob")
        assert raised.value.code is Code.TOKEN_AUTH_FAILED
    with pytest.raises(DispatcherError) as raised:
        await Client.connect(world.nodes[1], "not a token")
    assert raised.value.code is Code.TOKEN_AUTH_FAILED


async def test_2_after_the_login_the_client_knows_the_queues_and_where_it_stands(world: World) -> None:
    await world.queue("loans")
    customer = await world.customer("bob")
    snapshot = await customer.wait_for("snapshot")
    assert snapshot.data["user"] == {"user_id": "bob", "name": "Bob", "roles": ["customer"]}
    assert (customer.state.contact, customer.state.assignments) == (None, ())
    assert [queue.queue_id for queue in (await customer.list_queues()).items] == ["loans"]


# 3. Read all queues, as often as one likes


async def test_3_all_queues_are_read_again_and_again(world: World) -> None:
    await world.queue("cards", name="Cards", priority=7)
    await world.queue("loans", name="Loans", description="House and car")
    customer = await world.customer("bob")
    cards, loans = (await customer.list_queues()).items
    assert (cards.queue_id, cards.name, cards.priority) == ("cards", "Cards", 7)
    assert (loans.queue_id, loans.description) == ("loans", "House and car")
    await world.boss.update_queue("cards", QueuePatch(priority=1, open=False))
    cards, again = (await customer.list_queues()).items
    assert (cards.priority, cards.open) == (1, False)
    assert again == loans


# 4. Refresh, and be told when a queue's status changes


async def test_4_changes_of_a_queue_are_told_to_who_watches(world: World) -> None:
    await world.queue("loans")
    watcher, agent, customer = await world.agent("wanda"), await world.agent("ann"), await world.customer("bob")
    await watcher.watch_queues()
    await agent.set_dnd(1)
    await agent.start_service("loans")
    await watcher.wait_for("queue.status", of("loans", agent_num=1, wait_num=0))
    await customer.start_queuing("loans")
    await watcher.wait_for("queue.status", of("loans", agent_num=1, wait_num=1))
    await customer.stop_queuing()
    await watcher.wait_for("queue.status", of("loans", agent_num=1, wait_num=0))
    await agent.stop_service("loans")
    await watcher.wait_for("queue.status", of("loans", agent_num=0, wait_num=0))


async def test_4_all_queues_with_their_status_in_one_call(world: World) -> None:
    await world.queue("cards")
    await world.queue("loans")
    customer = await world.customer("bob")
    await customer.start_queuing("loans")
    for queues in (await customer.list_queues(status=True), await world.boss.list_queues(status=True)):
        waiting = {queue.queue_id: queue.status.wait_num for queue in queues.items if queue.status}
        assert waiting == {"cards": 0, "loans": 1}


# 5. Read the status of one queue


async def test_5_the_status_of_a_queue_counts_who_is_where(world: World) -> None:
    await world.queue("loans")
    # Of two who became free in the same millisecond, the smaller id is the first.
    agents = [await world.agent(name) for name in ("abe", "ann")]
    for agent in agents:
        await agent.start_service("loans")
    bob, cat, dan = [await world.customer(name) for name in ("bob", "cat", "dan")]
    for customer in (bob, cat, dan):
        await customer.start_queuing("loans")
    assert await offered(agents[0]) == "bob"
    await agents[0].start(agents[0].state.assignments[0].contact.contact_id)
    for status in (await dan.get_queue_status("loans"), await world.boss.get_queue_status("loans")):
        counts = (status.agent_num, status.wait_num, status.prepare_num, status.srv_num)
        assert counts == (2, 1, 1, 1)
    with pytest.raises(DispatcherError) as raised:
        await dan.get_queue_status("nowhere")
    assert raised.value.code is Code.QUE_ID_INVALID


# 6. Read the own queuing


async def test_6_a_customer_reads_his_place_and_how_long_he_waits(world: World) -> None:
    await world.queue("loans")
    bob, cat = await world.customer("bob"), await world.customer("cat", node=0)
    with pytest.raises(DispatcherError) as raised:
        await bob.get_queuing_info()
    assert raised.value.code is Code.CONTACT_NOT_FOUND
    await bob.start_queuing("loans")
    await cat.start_queuing("loans")
    info = await cat.get_queuing_info()
    assert (info.queue_id, info.state, info.position) == ("loans", "waiting", 2)
    assert info.queuing_time_s >= 0
    assert (await bob.get_queuing_info()).position == 1
    assert (await world.boss.get_contact(info.contact_id)).position == 2


# 7. An agent serves queues


async def test_7_an_agent_serves_several_queues_with_priorities(world: World) -> None:
    for queue_id in ("cards", "loans", "misc"):
        await world.queue(queue_id)
    agent = await world.agent("ann")
    assert (await agent.start_service("loans")).state == "idle"
    await agent.start_service("cards", priority=5)
    await agent.start_service("misc")
    await agent.start_service("misc", priority=2)
    mine = await (await world.http("ann", Role.AGENT, node=1)).get_agent("me")
    serves = {queue.queue_id: queue.priority for queue in mine.queues}
    assert serves == {"cards": 5, "loans": 0, "misc": 2}
    assert agent.state.agent is not None
    assert {queue.queue_id: queue.priority for queue in agent.state.agent.queues} == serves
    await agent.wait_for("queue.status", of("cards", agent_num=1))
    left = await agent.stop_service("loans")
    assert {queue.queue_id for queue in left.queues} == {"cards", "misc"}
    with pytest.raises(DispatcherError) as raised:
        await agent.stop_service("loans")
    assert raised.value.code is Code.QUE_SERVICE_NOT_START
    with pytest.raises(DispatcherError) as raised:
        await agent.start_service("nowhere")
    assert raised.value.code is Code.QUE_ID_INVALID


async def test_7_the_queue_of_higher_priority_is_served_first(world: World) -> None:
    await world.queue("cards", priority=10)
    await world.queue("vip", priority=1)
    bob, vic = await world.customer("bob"), await world.customer("vic")
    await bob.start_queuing("cards")
    await vic.start_queuing("vip")
    agent = await world.agent("ann")
    await agent.start_service(queues=[Service(queue_id="cards"), Service(queue_id="vip")])
    assert await offered(agent) == "vic"
    await serve(agent, vic)
    assert await offered(agent) == "bob"


async def test_7_of_equal_queues_who_came_first_is_served_first(world: World) -> None:
    await world.queue("cards")
    await world.queue("loans")
    customers = [await world.customer(name) for name in ("bob", "cat", "dan")]
    for customer, queue_id in zip(customers, ("loans", "cards", "loans"), strict=True):
        await customer.start_queuing(queue_id)
    agent = await world.agent("ann")
    await agent.start_service(queues=[Service(queue_id="cards"), Service(queue_id="loans")])
    for customer in customers:
        assert await offered(agent) == customer.state.user.user_id
        await serve(agent, customer)


async def test_7_the_free_agent_of_higher_priority_gets_the_customer(world: World) -> None:
    await world.queue("loans")
    second, first = await world.agent("abe"), await world.agent("ann", node=1)
    await second.start_service("loans", priority=5)
    await first.start_service("loans", priority=1)
    bob, cat = await world.customer("bob"), await world.customer("cat", node=0)
    assert (await bob.start_queuing("loans")).agent_id == "ann"
    assert (await cat.start_queuing("loans")).agent_id == "abe"
    assert (await offered(first), await offered(second)) == ("bob", "cat")


# 8. A customer queues


async def test_8_one_queue_at_a_time(world: World) -> None:
    await world.queue("cards")
    await world.queue("loans")
    customer = await world.customer("bob")
    contact = await customer.start_queuing("loans")
    assert (contact.state, contact.position) == ("waiting", 1)
    assert (await customer.start_queuing("loans")).contact_id == contact.contact_id
    with pytest.raises(DispatcherError) as raised:
        await customer.start_queuing("cards")
    assert raised.value.code is Code.ALREADY_OTHERQUE
    assert (await customer.stop_queuing()).reason == "abandoned"
    assert customer.state.contact is None
    assert (await customer.start_queuing("cards")).queue_id == "cards"


async def test_8_stopping_twice_finds_nothing(world: World) -> None:
    await world.queue("loans")
    customer = await world.customer("bob")
    await customer.start_queuing("loans")
    await customer.stop_queuing()
    with pytest.raises(DispatcherError) as raised:
        await customer.stop_queuing()
    assert raised.value.code is Code.CONTACT_NOT_FOUND


async def test_8_what_the_customer_says_reaches_the_agent(world: World) -> None:
    await world.queue("loans")
    agent = await world.agent("ann")
    await agent.start_service("loans")
    customer = await world.customer("bob")
    await customer.start_queuing("loans", ext='{"card": "贵宾"}')
    contact = (await agent.wait_for("assignment.offered")).data["contact"]
    assert (contact["customer_id"], contact["name"], contact["ext"]) == ("bob", "Bob", '{"card": "贵宾"}')


async def test_8_a_waiting_customer_is_told_of_his_queue_and_his_place(world: World) -> None:
    await world.queue("loans")
    bob, cat = await world.customer("bob"), await world.customer("cat")
    await bob.start_queuing("loans")
    assert (await cat.start_queuing("loans")).position == 2
    await cat.wait_for("queue.status", of("loans", wait_num=2))
    await bob.stop_queuing()
    moved = await cat.wait_for("queuing.info", of("loans", position=1))
    assert moved.data["queuing_time_s"] >= 0
    await cat.wait_for("queue.status", of("loans", wait_num=1))
    assert cat.state.contact is not None
    assert cat.state.contact.position == 1


async def test_8_the_agents_of_a_queue_see_who_enters_and_leaves(world: World) -> None:
    await world.queue("loans")
    agent = await world.agent("ann")
    await agent.set_dnd(1)
    await agent.start_service("loans")
    customer = await world.customer("bob")
    contact = await customer.start_queuing("loans")
    assert (await agent.wait_for("contact.entered")).data["contact_id"] == contact.contact_id
    assert [waiting.customer_id for waiting in (await agent.list_contacts("loans")).items] == ["bob"]
    await customer.stop_queuing()
    assert (await agent.wait_for("contact.left")).data["reason"] == "abandoned"
