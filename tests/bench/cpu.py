"""Redis CPU of whole contacts: floor and product in alternating blocks, the median of the ratios."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from redis import Redis

from dispatcher.store.scripts import Scripts
from tests.bench.table import Figure, at_most
from tests.bench.world import BATCH, STAGES, Floor, Measure, Product, pipelined
from tests.servers import running, server

BLOCK = 500
BLOCKS = 9
QUEUES = 50
AGENTS = 100
BACKLOG = 200


@dataclass
class Cpu:
    """What one comparison found. Microseconds are medians of the blocks, per contact."""

    ratio: float
    ratios: list[float]
    floor_us: float
    product_us: float
    stages: dict[str, tuple[float, float]]
    calls: float = 0.0
    counted: dict[str, float] = field(default_factory=dict)


class Meter:
    """Microseconds of cmdstat_evalsha that one block spent in each stage."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self.spent: Counter[str] = Counter()

    def measure(self, stage: str, calls: Sequence[tuple[Any, ...]]) -> list[list[bytes]]:
        """Run one stage's batch, and count what the server spent in it."""
        before = self._usec()
        replies = pipelined(self._client, calls)
        self.spent[stage] += self._usec() - before
        return replies

    def _usec(self) -> int:
        statistics = self._client.info("commandstats").get("cmdstat_evalsha", {"usec": 0})
        return int(statistics["usec"])


def block(client: Redis, round: Callable[[Measure], None], contacts: int = BLOCK) -> dict[str, float]:
    """Take a block of contacts through their stages; return microseconds per contact of each stage."""
    meter = Meter(client)
    for _ in range(contacts // BATCH):
        round(meter.measure)
    return {stage: meter.spent[stage] / contacts for stage in STAGES}


def compare(client: Redis, floor: Floor, product: Product, blocks: int = BLOCKS) -> Cpu:
    """Alternate blocks of floor and product, after one of each that does not count."""
    pairs = [(block(client, floor.round), block(client, product.round)) for _ in range(blocks + 1)][1:]
    ratios = [sum(ours.values()) / sum(theirs.values()) for theirs, ours in pairs]
    return Cpu(
        ratio=median(ratios),
        ratios=ratios,
        floor_us=median(sum(theirs.values()) for theirs, _ in pairs),
        product_us=median(sum(ours.values()) for _, ours in pairs),
        stages={
            stage: (median(theirs[stage] for theirs, _ in pairs), median(ours[stage] for _, ours in pairs))
            for stage in STAGES
        },
    )


def count_calls(client: Redis, product: Product) -> dict[str, float]:
    """Return the redis.calls per contact of each stage, in the state that `product` is in."""
    counting = Scripts(counting=True)
    texts = product.shas
    product.shas = {name: client.script_load(counting.text(name)) for name in counting.names}
    spent: Counter[str] = Counter()

    def measure(stage: str, calls: Sequence[tuple[Any, ...]]) -> list[list[bytes]]:
        replies: list[list[bytes]] = pipelined(client, calls)
        spent[stage] += sum(int(reply[3]) for reply in replies)
        return replies

    product.round(measure)
    product.shas = texts
    return {stage: spent[stage] / BATCH for stage in STAGES}


def build_small(client: Redis, scripts: Scripts, *, served: int, saturated: bool) -> Product:
    """Make the small tenant on an empty server."""
    client.flushall()
    client.script_flush()
    product = Product(client, scripts)
    product.build(queues=QUEUES, agents=AGENTS, served=served, backlog=BACKLOG if saturated else 0)
    return product


def small(client: Redis, scripts: Scripts, *, served: int, saturated: bool) -> Cpu:
    """Compare on a small tenant: 50 queues, 100 agents, 200 waiting or nobody."""
    product = build_small(client, scripts, served=served, saturated=saturated)
    cpu = compare(client, Floor(client), product)
    cpu.counted = count_calls(client, product)
    cpu.calls = sum(cpu.counted.values())
    return cpu


BARS = {(True, 1): 2.0, (True, 50): 2.8, (False, 1): 1.9, (False, 50): 4.0}
HOW = (
    f"usec of cmdstat_evalsha per contact, floor and product in alternating blocks of {BLOCK} contacts on the same "
    f"connection, {BATCH} to a pipeline; median of {BLOCKS} ratios; {QUEUES} queues, {AGENTS} agents, "
)


def cpu_figures(binary: str, scripts: Scripts) -> list[Figure]:
    """Return the rows of the small tenant."""
    figures = []
    with running(server(binary)) as instance, Redis(port=instance.port, protocol=2) as client:
        for (saturated, served), bar in BARS.items():
            cpu = small(client, scripts, served=served, saturated=saturated)
            state = "saturated" if saturated else "idle"
            name = f"Redis CPU per contact, {state}, {served} queue{'s'[: served > 1]} per agent"
            how = HOW + (f"{BACKLOG} waiting" if saturated else "nobody waiting") + ": " + describe(cpu)
            figures.append(at_most(name, cpu.ratio, bar, how, "× floor", **asdict(cpu)))
    return figures


def describe(cpu: Cpu) -> str:
    """Say what one comparison found, script by script."""
    stages = ", ".join(f"{stage} {theirs:.0f}→{ours:.0f}" for stage, (theirs, ours) in cpu.stages.items())
    return (
        f"{cpu.floor_us:.0f}→{cpu.product_us:.0f} µs ({stages}); {cpu.calls:.1f} redis.calls against 54; "
        f"ratios {min(cpu.ratios):.2f}–{max(cpu.ratios):.2f}"
    )
