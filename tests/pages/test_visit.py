"""The customer's page where it stands in another site's page, and when the agent's connection breaks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from dispatcher.model import Role
from dispatcher.tenancy import TenantPatch
from tests.pages.conftest import House
from tests.pages.test_talk import button, serve

pytestmark = pytest.mark.needs("chromium")
SHOP = """<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
<script src="{url}/web/visit/widget.js" data-tenant="{tenant}" data-queue="sales" data-token="{token}">
</script></html>"""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve a folder as another site; give its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, name="site")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_as_a_widget_of_a_site_that_the_tenant_names_and_of_no_other(house: House, tmp_path: Path) -> None:
    await house.queue("sales")
    await house.queue("support")
    token = await house.token("kim", Role.CUSTOMER)
    (tmp_path / "index.html").write_text(SHOP.format(url=house.url, tenant=house.tenant, token=token))
    with site(tmp_path) as origin:
        stranger = await house.blank()
        await stranger.goto(origin)
        async with stranger.expect_console_message(lambda said: "frame-ancestors" in said.text) as refused:
            await button(stranger, "Talk to us").click()
        assert house.url in (await refused.value).text
        house.complaints.clear()

        await house.admin.update_tenant(TenantPatch(origins=(origin,)))
        await _framed_by(house, origin)
        page = await house.blank()
        await page.goto(origin)
        await button(page, "Talk to us").click()
        visit = page.frame_locator("iframe")
        await expect(visit.get_by_role("radio", name="Sales")).to_be_checked()
        await visit.get_by_role("button", name="Join the line").click()
        await expect(visit.locator(".position")).to_have_text("1")
        await button(page, "Talk to us: ×").click()
        anna = await house.agent("anna")
        await expect(page.locator("iframe")).to_be_hidden()
        await serve(anna, "Sales")
        await button(anna, "Accept").click()
        await expect(page.locator("iframe")).to_be_hidden()
        await button(anna, "Call").click()
        await expect(visit.get_by_role("heading", name="Anna is calling you")).to_be_visible()
        await visit.get_by_role("button", name="Answer").click()
        await expect(anna.get_by_role("heading", name="In a call")).to_be_visible()


async def _framed_by(house: House, origin: str) -> None:
    """Wait until the node knows that the tenant allows the site: within 5 s."""
    async with httpx.AsyncClient(base_url=house.url) as client, asyncio.timeout(10):
        while True:
            answer = await client.get("/visit", params={"tenant": house.tenant})
            if origin in answer.headers["content-security-policy"]:
                return
            await asyncio.sleep(0.05)


async def test_the_customer_sees_that_the_agent_is_lost_and_found(house: House) -> None:
    await house.queue("sales")
    kim = await house.customer("kim")
    await kim.get_by_role("radio", name="Sales").check()
    await button(kim, "Join the line").click()
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await button(anna, "Accept").click()
    await button(anna, "Start without call").click()
    await expect(kim.get_by_role("heading", name="anna is serving you")).to_be_visible()
    await anna.close()
    await expect(kim.get_by_text("The connection to anna is lost.")).to_be_visible()
    again = await house.agent("anna")
    await expect(again.locator(".holding.serving")).to_be_visible()
    await expect(kim.get_by_text("The connection to anna is lost.")).to_have_count(0)
