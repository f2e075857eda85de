"""How the pages look: axe finds nothing serious, nothing is wider than the screen, both languages, both themes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import House
from tests.pages.looks import both, looks_right
from tests.pages.test_talk import button, join


@pytest.mark.needs("chromium")
@pytest.mark.needs("npm")
@both
async def test_every_step(
    house: House, axe: str, size: tuple[int, int], language: str, request: pytest.FixtureRequest
) -> None:
    case = request.node.callspec.id
    await house.queue("sales", description="Quotes, seats and demos", wrap_up=60, priority=5)
    await house.queue("support", description="How do I …?")
    await house.queue("closed", open=False)
    shown: dict[str, Any] = {"size": size, "language": language}

    await coming_in(house, axe, case, shown)
    anna = await house.agent("anna", **shown)
    await expect(anna.locator(".queues li")).to_have_count(3)
    await looks_right(anna, axe, f"desk-off-{case}")
    # People of the other side speak English: what they do is the same.
    kim, lee = await house.customer("kim"), await house.customer("lee")
    visitor = await house.customer("mia", **shown)
    await expect(visitor.locator(".choice")).to_have_count(3)
    await looks_right(visitor, axe, f"visit-choose-{case}")
    await join(kim, "Sales", '{"order": "2026-0007", "about": "Can we have ten more seats from Monday on?"}')
    await join(lee, "Sales", "a quote")
    await visitor.locator(".choice", has_text="Sales").click()
    await visitor.locator("form .primary").click()
    await expect(visitor.locator(".position")).to_have_text("3")
    await looks_right(visitor, axe, f"visit-waiting-{case}")

    for queue in ("Sales", "Support"):
        await anna.locator(".queues li", has_text=queue).locator("[type=checkbox]").check()
    await anna.locator(".queues .primary").click()
    await expect(anna.locator(".holding.offered")).to_be_visible()
    await expect(anna.locator(".line li")).to_have_count(2)
    await looks_right(anna, axe, f"desk-offered-{case}")
    await anna.locator(".actions .primary").click()
    await expect(anna.locator(".holding.accepted")).to_be_visible()
    await looks_right(anna, axe, f"desk-accepted-{case}")
    await anna.locator(".actions .primary").click()
    await button(kim, "Answer").click()
    await expect(anna.locator(".holding.serving")).to_be_visible()
    await looks_right(anna, axe, f"desk-call-{case}")
    await anna.locator(".actions button").last.click()
    await expect(anna.get_by_role("dialog")).to_be_visible()
    await looks_right(anna, axe, f"desk-transfer-{case}")
    await anna.keyboard.press("Escape")
    await anna.locator(".actions .danger").click()
    await expect(anna.locator(".nothing.wrapping")).to_be_visible()
    await looks_right(anna, axe, f"desk-wrapping-{case}")
    await lee.close()
    await being_called(anna, visitor, axe, case)


async def being_called(anna: Page, visitor: Page, axe: str, case: str) -> None:
    await expect(visitor.locator(".position")).to_have_text("2")
    await anna.locator(".line li", has_text="Mia").get_by_role("button").click()
    await anna.locator(".actions .primary").click()
    await expect(visitor.locator(".preparing")).to_be_visible()
    await looks_right(visitor, axe, f"visit-matched-{case}")
    await anna.locator(".actions .primary").click()
    await expect(visitor.locator(".ringing")).to_be_visible()
    await looks_right(visitor, axe, f"visit-ringing-{case}")
    await visitor.locator(".buttons .primary").click()
    await expect(visitor.locator(".talking")).to_be_visible()
    await looks_right(visitor, axe, f"visit-talking-{case}")
    await anna.locator(".actions .danger").click()
    await expect(visitor.locator(".sign")).to_be_visible()
    await looks_right(visitor, axe, f"visit-over-{case}")


async def coming_in(house: House, axe: str, case: str, shown: dict[str, Any]) -> None:
    start = await house.blank(**shown)
    await start.goto(house.url)
    await expect(start.locator(".door")).to_have_count(3)
    await looks_right(start, axe, f"start-{case}")
    await start.goto(f"{house.url}/desk")
    await expect(start.locator("[type=password]")).to_be_visible()
    await looks_right(start, axe, f"login-{case}")
