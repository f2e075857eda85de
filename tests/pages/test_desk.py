"""The agent's desk alone: what it remembers, and how it shows that time runs out."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from dispatcher.model import Presence, Role
from tests.pages.conftest import House
from tests.pages.test_talk import button, join, serve

pytestmark = pytest.mark.needs("chromium")


async def test_the_sound_is_switched_off_for_good_and_the_time_of_an_offer_runs_down(house: House) -> None:
    await house.queue("sales", offer_timeout=20)
    anna = await house.agent("anna")
    sound = anna.get_by_role("button", name=re.compile("^Sound is"))
    await expect(sound).to_have_attribute("aria-pressed", "true")
    await sound.click()
    await expect(sound).to_have_attribute("aria-pressed", "false")
    await anna.reload()
    await expect(sound).to_have_accessible_name("Sound is off")
    await join(await house.customer("kim"), "Sales")
    await serve(anna, "Sales")
    clock = anna.locator(".holding.offered header acd-clock")
    await expect(clock).to_have_text(re.compile(r"^0:(20|19)$"))
    await expect(clock).to_have_text("0:17")
    await expect(anna.locator("#said")).to_have_text("New customer: Kim, Sales")
    await button(anna, "Accept").click()
    await expect(anna).to_have_title("Agent desk")


async def test_of_many_queues_an_agent_finds_his(house: House) -> None:
    for number in range(70):
        await house.queue(f"queue-{number:02d}")
    anna = await house.agent("anna")
    await expect(anna.locator(".queues li")).to_have_count(60)
    await expect(anna.get_by_text("10 more: search for them.")).to_be_visible()
    await anna.get_by_role("searchbox").fill("queue-6")
    await expect(anna.locator(".queues li")).to_have_count(10)
    await serve(anna, "Queue-69")
    await anna.get_by_role("searchbox").fill("queue-01")
    await expect(anna.locator(".queues li strong")).to_have_text(["Queue-69", "Queue-01"])


async def test_a_queue_of_another_day_that_is_gone_is_chosen_no_more(house: House) -> None:
    await house.queue("sales")
    await house.queue("spring")
    anna = await house.agent("anna")
    await serve(anna, "Spring")
    await button(anna, "Log out").click()
    await expect(anna.locator("[type=password]")).to_be_visible()
    assert await house.admin.delete_queue("spring")
    await anna.goto(f"{house.url}/desk?again#token={await house.token('anna', Role.AGENT)}")
    await expect(anna.get_by_role("checkbox", name="Sales")).to_be_visible()
    await expect(button(anna, "Start work")).to_be_disabled()
    await serve(anna, "Sales")


async def test_a_customer_without_a_name_rings_too_and_is_called_by_his_id(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", part="queues/sales")
    for customer_id in ("mail-7", "mail-8"):
        await house.admin.start_queuing("sales", customer_id=customer_id, presence=Presence.NONE)
    await expect(boss.get_by_role("link", name="mail-7")).to_be_visible()
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await expect(anna.locator(".holding.offered").get_by_role("heading", name="mail-7")).to_be_visible()
    await expect(anna).to_have_title("● mail-7")
    await expect(anna.locator("#said")).to_have_text("New customer: mail-7, Sales")
    await expect(anna.get_by_role("button", name="Take mail-8")).to_be_visible()
