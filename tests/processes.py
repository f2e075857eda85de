"""Servers of ours as processes of their own, to be measured or killed from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import free_port

KEYS = "process" * 5
START_S = 30.0


class Process:
    """A server of this machine, listening on `port`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._process = process

    @property
    def memory_bytes(self) -> int:
        """Its resident memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """Halt it, as a machine that hangs; it can still be killed."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def node(url: str, port: int = 0) -> Iterator[Process]:
    """Run a node of the service on the Redis at `url`; without a `port`, on a free one."""
    port = port or free_port()
    environment = {"DISPATCHER_REDIS_URL": url, "DISPATCHER_TOKEN_KEYS": KEYS, "DISPATCHER_LOG_LEVEL": "error"}
    with serving(port, "/healthz", environment, "dispatcher", "serve", "--port", str(port)) as process:
        yield process


@contextmanager
def serving(port: int, path: str, environment: dict[str, str], *module: str) -> Iterator[Process]:
    """Run `python -m` with the module and its arguments until it answers at `path`. Raises RuntimeError."""
    child = subprocess.Popen([sys.executable, "-m", *module], env=os.environ | environment)
    process = Process(port, child)
    try:
        deadline = time.monotonic() + START_S
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
                break
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{module[0]} did not start")
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
