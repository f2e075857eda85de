"""The console as a browser sees it: time to the first board, frames while much happens, and memory.

A user is there too: he scrolls up and down the boards, opens a queue, closes it. `CONSOLE_MINUTES` says for how long
(1 without it).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from playwright.async_api import CDPSession, Page

from dispatcher.client import Http
from dispatcher.engine import Dispatcher
from dispatcher.model import Role
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.bench.centre import Centre
from tests.bench.table import Figure, at_least, at_most, reported
from tests.chromium import chromium
from tests.processes import node
from tests.servers import running, server

TENANT = "centre"
QUEUES, AGENTS = 500, 2000
CONTACTS_A_SECOND = 9.0
"""Each makes some 13 events from its coming to its end."""
MINUTES = float(os.environ.get("CONSOLE_MINUTES", "1"))
WARM_UP_S = 75.0
"""After it as many are done as begin."""
FIRST_BOARD_MS = 1000.0
EVENTS_A_SECOND = 100.0
FRAME_P50_MS, FRAME_P99_MS = 17.0, 34.0
"""One frame of 60 a second; one frame lost."""

WATCH = """
addEventListener('DOMContentLoaded', () => {
  const look = new MutationObserver(() => {
    if (document.querySelector('.tbody .tr')) window.first_ms ??= performance.now();
    if (document.querySelector('[role=table]')?.getAttribute('aria-rowcount') === 'ROWS') {
      window.whole_ms = performance.now();
      look.disconnect();
    }
  });
  look.observe(document, { childList: true, subtree: true, attributes: true });
});
window.frames_ms = [];
window.long_ms = [];
new PerformanceObserver((list) => long_ms.push(...list.getEntries().map((one) => one.duration)))
  .observe({ type: 'longtask' });
let last = 0;
requestAnimationFrame(function frame(now) {
  if (last) window.frames_ms.push(now - last);
  last = now;
  requestAnimationFrame(frame);
});
""".replace("ROWS", str(QUEUES + 1))


@dataclass(frozen=True)
class Seen:
    """What was measured in the page."""

    first_ms: float
    whole_ms: float
    frames_ms: list[float]
    heap_mib: tuple[float, float]
    nodes: tuple[int, int]
    events_a_second: float
    busy: float
    long_ms: list[float]


@asynccontextmanager
async def centre_at_work(redis_url: str, port: int) -> AsyncIterator[tuple[Centre, str]]:
    """A centre in which things happen; and an admin's token."""
    url = f"http://127.0.0.1:{port}"
    store = await connect(redis_url)
    dispatcher = Dispatcher(Runner(store, Scripts()))
    secret = await dispatcher.create_tenant(TENANT)
    async with Http(url) as http:
        token = (await http.login(TENANT, secret, "boss", name="Sofia Marin", roles=[Role.ADMIN])).token
    centre = Centre(dispatcher, TENANT, url, token)
    await centre.open(QUEUES, AGENTS)
    living = asyncio.create_task(centre.live(CONTACTS_A_SECOND), name="centre")
    try:
        yield centre, token
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        await store.close()


async def watch(page: Page, centre: Centre, address: str, minutes: float) -> Seen:
    """Open the console, and be its user for some minutes."""
    await page.add_init_script(WATCH)
    await page.goto(address)
    await page.locator(f'[role=table][aria-rowcount="{QUEUES + 1}"]').wait_for()
    first_ms, whole_ms = await page.evaluate("[first_ms, whole_ms]")
    devtools = await page.context.new_cdp_session(page)
    await page.wait_for_timeout(5000)
    before = await _metrics(devtools)
    await page.evaluate("frames_ms.length = long_ms.length = 0")
    events, loop = centre.events, asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() < begun + minutes * 60:
        await _use(page)
    seconds = loop.time() - begun
    frames, long = await page.evaluate("[frames_ms, long_ms]")
    busy = ((await _metrics(devtools))["TaskDuration"] - before["TaskDuration"]) / seconds
    a_second = (centre.events - events) / seconds
    await page.evaluate("location.hash = '#/queues'")
    await page.wait_for_timeout(1000)
    after = await _metrics(devtools)
    heap = (before["JSHeapUsedSize"] / 2**20, after["JSHeapUsedSize"] / 2**20)
    return Seen(first_ms, whole_ms, frames, heap, (int(before["Nodes"]), int(after["Nodes"])), a_second, busy, long)


async def _use(page: Page) -> None:
    """Look around for half a minute."""
    for part in ("queues", "agents", "queues/q001", "log", "queues"):
        await page.evaluate("(part) => { location.hash = `#/${part}`; }", part)
        await page.mouse.move(500, 600)
        for step in (600, 600, 600, 3000, -1200, -3600):
            await page.wait_for_timeout(1000)
            await page.mouse.wheel(0, step)


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    """Return what the browser counts of the page, after what is not used any more was collected."""
    await devtools.send("HeapProfiler.collectGarbage")
    await devtools.send("Performance.enable")
    told: dict[str, Any] = await devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in told["metrics"]}


async def measure(redis_url: str, port: int) -> Seen:
    """Watch a centre at work."""
    async with centre_at_work(redis_url, port) as (centre, token), chromium() as browser:
        await asyncio.sleep(WARM_UP_S)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        address = f"http://127.0.0.1:{port}/console#token={token}"
        return await watch(await context.new_page(), centre, address, MINUTES)


def console_figures(binary: str) -> list[Figure]:
    """Return the rows of the console."""
    with running(server(binary)) as instance, node(instance.url) as process:
        seen = asyncio.run(measure(instance.url, process.port))
    p99 = quantiles(seen.frames_ms, n=100)[98]
    world = f"{QUEUES} queues, {AGENTS:,} agents, {seen.events_a_second:.0f} events a second"
    how = f"{world}, a user who scrolls and opens parts, {MINUTES:g} min; headless Chromium on the same machine"
    return [
        at_most(
            "console: time to the first board", seen.first_ms, FIRST_BOARD_MS, f"from navigation to rows; {world}", "ms"
        ),
        reported("console: all queues are there", f"{seen.whole_ms:.0f} ms", "from navigation"),
        at_least("console: events of the log meanwhile", seen.events_a_second, EVENTS_A_SECOND, how, "a second"),
        at_most("console: frame, p50", median(seen.frames_ms), FRAME_P50_MS, how, "ms"),
        at_most(
            "console: frame, p99",
            p99,
            FRAME_P99_MS,
            f"{len(seen.frames_ms):,} frames",
            "ms",
            longest=max(seen.frames_ms),
        ),
        reported(
            "console: the page's main thread is busy",
            f"{seen.busy:.0%}",
            f"of the time; {len(seen.long_ms)} tasks over 50 ms, the longest {max(seen.long_ms, default=0):.0f} ms",
        ),
        reported(
            "console: memory, begin and end",
            f"{seen.heap_mib[0]:.1f} / {seen.heap_mib[1]:.1f} MiB",
            f"used JS heap after a collection; {seen.nodes[0]:,} and {seen.nodes[1]:,} nodes",
        ),
    ]
