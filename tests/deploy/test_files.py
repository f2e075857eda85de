"""Compose, load balancer, unit and alerts: what they name exists, and what can be checked or run is."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from dispatcher.metrics.meters import Meters
from dispatcher.model import Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store
from tests.api.nodes import Running, node
from tests.deploy.conftest import DEPLOY
from tests.servers import free_port

SETTINGS = {f"DISPATCHER_{name.upper()}": field for name, field in Settings.model_fields.items()}


def yaml(name: str) -> Any:
    return importlib.import_module("yaml").safe_load((DEPLOY / name).read_text())


@pytest.fixture(scope="module", params=["compose.yaml", "compose.cluster.yaml"])
def compose(request: pytest.FixtureRequest) -> Any:
    return yaml(request.param)


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{(\w+)", text))


def test_each_variable_of_compose_is_in_the_example() -> None:
    one, cluster = (_variables((DEPLOY / name).read_text()) for name in ("compose.yaml", "compose.cluster.yaml"))
    offered = re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE)
    assert cluster - one == {"CLUSTER_PASSWORD"}
    assert one | cluster == set(offered)


def test_compose_names_what_exists(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert set(service["networks"]) <= compose["networks"].keys(), name
        assert set(service.get("depends_on", ())) <= compose["services"].keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"], volume
        for word in service.get("command", ()):
            assert not word.startswith("/etc/dispatcher/") or (DEPLOY / "redis" / Path(word).name).exists(), word


def test_compose_runs_two_nodes_with_settings_that_exist(compose: Any) -> None:
    nodes = [service for service in compose["services"].values() if service["image"] == "dispatcher"]
    assert len(nodes) == 2
    assert len({service["environment"]["DISPATCHER_NODE_ID"] for service in nodes}) == 2
    for service in nodes:
        given = dict(service["environment"])
        assert given.keys() <= SETTINGS.keys()
        given["DISPATCHER_REDIS_URL"] = re.sub(r"\$\{[^}]*\}", "secret", given["DISPATCHER_REDIS_URL"])
        given["DISPATCHER_TOKEN_KEYS"] = "k" * 64
        settings = Settings.model_validate({name.removeprefix("DISPATCHER_").lower(): v for name, v in given.items()})
        assert settings.measures
        assert 2 * settings.drain_s < int(service["stop_grace_period"].removesuffix("s"))
        hosts = {host.split(":")[0] for host in settings.redis_url.rpartition("@")[2].split("/")[0].split(",")}
        assert hosts == {name for name in compose["services"] if name.startswith("redis")}
        build = service["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).exists()
        network = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
        assert settings.forwarded_allow_ips == network
    published = [service for service in compose["services"].values() if service.get("ports")]
    assert published == [compose["services"]["balancer"]]


def test_the_balancer_may_open_what_it_asks_for(compose: Any) -> None:
    """Two sockets for each connection, its checks and listeners beside them: else HAProxy does not start."""
    connections = re.search(r"^ +maxconn (\d+)$", (DEPLOY / "haproxy.cfg").read_text(), re.MULTILINE)
    assert connections is not None
    assert compose["services"]["balancer"]["ulimits"]["nofile"] >= 2 * int(connections[1]) + 100


def test_the_cluster_is_made_of_the_servers_that_run() -> None:
    compose = yaml("compose.cluster.yaml")
    servers = {name: service for name, service in compose["services"].items() if name.startswith("redis-")}
    assert len(servers) == 6
    addresses = [service["networks"]["inside"]["ipv4_address"] for service in servers.values()]
    network = ipaddress.ip_network(compose["networks"]["inside"]["ipam"]["config"][0]["subnet"])
    assert all(ipaddress.ip_address(address) in network for address in addresses)
    making = compose["services"]["cluster"]
    assert making["command"][2:] == [f"{address}:6379" for address in addresses]
    assert making["depends_on"] == {name: {"condition": "service_healthy"} for name in servers}
    assert len({volume for service in servers.values() for volume in service["volumes"] if ":/data" in volume}) == 6
    for service in servers.values():
        assert service["environment"].keys() >= making["environment"].keys()


def test_alerts_speak_of_metrics_that_exist() -> None:
    registry = Meters(1).registry
    known = {family.name for family in registry.collect()}
    source = "".join(path.read_text() for path in (DEPLOY.parent / "dispatcher" / "metrics").glob("*.py"))
    (group,) = yaml("alerts.yaml")["groups"]
    assert len(group["rules"]) == len({rule["alert"] for rule in group["rules"]}) >= 8
    for rule in group["rules"]:
        assert rule["annotations"]["summary"]
        for name in re.findall(r"dispatcher_\w+", rule["expr"]):
            plain = re.sub(r"_(bucket|total|sum|count)$", "", name)
            said = plain.removeprefix("dispatcher_")
            gauge = f'"{said}"' in source or plain in source or f'"{said.removeprefix("queue_")}"' in source
            assert plain in known or gauge, name


async def test_the_runbook_lists_every_metric(store: Store) -> None:
    async with node(store, "a", metrics_token=SecretStr("m" * 20)) as a:
        text = (await a.http.get("/metrics", headers={"Authorization": f"Bearer {'m' * 20}"})).text
    told = set(re.findall(r"^# TYPE dispatcher_(\w+) ", text, re.MULTILINE))
    table = (DEPLOY / "README.md").read_text().partition("(`dispatcher_…`)")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert told == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _haproxy(tmp_path: Path, port: int, nodes: dict[str, int]) -> Path:
    """Write the configuration with addresses of this machine."""
    text = (DEPLOY / "haproxy.cfg").read_text().replace("bind :8000", f"bind 127.0.0.1:{port}")
    for name, at in nodes.items():
        assert f"server {name} {name}:8000" in text
        text = text.replace(f"server {name} {name}:8000", f"server {name} 127.0.0.1:{at}")
    config = tmp_path / "haproxy.cfg"
    config.write_text(re.sub(r"maxconn \d+$", "maxconn 200", text, count=1, flags=re.MULTILINE))
    return config


@contextlib.asynccontextmanager
async def _balancing(config: Path, port: int) -> AsyncIterator[httpx.AsyncClient]:
    process = await asyncio.create_subprocess_exec(
        "haproxy", "-q", "-db", "-f", str(config), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(httpx.ConnectError):
                        if (await client.get("/readyz")).status_code == 200:
                            break
            yield client
    finally:
        process.kill()
        await process.wait()


@pytest.mark.needs("haproxy")
async def test_the_load_balancer_before_two_nodes(store: Store, tenant: str, tmp_path: Path) -> None:
    port = free_port()
    async with contextlib.AsyncExitStack() as nodes:
        one = await nodes.enter_async_context(node(store, "one"))
        async with node(store, "two") as two:
            config = _haproxy(tmp_path, port, {"node-1": two.port, "node-2": one.port})
            await asyncio.to_thread(_check, config)
            door = await nodes.enter_async_context(_balancing(config, port))
            served: set[str] = set()
            async with asyncio.timeout(20):
                while served != {"one", "two"}:
                    served.add((await door.get("/healthz")).json()["node_id"])
            assert (await door.get("/metrics")).status_code == 404
            await _a_socket_passes(one, door, port, tenant)
        # A node has gone: nobody notices.
        for _ in range(20):
            answer = await door.get("/healthz")
            assert (answer.status_code, answer.text) == (200, '{"status":"ok","node_id":"one"}')


def _check(config: Path) -> None:
    checked = subprocess.run(["haproxy", "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert (checked.returncode, "WARNING" in checked.stderr) == (0, False), checked.stderr


async def _a_socket_passes(one: Running, door: httpx.AsyncClient, port: int, tenant: str) -> None:
    through = Running(one.app, port)
    await through.http.aclose()
    through.http = door
    token = one.app.node.tokens.mint(tenant, "carl", "Carl", (Role.CUSTOMER,)).token
    async with through.socket({"Authorization": f"Bearer {token}"}, "x" * 16) as socket:
        await socket.connection.send('{"id": 2, "cmd": "ping", "args": {}}')
        assert '"ok":true' in str(await socket.connection.recv())


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_valid_and_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "dispatcher.service"
    text = (DEPLOY / "dispatcher.service").read_text()
    start = "ExecStart=/opt/dispatcher/bin/dispatcher serve"
    assert start in text
    unit.write_text(text.replace(start, f"ExecStart={sys.executable} -m dispatcher serve"))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-300:]
    stop = re.search(r"^TimeoutStopSec=(\d+)s$", text, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > 2 * Settings.model_fields["drain_s"].default
