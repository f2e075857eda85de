"""The page of one's own in `deploy/examples`: as an integrator serves it, from a site that is not the node."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from dispatcher.model import Role
from dispatcher.tenancy import TenantPatch
from tests.house.tree import ROOT
from tests.pages.conftest import House

pytestmark = pytest.mark.needs("chromium")

PAGE = ROOT / "deploy" / "examples" / "page.html"
NODE = "http://127.0.0.1:8000"
"""The address that the page is written with."""


@pytest.fixture(autouse=True)
def page(house: House, tmp_path: Path) -> None:
    """Lay the page, knowing the test's node, on the site."""
    text = PAGE.read_text()
    assert NODE in text
    (tmp_path / "page.html").write_text(text.replace(NODE, house.url))


async def enter(house: House, site: str, user_id: str, role: Role) -> Page:
    page = await house.blank()
    await page.goto(f"{site}/page.html#{await house.token(user_id, role)}")
    return page


def where(page: Page) -> Locator:
    return page.locator("#where")


async def press(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label, exact=True).click()


def test_it_has_forty_lines() -> None:
    assert len(PAGE.read_text().splitlines()) <= 40


async def test_a_page_of_ones_own_serves_a_customer(house: House, site: str) -> None:
    await house.queue("sales")
    await house.admin.update_tenant(TenantPatch(origins=(site,)))
    kim, lee = [await enter(house, site, user, Role.CUSTOMER) for user in ("kim", "lee")]
    await expect(kim.get_by_role("heading", name="Kim")).to_be_visible()
    for customer, place in ((kim, 1), (lee, 2)):
        await press(customer, "Call us")
        await expect(where(customer)).to_have_text(f"You are number {place}")

    anna = await enter(house, site, "anna", Role.AGENT)
    await press(anna, "Start")
    await expect(where(anna)).to_have_text("Kim waits, from the page")
    await expect(where(kim)).to_have_text("Somebody comes for you")
    await expect(where(lee)).to_have_text("You are number 1")
    await anna.reload()
    await press(anna, "Call")
    await press(kim, "Answer")
    await expect(where(kim)).to_have_text(re.compile(r"You talk, in room \d{13}-\d{4}"))
    room = await where(kim).inner_text()
    await expect(where(anna)).to_have_text("The call is answered")
    for page in (kim, anna):
        await page.reload()
    await expect(where(kim)).to_have_text(room)
    await press(anna, "Hang up")
    await expect(where(kim)).to_have_text("Can we help?")

    await expect(where(anna)).to_have_text("Lee waits, from the page")
    await press(lee, "Leave")
    await expect(where(lee)).to_have_text("Can we help?")
    await expect(where(anna)).to_have_text("You are idle")
    await press(anna, "Stop")
    await expect(where(anna)).to_have_text("You serve nobody")
    assert house.complaints == []


async def test_a_second_window_of_the_same_user_ends_the_first(house: House, site: str) -> None:
    await house.admin.update_tenant(TenantPatch(origins=(site,)))
    first, second = [await enter(house, site, "kim", Role.CUSTOMER) for _ in range(2)]
    await expect(where(second)).to_have_text("Can we help?")
    await expect(where(first)).to_contain_text("KICKOUT_BY_RELOGIN")
    await expect(first.get_by_role("button")).to_be_hidden()


async def test_it_says_why_it_cannot_come_in(house: House, site: str) -> None:
    await house.queue("sales")
    foreign = await enter(house, site, "kim", Role.CUSTOMER)
    await expect(where(foreign)).to_contain_text("API_NO_PERMISSION")
    await expect(where(foreign)).to_contain_text(site)
    await house.admin.update_tenant(TenantPatch(origins=("*",)))
    nobody = await house.blank()
    await nobody.goto(f"{site}/page.html#nonsense")
    await expect(where(nobody)).to_contain_text("TOKEN_AUTH_FAILED")
    house.complaints.clear()
