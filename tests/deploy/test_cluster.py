"""The cluster of deploy/: made by its own scripts, it serves, and goes on without a master."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dispatcher import doctor
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import Store, connect
from dispatcher.store.fitness import examine
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.deploy.conftest import DEPLOY, PASSWORDS, Guarded, as_deployed, start_line
from tests.deploy.serving import a_contact_is_served
from tests.servers import command, free_port, running, wait_for

MADE = {"CLUSTER_PASSWORD": PASSWORDS["cluster"]}

pytestmark = pytest.mark.needs("redis-cli")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Guarded]]:
    """Three masters with a replica each."""
    with as_deployed(tmp_path_factory.mktemp("bin"), **MADE), ExitStack() as stack:
        started = [
            stack.enter_context(
                running(Guarded(*start_line(tmp_path_factory.mktemp("run")), "--cluster-port", str(free_port())))
            )
            for _ in range(6)
        ]
        assert "They are a cluster already." not in _create(started)
        wait_for(lambda: all(_knows_all(one) for one in started), "the cluster did not form")
        yield started


def _create(servers: list[Guarded]) -> str:
    script = ["sh", str(DEPLOY / "redis" / "create-cluster.sh"), *(f"127.0.0.1:{one.port}" for one in servers)]
    done = subprocess.run(script, env={**os.environ, **MADE}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORDS["cluster"] not in done.stdout + done.stderr
    return done.stdout


def _knows_all(one: Guarded) -> bool:
    with one.client() as client:
        info: dict[str, Any] = command(client, "CLUSTER INFO")
        synced = client.info("replication").get("master_link_status", "up") == "up"
        return (info["cluster_state"], info["cluster_size"], info["cluster_known_nodes"]) == ("ok", "3", "6") and synced


def _url(servers: list[Guarded]) -> str:
    hosts = ",".join(f"127.0.0.1:{one.port}" for one in servers)
    return f"redis+cluster://dispatcher:{PASSWORDS['dispatcher']}@{hosts}"


async def test_made_once_it_serves_and_outlives_a_master(servers: list[Guarded]) -> None:
    assert _create(servers) == "They are a cluster already.\n"
    store = await connect(_url(servers))
    try:
        assert await examine(store) == []
        await a_contact_is_served(store, "acme")
        assert _refused(servers) == []
        await _lose_the_master(store, servers, "acme")
    finally:
        await store.close()


async def _lose_the_master(store: Store, servers: list[Guarded], tenant: str) -> None:
    engine = Dispatcher(Runner(store, Scripts()))
    boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    await store.shards()
    port = int(store.shard_of(key(tenant, "meta")).name.rpartition(":")[2])
    (lost,) = [one for one in servers if one.port == port]
    wait_for(lambda: _has_a_copy(lost), "its replica lags")
    lost.kill()
    async with asyncio.timeout(40):
        while True:
            try:
                await engine.create_queue(boss, QueueCreate(queue_id="after"))
                break
            except DispatcherError:
                await asyncio.sleep(0.05)  # nobody tells when the replica has taken over
    assert [queue.queue_id for queue in (await engine.list_queues(boss)).items] == ["after", "q"]
    # As the command line looks: by a connection of its own.
    looking = await connect(_url(servers))
    try:
        assert await doctor.check(looking, tenant, with_log=True) == []
    finally:
        await looking.close()


def _has_a_copy(one: Guarded) -> bool:
    with one.client() as client:
        told = client.info("replication")
    return bool(told["slave0"]["offset"] == told["master_repl_offset"])


def _refused(servers: list[Guarded]) -> list[Any]:
    """Return what anybody was refused."""
    found: list[Any] = []
    for one in servers:
        with one.client() as operator:
            found += command(operator, "ACL", "LOG")
    return found
