"""How the console looks while a contact centre is at work in it."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, expect

from dispatcher.engine import Dispatcher
from dispatcher.model import Role
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.tenancy import AccountCreate
from tests.bench.centre import Centre
from tests.pages.conftest import House
from tests.pages.looks import both, looks_right

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.needs("npm")]
QUEUES, AGENTS, CONTACTS_A_SECOND, TALK_S = 60, 150, 8.0, 9.0
ACCOUNTS = {"anna": ["agent"], "boris": ["agent", "supervisor"], "sofia": ["admin"], "tom": ["supervisor"]}
HOUR = """(seen) => { sessionStorage.setItem('acd.history', JSON.stringify(seen)); }"""


@asynccontextmanager
async def at_work(house: House) -> AsyncIterator[None]:
    """A centre in which many wait and are served."""
    store = await connect(house.service.redis_url)
    token = await house.token("centre", Role.SUPERVISOR)
    centre = Centre(Dispatcher(Runner(store, Scripts())), house.tenant, house.url, token, talk_s=TALK_S)
    await centre.open(QUEUES, AGENTS)
    living = asyncio.create_task(centre.live(CONTACTS_A_SECOND), name="centre")
    try:
        yield
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        await store.close()


def an_hour(now_ms: float) -> dict[str, Any]:
    """What a page would have seen in an hour: it comes and goes, in each queue at another time."""
    steps = range(int(now_ms / 40_000) - 89, int(now_ms / 40_000))

    def line(number: int, most: float, least: float = 0) -> list[list[int]]:
        waves = (
            math.sin((step - steps[0]) / (9 + number % 7) + number) + math.sin(step * 1.7 + number) / 4
            for step in steps
        )
        heights = [max(0, round(least + most * wave)) for wave in waves]
        return [[step, height, height] for step, height in zip(steps, heights, strict=True)]

    seen = [[f"q{number:03d}", line(number, 1 + number * 5 % 9)] for number in range(QUEUES)]
    return {"user": "boss", "total": line(3, 14, 40), "seen": seen}


async def shows(page: Page, axe: str, part: str, name: str, ready: str) -> None:
    """Open a part, and look at it once it has what makes it."""
    await page.evaluate("(part) => { location.hash = `#/${part}`; }", part)
    await expect(page.locator(ready).first).to_be_visible()
    await looks_right(page, axe, name, whole=False)


@both
async def test_every_part(
    house: House, axe: str, size: tuple[int, int], language: str, request: pytest.FixtureRequest
) -> None:
    case = request.node.callspec.id
    boss = await house.supervisor("boss", role=Role.ADMIN, size=size, language=language)
    await expect(boss.locator(".empty p")).to_be_visible()
    await looks_right(boss, axe, f"console-empty-{case}", whole=False)
    for user_id, roles in ACCOUNTS.items():
        account = {"user_id": user_id, "name": user_id.title(), "roles": roles, "password": "correct horse"}
        await house.admin.create_account(AccountCreate.model_validate(account))
    async with at_work(house):
        await boss.evaluate("document.title")
        await boss.add_init_script(f"({HOUR})({json.dumps(an_hour(await boss.evaluate('Date.now()')))})")
        await boss.reload()
        serving = boss.locator(".tile .figure").nth(2)
        await expect(serving).to_have_text(re.compile(r"^[2-9]\d"), timeout=40_000)
        await looks_right(boss, axe, f"console-queues-{case}", whole=False)
        waiting = boss.locator(".tbody .tr", has=boss.locator(".longest acd-clock")).locator("a").first
        await boss.locator(".chip").nth(1).click()
        queue = (await waiting.get_attribute("href") or "")[2:]
        await boss.locator(".chip").first.click()
        await shows(boss, axe, queue, f"console-queue-{case}", ".panel ol.list li")
        await shows(boss, axe, "agents", f"console-agents-{case}", ".tbody .holds:not(:empty)")
        busy = boss.locator(".tbody .tr", has=boss.locator("acd-state[kind=accent]")).locator("a").first
        await shows(
            boss, axe, (await busy.get_attribute("href") or "")[2:], f"console-agent-{case}", ".panel .segments"
        )
        await shows(boss, axe, "log", f"console-log-{case}", ".tbody .tr")
        story = boss.locator(".tbody a[href*=contacts]").nth(3)
        await shows(boss, axe, (await story.get_attribute("href") or "")[2:], f"console-story-{case}", ".story li")
        await asking(boss, axe, case)
    await shows(boss, axe, "accounts", f"console-accounts-{case}", ".accounts li")
    await shows(boss, axe, "options", f"console-options-{case}", ".options form")


async def asking(boss: Page, axe: str, case: str) -> None:
    """Look at what the console asks."""
    await boss.evaluate("location.hash = '#/queues'")
    await boss.locator(".new").click()
    await expect(boss.get_by_role("dialog")).to_be_visible()
    await looks_right(boss, axe, f"console-new-{case}", whole=False)
    await boss.keyboard.press("Escape")
    await expect(boss.get_by_role("dialog")).to_have_count(0)
    await boss.locator(".tbody .tr", has=boss.locator(".longest acd-clock")).locator("a").first.press("Enter")
    await boss.locator(".panel ol .tight").first.click()
    await expect(boss.get_by_role("dialog")).to_be_visible()
    await looks_right(boss, axe, f"console-move-{case}", whole=False)
    await boss.keyboard.press("Escape")
    await expect(boss.get_by_role("dialog")).to_have_count(0)
