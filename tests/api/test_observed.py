"""What a request leaves behind: its id, a line where it is asked for, and nothing that a log must not hold."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from dispatcher import logs
from dispatcher.engine import Dispatcher
from dispatcher.model import Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store, connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.api.nodes import Running, node
from tests.servers import Server, command

pytestmark = pytest.mark.lanes("embedded", "redis")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _json_lines() -> Iterator[None]:
    root = logging.getLogger()
    before = structlog.get_config(), root.handlers, root.level
    logs.configure(Settings(log_format="json"))
    yield
    structlog.configure(**before[0])
    root.handlers = before[1]
    root.setLevel(before[2])


def lines(capfd: Capture) -> tuple[str, list[dict[str, Any]]]:
    text = capfd.readouterr().err
    return text, [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def token_of(one: Running, tenant: str) -> str:
    return one.app.node.tokens.mint(tenant, "anna-secret-id", "Anna", [Role.SUPERVISOR]).token


async def test_an_access_line_without_what_was_sent(store: Store, tenant: str, capfd: Capture) -> None:
    async with node(store, "a", access_log=True) as a:
        token = token_of(a, tenant)
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "proxy-1"}
        answer = await a.http.get("/v1/queues?limit=73", headers=headers)
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "proxy-1")
        login = {"tenant": tenant, "secret": "not-the-secret", "user_id": "bob-by-name"}
        assert (await a.http.post("/v1/login", json=login)).status_code == 401
    text, told = lines(capfd)
    read, refused = [line for line in told if line["event"] == "request"]
    assert (read["method"], read["path"], read["status"], read["request_id"]) == ("GET", "/v1/queues", 200, "proxy-1")
    assert read["ms"] > 0
    assert (refused["path"], refused["status"]) == ("/v1/login", 401)
    for sent in (token, token.rsplit(".", 1)[1], "limit=73", "not-the-secret", "bob-by-name", "Bearer"):
        assert sent not in text


async def test_without_being_asked_there_is_no_line(store: Store, capfd: Capture) -> None:
    async with node(store, "a") as a:
        assert (await a.http.get("/healthz")).status_code == 200
    assert not [line for line in lines(capfd)[1] if line["event"] == "request"]


@pytest.mark.parametrize("given", [None, "with space", "x" * 65, "", 'quo"te'])
async def test_a_request_without_a_usable_id_gets_one(store: Store, given: str | None) -> None:
    async with node(store, "a") as a:
        headers = {} if given is None else {"X-Request-ID": given}
        ids = {(await a.http.get("/nowhere", headers=headers)).headers["x-request-id"] for _ in range(2)}
        assert len(ids) == 2
        assert all(re.fullmatch("[0-9a-f]{16}", id) for id in ids)


async def test_what_a_request_caused_carries_its_id(
    store: Store, tenant: str, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node(store, "a") as a:

        def broken(token: str) -> None:
            raise RuntimeError("the password is 1234")

        token = token_of(a, tenant)
        monkeypatch.setattr(a.app.node.tokens, "read", broken)
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "night-7"}
        answer = await a.http.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.headers["x-request-id"]) == (500, "night-7")
    text, told = lines(capfd)
    (failed,) = [line for line in told if line["event"] == "request.failed"]
    assert (failed["request_id"], failed["level"], failed["path"]) == ("night-7", "error", "/v1/me")
    assert token not in text


async def test_what_goes_on_by_itself_does_not_carry_the_id_of_whoever_came_first(
    own_server: Server, capfd: Capture
) -> None:
    """His request began what reads the channels and the connection to the store, for everybody."""
    store = await connect(own_server.url)
    await Dispatcher(Runner(store, Scripts())).create_tenant("t")
    await store.close()
    store = await connect(own_server.url)
    async with node(store, "a") as a, a.socket({"Authorization": f"Bearer {token_of(a, 't')}"}, "x" * 16) as socket:
        with own_server.client() as client:
            for kind in ("normal", "pubsub"):
                command(client, "CLIENT", "KILL", "TYPE", kind)
        await socket.until("snapshot")
    await store.close()
    told = [line for line in lines(capfd)[1] if line["event"] in {"feed.lost", "wire_lost", "hub.repair"}]
    assert {line["event"] for line in told} >= {"feed.lost", "wire_lost"}
    assert [line for line in told if "request_id" in line] == []
