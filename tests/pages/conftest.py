"""A node as a process, a tenant for each test, and people in front of a real browser."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect

from dispatcher.client import Http
from dispatcher.engine import Dispatcher
from dispatcher.model import QueueCreate, Role
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.chromium import chromium
from tests.processes import node
from tests.servers import any_binary, free_port, running, server

AXE = "axe-core@4.10.3"
WIDE = (1440, 900)
NARROW = (390, 844)
PATIENCE_MS = 15_000


class Service:
    """A node on a real Redis, at an address that stays when the node is killed and started again."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._stack = ExitStack()

    def start(self) -> None:
        """Start the node."""
        self._stack.enter_context(node(self.redis_url, self.port))

    def kill(self) -> None:
        """End it as a crash does."""
        self._stack.close()


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    binary = any_binary()
    assert binary is not None
    with running(server(binary)) as instance:
        service = Service(instance.url)
        service.start()
        yield service
        service.kill()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with chromium() as browser:
        yield browser


@dataclass
class House:
    """A tenant, and the pages that are open in it. What a page complains of is in `complaints`."""

    browser: Browser
    service: Service
    tenant: str
    admin: Http
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.service.url

    async def queue(self, queue_id: str, **policy: Any) -> None:
        await self.admin.create_queue(QueueCreate(queue_id=queue_id, name=queue_id.title(), **policy))

    async def token(self, user_id: str, *roles: Role) -> str:
        return (await self.admin.create_token(user_id, list(roles), name=user_id.title())).token

    async def blank(self, size: tuple[int, int] = WIDE, language: str = "en-US") -> Page:
        """A page of a browser of its own, that shows nothing yet."""
        context = await self.browser.new_context(viewport=ViewportSize(width=size[0], height=size[1]), locale=language)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # A refused command and a server that is down are said there too: only what the policy forbids counts.
        page.on("console", self._hear)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            self.complaints.append(said.text)

    async def customer(self, user_id: str, **look: Any) -> Page:
        """Open the customer's page."""
        page = await self.blank(**look)
        await page.goto(f"{self.url}/visit#token={await self.token(user_id, Role.CUSTOMER)}")
        return page

    async def agent(self, user_id: str, **look: Any) -> Page:
        """Open the agent's page."""
        page = await self.blank(**look)
        await page.goto(f"{self.url}/desk#token={await self.token(user_id, Role.AGENT)}")
        return page

    async def supervisor(self, user_id: str, *, role: Role = Role.SUPERVISOR, part: str = "", **look: Any) -> Page:
        """Open the console at one of its parts."""
        page = await self.blank(**look)
        await page.goto(f"{self.url}/console#token={await self.token(user_id, role)}")
        await expect(page.locator(".tile")).to_have_count(4)
        if part:
            await page.evaluate("(part) => { location.hash = `#/${part}`; }", part)
        return page


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of the accessibility checker."""
    folder = tmp_path_factory.mktemp("axe")
    install = ["npm", "install", "--no-save", "--no-package-lock", "--silent", AXE]
    subprocess.run(install, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
async def house(browser: Browser, service: Service) -> AsyncIterator[House]:
    tenant = f"pages-{uuid.uuid4().hex[:8]}"
    store = await connect(service.redis_url)
    secret = await Dispatcher(Runner(store, Scripts())).create_tenant(tenant)
    await store.close()
    async with Http(service.url) as http:
        login = await http.login(tenant, secret, "boss", roles=[Role.ADMIN])
    async with Http(service.url, login.token) as admin:
        house = House(browser, service, tenant, admin)
        yield house
        for context in house.contexts:
            await context.close()
    assert house.complaints == []


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Somebody's own server for what lies in the test's folder: another origin than the node's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever, name="site")
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
