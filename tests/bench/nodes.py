"""The bare server as a process, beside a node of the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.processes import Process, serving
from tests.servers import free_port


@contextmanager
def bare(url: str) -> Iterator[Process]:
    """Run the bare server on the Redis at `url`."""
    port = free_port()
    with serving(port, "/openapi.json", {}, "tests.bench.bare", str(port), url) as process:
        yield process
