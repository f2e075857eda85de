"""A stage for pages of old: two nodes on one Redis, a browser, and people who open the page."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, Page, Route, TimeoutError, WebSocketRoute
from pydantic import SecretStr

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.tenancy import TenantPatch
from tests.chromium import chromium
from tests.house.tree import ROOT
from tests.processes import Process, node
from tests.servers import any_binary, running, server

PAGE = ROOT / "deploy" / "examples" / "page_of_old.html"
SCRIPT = '<script src="http://127.0.0.1:8000/sdk/cloudroom.js"></script>'
RECORDED = """<script src="/sdk/cloudroom.js"></script>
<script>
  // Between the SDK and the page: what a callback is told stands in `told`, whether the page has set one or not.
  const told = [];
  for (const name of Object.keys(CRVideo.callbacks)) {
    let own = null;
    const callback = (...args) => { told.push([name, ...args]); own?.(...args); };
    Object.defineProperty(window[name], 'callback', { get: () => callback, set: (its) => { own = its; } });
  }
  // A page's own mistake must not be the SDK's.
  CRVideo_UserEnter.callback = () => { throw new Error('a mistake of the page'); };
</script>"""
TENANT = "old"
SECRET = "a secret of pages"
MD5 = hashlib.md5(SECRET.encode(), usedforsecurity=False).hexdigest()
BOSS = Actor(tenant=TENANT, user_id="boss", roles=frozenset({Role.ADMIN, Role.SUPERVISOR}))
WAIT_MS = 15_000
ALLOWED = "--disable-features=LocalNetworkAccessChecks"
"""The pages are put into the nodes' addresses by the test, and so seem to come from the internet."""


@dataclass
class Person:
    """A page in a browser context of its own, and what it has sent."""

    page: Page
    sent: list[str] = field(default_factory=list)
    sending: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, frame: bytes | str) -> None:
        self.sent.append(str(frame))
        self.sending.set()

    async def has_sent(self, text: str) -> None:
        """Wait until a frame with `text` was sent: the browser tells of it in its own time."""
        async with asyncio.timeout(WAIT_MS / 1000):
            while not any(text in frame for frame in self.sent):
                self.sending.clear()
                await self.sending.wait()

    async def told(self, name: str, count: int = 1) -> Any:
        """Wait until a callback has been called that often; return what it was told then."""
        heard = "([name, count]) => told.filter((one) => one[0] === name)[count - 1]"
        return (await self.until(heard, [f"CRVideo_{name}", count]))[1:]

    async def count(self, name: str) -> int:
        return int(
            await self.page.evaluate("(name) => told.filter((one) => one[0] === name).length", f"CRVideo_{name}")
        )

    async def until(self, expression: str, arg: Any = None) -> Any:
        """Wait until an expression holds; return its value."""
        try:
            return await (await self.page.wait_for_function(expression, arg=arg, timeout=WAIT_MS)).json_value()
        except TimeoutError as error:
            raise AssertionError(f"{expression} {arg}: told {await self.do('told')}") from error

    async def do(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def shows(self, text: str) -> None:
        await self.until("(text) => document.getElementById('state').textContent === text", text)


@dataclass
class Stage:
    """Two nodes on one Redis, a browser, and what the pages on it were told."""

    browser: Browser
    dispatcher: Dispatcher
    nodes: list[Process]
    url: str
    stack: ExitStack
    heard: dict[str, list[list[Any]]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def someone(self, name: str) -> str:
        return f"{name}-{next(self.numbers)}"

    async def queue(self, **policy: Any) -> str:
        return (await self.dispatcher.create_queue(BOSS, QueueCreate(**policy))).queue_id

    async def enter(
        self,
        which: int,
        asked: dict[str, str],
        login: Callable[[Route], Any] | None = None,
        socket: Callable[[WebSocketRoute], Any] | None = None,
    ) -> Person:
        """Open the page from the node `which`, for somebody.

        `login` answers its logins in the node's place; `socket` stands between its WebSocket and the node.
        """
        context = await self.browser.new_context()
        page = await context.new_page()
        self.pages.append(page)
        person = Person(page)
        page.on("websocket", lambda socket: socket.on("framesent", person.hear))
        origin = f"http://127.0.0.1:{self.nodes[which].port}"
        if login is not None:
            await page.route("**/v1/login", login)
        if socket is not None:
            await page.route_web_socket("**/v1/ws", socket)
        text = PAGE.read_text()
        assert SCRIPT in text
        body = text.replace(SCRIPT, RECORDED)
        await page.route("**/page?*", lambda route: route.fulfill(body=body, content_type="text/html"))
        await page.goto(f"{origin}/page?" + urlencode({"tenant": TENANT, "md5": MD5, **asked}))
        return person

    async def customer(self, queue: str = "", **more: str) -> Person:
        return await self.enter(0, {"as": "customer", "user": self.someone("kim"), "queue": queue, **more})

    async def agent(self, queue: str = "", order: str = "nothing", **more: str) -> Person:
        asked = {"as": "agent", "user": self.someone("anna"), "queue": queue, "order": order, **more}
        person = await self.enter(1, asked)
        if queue:
            await person.told("StartServiceRslt")
        return person

    async def collect(self, page: Page) -> None:
        """Keep what a page was told, by callback."""
        for name, *told in await page.evaluate("told"):
            self.heard.setdefault(name, []).append(told)

    async def leave(self) -> None:
        """Close all pages, and keep what they were told."""
        for page in self.pages:
            await self.collect(page)
            await page.context.close()
        self.pages.clear()

    def restart(self, which: int) -> None:
        self.nodes[which] = self.stack.enter_context(node(self.url, self.nodes[which].port))


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    binary = any_binary()
    assert binary is not None
    async with AsyncExitStack() as stack:
        url = stack.enter_context(running(server(binary))).url
        processes = stack.enter_context(ExitStack())
        nodes = await asyncio.gather(*(asyncio.to_thread(processes.enter_context, node(url)) for _ in range(2)))
        store = await connect(url)
        stack.push_async_callback(store.close)
        dispatcher = Dispatcher(Runner(store, Scripts()))
        await dispatcher.create_tenant(TENANT)
        await dispatcher.update_tenant(BOSS, TenantPatch(legacy_login=SecretStr(SECRET)))
        browser = await stack.enter_async_context(chromium(ALLOWED))
        yield Stage(browser, dispatcher, list(nodes), url, processes)
