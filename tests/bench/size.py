"""The same contact at size: against the small tenant on a server of its own, in alternating blocks."""

from __future__ import annotations

import itertools
from statistics import median

from redis import Redis

from dispatcher.store.scripts import Scripts
from tests.bench.cpu import BLOCK, BLOCKS, block, build_small
from tests.bench.populate import Size, populate, serve_more
from tests.bench.table import Figure, at_most, reported
from tests.bench.world import Product
from tests.servers import running, server

SIZE = Size(queues=10_000, agents=100_000, waiting=1_000_000)
RATIO_BAR = 1.7
SCRIPT_BAR_MS = 1.0
PERCENTILES = "50 99.9 100"


def size_figures(binary: str, scripts: Scripts, size: Size = SIZE) -> list[Figure]:
    """Return the rows of the size: CPU against the small tenant with 1 and 50 queues per agent, and one script."""
    with (
        running(server(binary)) as big,
        running(server(binary)) as little,
        Redis(port=big.port, protocol=2) as client,
        Redis(port=little.port, protocol=2) as small,
    ):
        for each in (client, small):
            each.config_set("latency-tracking-info-percentiles", PERCENTILES)
        product = populate(client, scripts, size)
        where = f"{size.waiting:,} waiting, {size.agents:,} agents, {size.queues:,} queues"
        client.config_resetstat()
        figures = [_against_small(product, small, size, saturated, 1, where) for saturated in (True, False)]
        figures.append(_one_script(client, small, where))
        serve_more(client, product, size, 50)
        figures += [_against_small(product, small, size, saturated, 50, where) for saturated in (True, False)]
        memory = int(client.info("memory")["used_memory"]) / 2**30
        figures.append(reported("Memory at size", f"{memory:.1f} GiB", f"used_memory of the server; {where}"))
    return figures


def _against_small(product: Product, small: Redis, size: Size, saturated: bool, served: int, where: str) -> Figure:
    reference = build_small(small, product.scripts, served=served, saturated=saturated)
    _turn(product, size, saturated, served)
    pairs = [
        (sum(block(small, reference.round).values()), sum(block(product.client, product.round).values()))
        for _ in range(BLOCKS + 1)
    ][1:]
    ratio = median(at_size / at_small for at_small, at_size in pairs)
    name = f"the same at size, {'saturated' if saturated else 'idle'}, {served} queue{'s'[: served > 1]} per agent"
    how = (
        f"{where}; usec of cmdstat_evalsha per contact against the small tenant on a second server, alternating blocks "
        f"of {BLOCK}; median of {BLOCKS} ratios: {median(a for a, _ in pairs):.0f}→{median(b for _, b in pairs):.0f} µs"
    )
    if served > 1:
        return reported(name, f"{ratio:.2f} × small", how, value=ratio)
    return at_most(name, ratio, RATIO_BAR, how, "× small")


def _turn(product: Product, size: Size, saturated: bool, served: int) -> None:
    """Let the big tenant's rounds go over the saturated or the idle half, with connected customers enough."""
    half = size.queues // 2
    count = (BLOCKS + 1) * BLOCK if saturated else BLOCK
    customers = [f"customer-{saturated}-{served}-{number}" for number in range(count)]
    product.open_sessions(customers)
    # Agents far apart, as those who are next in life are: no block finds the last one's keys still in the cache.
    agents = range(size.agents // 2)
    order = itertools.chain.from_iterable(agents[start::97] for start in range(97))
    product.turn_to(
        [str(number) for number in (range(1, half + 1) if saturated else range(half + 1, size.queues + 1))],
        [f"agent-{'busy' if saturated else 'able'}-{number}" for number in order],
        customers,
        saturated,
    )


def _one_script(client: Redis, small: Redis, where: str) -> Figure:
    middle, high, longest = _latencies(client)
    how = (
        f"INFO latencystats, all EVALSHAs of the two rows above; {where}; p50 {middle:.2f} ms, maximum "
        f"{longest:.2f} ms; beside, the small tenant's p99.9: {_latencies(small)[1]:.2f} ms"
    )
    return at_most("a single script at size, p99.9", high, SCRIPT_BAR_MS, how, "ms", p50_ms=middle, maximum_ms=longest)


def _latencies(client: Redis) -> list[float]:
    """Return the percentiles of EVALSHA in ms. They are of wall time: a busy machine shows in them."""
    figures = client.info("latencystats")["latency_percentiles_usec_evalsha"]
    return [float(figures[f"p{name}"]) / 1000 for name in PERCENTILES.split()]
