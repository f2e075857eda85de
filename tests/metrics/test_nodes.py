"""Metrics of whole nodes: each thing counted by one of two nodes, who may read them, what a probe says."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.metrics import metrics as of_a_node
from dispatcher.model import Role
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import TENANTS, key
from dispatcher.tasks import end
from dispatcher.ticker import owner
from tests.api.nodes import Running, node
from tests.servers import Server, free_port

TOKEN = "m" * 20
READER = {"Authorization": f"Bearer {TOKEN}"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def nodes(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Running]]:
    """Two nodes that measure, and read the store anew at every scrape."""
    # A scrape reads a bounded number of pages: those of tenants that other tests left behind are not for here.
    await store.client.delete(TENANTS)
    monkeypatch.setattr(of_a_node, "FRESH_S", 0.0)
    monkeypatch.setattr(of_a_node, "FOLLOW_S", 0.01)
    monkeypatch.setattr(of_a_node, "COUNT_S", 0.01)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                node(store, f"{name}-{uuid.uuid4().hex[:6]}", metrics_token=SecretStr(TOKEN), metrics_queues=1000)
            )
            for name in ("a", "b")
        ]


@pytest.fixture
async def tenant(nodes: list[Running], dispatcher: Dispatcher) -> str:
    """A tenant that one of the two owns, whoever else runs nodes on this store."""
    ours = {one.app.node.settings.node_id for one in nodes}
    await until(nodes, lambda _: all(ours <= set(one.app.node.ticker.nodes) for one in nodes))
    living = nodes[0].app.node.ticker.nodes
    name = next(name for number in count() if owner(name := f"t-{uuid.uuid4().hex[:8]}-{number}", living) in ours)
    await dispatcher.create_tenant(name)
    return name


async def scrape(*nodes: Running) -> Samples:
    """Add up what the nodes say."""
    sums: Samples = {}
    for one in nodes:
        response = await one.http.get("/metrics", headers=READER)
        assert response.status_code == 200, response.text
        for family in text_string_to_metric_families(response.text):
            for sample in family.samples:
                name = (sample.name, frozenset(sample.labels.items()))
                sums[name] = sums.get(name, 0) + sample.value
    return sums


def found(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"dispatcher_{name}", frozenset(labels.items())))


async def until(nodes: list[Running], holds: Callable[[Samples], bool]) -> Samples:
    async with asyncio.timeout(20):
        while not holds(samples := await scrape(*nodes)):
            pass
        return samples


def as_(one: Running, tenant: str, user_id: str, *roles: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {one.app.node.tokens.mint(tenant, user_id, '', roles).token}"}


async def counted_by_one(nodes: list[Running], tenant: str) -> None:
    """Wait until the nodes agree on who counts a tenant, and that one hears of it."""

    def following() -> list[Running]:
        return [one for one in nodes if tenant in one.app.node.metrics._counting]

    await until(nodes, lambda _: len(following()) == 1)
    (one,) = following()
    # What is added before it follows the log is not counted.
    await until(nodes, lambda _: key(tenant, "feed") in one.app.node.hub._logs._bells)


async def test_two_nodes_count_each_contact_once(nodes: list[Running], tenant: str) -> None:
    a, b = nodes
    await counted_by_one(nodes, tenant)
    boss = as_(a, tenant, "boss", Role.ADMIN)
    assert (await a.http.post("/v1/queues", json={"queue_id": "q"}, headers=boss)).status_code == 201
    rounds = 6
    for number in range(rounds):
        via = nodes[number % 2]
        joined = await via.http.post(
            "/v1/contacts", json={"queue_id": "q", "customer_id": f"c{number}", "presence": "none"}, headers=boss
        )
        assert joined.status_code == 201
        left = await nodes[1 - number % 2].http.delete(f"/v1/contacts/{joined.json()['contact_id']}", headers=boss)
        assert left.status_code == 200
    joined = await b.http.post(
        "/v1/contacts", json={"queue_id": "q", "customer_id": "stays", "presence": "none"}, headers=boss
    )
    labels = {"tenant": tenant, "queue": "q"}
    samples = await until(nodes, lambda all_: found(all_, "contacts_ended_total", reason="removed", **labels) == rounds)
    assert found(samples, "contact_wait_seconds_count", outcome="unserved", **labels) == rounds
    assert found(samples, "queue_waiting", **labels) == 1
    assert found(samples, "queue_serving", **labels) == 0
    assert found(samples, "http_requests_total", method="POST", route="/v1/contacts", status="201") == rounds + 1
    script = found(samples, "script_seconds_count", script="contact_start_queuing")
    assert script == rounds + 1
    assert found(samples, "scrape_complete") == 2
    assert not [labels for (_, labels) in samples if "boss" in str(labels)]


async def test_agents_by_state_sockets_and_refusals(nodes: list[Running], tenant: str) -> None:
    a, _ = nodes
    boss, ann = as_(a, tenant, "boss", Role.ADMIN), as_(a, tenant, "ann", Role.AGENT)
    await a.http.post("/v1/queues", json={"queue_id": "q"}, headers=boss)
    refused = await a.http.post("/v1/contacts", json={"queue_id": "none", "customer_id": "x"}, headers=boss)
    assert refused.status_code == 404
    async with a.socket(ann, "x" * 16):
        assert (await a.http.put("/v1/agents/me/queues/q", headers=ann)).status_code == 200
        samples = await until(nodes, lambda all_: found(all_, "agents", tenant=tenant, state="idle") == 1)
        assert found(samples, "sockets") == 1
        assert found(samples, "queue_agents", tenant=tenant, queue="q") == 1
        assert (found(samples, "feed_lag_seconds_count") or 0) >= 1
    samples = await until(nodes, lambda all_: found(all_, "agents", tenant=tenant, state="offline") == 1)
    assert found(samples, "agents", tenant=tenant, state="idle") is None
    assert found(samples, "sockets") == 0
    script, code = "contact_start_queuing", "QUE_ID_INVALID"
    assert found(samples, "script_errors_total", script=script, code=code) == 1
    route = "/v1/agents/{agent}/queues/{queue}"
    assert found(samples, "http_requests_total", method="PUT", route=route, status="200") == 1


async def test_a_tenant_that_went_to_another_node_is_not_counted_on(nodes: list[Running]) -> None:
    """Though its task loses the cancellation, as redis-py does up to Python 3.11: it would be counted twice."""
    lost = asyncio.Event()

    async def counting() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(counting())
    await asyncio.sleep(0)
    nodes[0].app.node.metrics._counting["gone"] = task
    async with asyncio.timeout(10):
        await lost.wait()
        await asyncio.wait([task])


async def test_an_entry_that_cannot_be_read_does_not_end_the_counting(
    store: Store, nodes: list[Running], tenant: str
) -> None:
    await counted_by_one(nodes, tenant)
    boss = as_(nodes[0], tenant, "boss", Role.ADMIN)
    await nodes[0].http.post("/v1/queues", json={"queue_id": "q"}, headers=boss)
    broken = '{"at":1,"events":[{"event":"contact.ended","data":{"contact_id":"c"}}]}'
    await store.client.xadd(key(tenant, "log"), {"entry": broken})
    asked = {"queue_id": "q", "customer_id": "carl", "presence": "none"}

    async def comes_and_goes() -> None:
        contact = (await nodes[0].http.post("/v1/contacts", json=asked, headers=boss)).json()
        await nodes[0].http.delete(f"/v1/contacts/{contact['contact_id']}", headers=boss)

    async with asyncio.timeout(20):
        labels = {"tenant": tenant, "queue": "q"}
        while not found(await scrape(*nodes), "contacts_ended_total", reason="removed", **labels):
            await comes_and_goes()


async def test_a_scrape_reads_no_more_than_its_bound(
    nodes: list[Running], tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(nodes, lambda all_: any(tenant in one.app.node.ticker.owned for one in nodes))
    monkeypatch.setattr(of_a_node, "SCRAPE_PAGES_MAX", 1)
    before = {one.app.node.settings.node_id: await scrape(one) for one in nodes}
    for one in nodes:
        samples = await scrape(one)
        earlier = before[one.app.node.settings.node_id]
        pages = sum(
            (found(samples, "script_seconds_count", script=script) or 0)
            - (found(earlier, "script_seconds_count", script=script) or 0)
            for script in ("queue_list", "agent_list")
        )
        assert pages <= 1
        assert found(samples, "scrape_complete") == (0 if one.app.node.ticker.owned else 1)


async def test_who_may_read_metrics(store: Store) -> None:
    async with node(store, "closed") as closed:
        missing = await closed.http.get("/metrics", headers=READER)
        assert (missing.status_code, missing.json()["code"]) == (404, "PARAM_ERR")
    port = free_port()
    async with node(store, "open", metrics_token=SecretStr(TOKEN), metrics_port=port) as one:
        anonymous = await one.http.get("/metrics")
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "NOT_LOGIN")
        wrong = await one.http.get("/metrics", headers={"Authorization": "Bearer wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "TOKEN_AUTH_FAILED")
        right = await one.http.get("/metrics", headers=READER)
        assert right.headers["content-type"].startswith("text/plain")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as scraper:
            read = await scraper.get("/metrics")
            assert read.status_code == 200
            assert "dispatcher_node_info" in read.text
            assert (await scraper.get("/v1/queues")).status_code == 404
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as scraper:
            await scraper.get(f"http://127.0.0.1:{port}/metrics")


async def test_ready_says_which_part_is_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with node(store, "a") as a:
        assert (await a.http.get("/readyz")).status_code == 200
        await end([task for task in a.app.node.ticker._tasks if task.get_name() == "ticker.timers"])
        stuck = await a.http.get("/readyz")
        assert (stuck.status_code, stuck.json()["code"]) == (503, "UNAVAILABLE")
        assert stuck.json()["detail"] == "timers are not being carried out"
        monkeypatch.setattr(type(a.app.node.hub), "ready", False)
        both = (await a.http.get("/readyz")).json()["detail"]
        assert both == "the events of the store are not being read; timers are not being carried out"
        assert (await a.http.get("/healthz")).status_code == 200


async def test_a_feed_that_is_lost_grows_older(own_server: Server) -> None:
    store = await connect(own_server.url)
    try:
        async with node(store, "a", metrics_token=SecretStr(TOKEN)) as a:
            name = f"t-{uuid.uuid4().hex[:8]}"
            await a.app.node.dispatcher.create_tenant(name)
            token = as_(a, name, "ann", Role.AGENT)
            async with asyncio.timeout(20), a.socket(token, "x" * 16):
                assert a.app.node.hub.ready
                own_server.kill()
                while a.app.node.hub.feed.silent_s < 0.5 or a.app.node.hub.ready:
                    await a.http.get("/healthz")
    finally:
        await store.close()


async def test_a_scrape_is_answered_although_the_store_does_not(nodes: list[Running], tenant: str) -> None:
    await until(nodes, lambda all_: any(tenant in one.app.node.ticker.owned for one in nodes))

    async def refuse(*_: Any, **__: Any) -> Any:
        raise DispatcherError(Code.UNAVAILABLE)

    for one in nodes:
        one.app.node.dispatcher.list_queues = refuse  # type: ignore[method-assign]
    owner = next(one for one in nodes if tenant in one.app.node.ticker.owned)
    samples = await scrape(owner)
    assert found(samples, "scrape_complete") == 0
    assert found(samples, "queue_waiting", tenant=tenant, queue="q") is None
