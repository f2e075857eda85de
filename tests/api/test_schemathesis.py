"""The OpenAPI document, tried by a program that believes it: requests made from it, answers held to it."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import http
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.processes import node
from tests.servers import any_binary, running, server

TENANT = "schema"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


async def _prepare(url: str) -> str:
    store = await connect(url)
    try:
        dispatcher = Dispatcher(Runner(store, Scripts()))
        secret = await dispatcher.create_tenant(TENANT)
        admin = Actor(tenant=TENANT, user_id="root", roles=frozenset({Role.ADMIN}))
        await dispatcher.create_queue(admin, QueueCreate(queue_id="1"))
        return secret
    finally:
        await store.close()


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, str]]:
    """Run a node on a real server; give its address and the token of somebody who may do everything."""
    binary = any_binary()
    assert binary is not None
    with running(server(binary)) as instance, node(instance.url) as process:
        with asyncio.Runner() as runner:
            secret = runner.run(_prepare(instance.url))
        address = f"http://127.0.0.1:{process.port}"
        login = {"tenant": TENANT, "secret": secret, "user_id": "root", "roles": [role.value for role in Role]}
        yield address, _post(f"{address}/v1/login", login)["token"]


# A stream has no end to wait for.
schema = schemathesis.openapi.from_dict(http.build(body_bytes_max=65_536).openapi()).exclude(path="/v1/events")


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_row_is_as_the_document_says(case: schemathesis.Case[Any], service: tuple[str, str]) -> None:
    address, token = service
    case.call_and_validate(base_url=address, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
