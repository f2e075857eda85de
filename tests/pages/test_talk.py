"""Customer and agent, each in a browser: what one does, the other sees."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from dispatcher.model import Role
from tests.pages.conftest import NARROW, House

pytestmark = pytest.mark.needs("chromium")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def join(page: Page, queue: str, about: str = "") -> None:
    await page.get_by_role("radio", name=queue).check()
    await page.get_by_label("What is it about?").fill(about)
    await button(page, "Join the line").click()
    await expect(page.get_by_text("Your place in the line")).to_be_visible()


async def serve(page: Page, *queues: str) -> None:
    for queue in queues:
        await page.get_by_role("checkbox", name=queue).check()
    await button(page, "Start work").click()
    await expect(page.locator(".status acd-state")).not_to_have_text("Not at work")


async def test_they_call_and_hang_up_and_the_next_one_comes(house: House) -> None:
    await house.queue("sales")
    kim, lee = await house.customer("kim"), await house.customer("lee")
    await join(kim, "Sales", "order 7")
    await expect(kim.locator(".position")).to_have_text("1")
    await join(lee, "Sales")
    await expect(lee.locator(".position")).to_have_text("2")
    await expect(lee.get_by_text("1 person before you.")).to_be_visible()

    anna = await house.agent("anna")
    assert "token" not in anna.url
    await serve(anna, "Sales")
    offer = anna.locator(".holding.offered")
    await expect(offer.get_by_role("heading", name="Kim")).to_be_visible()
    await expect(offer.get_by_text("order 7")).to_be_visible()
    await expect(anna).to_have_title("● Kim")
    assert await anna.locator("link[rel=icon]").get_attribute("href") == "/web/look/icon-offer.svg"
    await expect(kim.get_by_role("heading", name="An agent was found")).to_be_visible()
    await expect(lee.locator(".position")).to_have_text("1")
    await expect(anna.locator(".line li")).to_have_count(1)

    await button(anna, "Accept").click()
    await button(anna, "Call").click()
    await expect(kim.get_by_role("heading", name="Anna is calling you")).to_be_visible()
    await expect(anna.get_by_role("heading", name="Calling")).to_be_visible()
    await button(kim, "Answer").click()
    await expect(kim.get_by_role("heading", name="In a call with Anna")).to_be_visible()
    await expect(anna.get_by_role("heading", name="In a call")).to_be_visible()
    await expect(anna).to_have_title("Agent desk")

    await button(kim, "Hang up").click()
    await expect(kim.get_by_role("heading", name="Thank you for your visit")).to_be_visible()
    await expect(offer.get_by_role("heading", name="Lee")).to_be_visible()
    await expect(lee.get_by_role("heading", name="An agent was found")).to_be_visible()
    await button(kim, "Back to the start").click()
    await expect(button(kim, "Join the line")).to_be_enabled()


async def test_who_is_rejected_or_missed_waits_again_at_the_head(house: House) -> None:
    await house.queue("sales", reject_cooldown=1, offer_timeout=2, missed_limit=1)
    kim = await house.customer("kim")
    await join(kim, "Sales")
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await button(anna, "Reject").click()
    await expect(kim.get_by_text("at the head of the line again")).to_be_visible()
    await expect(anna.get_by_role("heading", name="Short pause")).to_be_visible()
    # Offered again after the pause, and this time nobody answers; the limit makes the agent not ready.
    await expect(anna.locator(".holding.offered")).to_be_visible()
    await expect(anna.get_by_text("You missed Kim")).to_be_visible()
    await expect(anna.get_by_role("button", name="Not ready")).to_have_attribute("aria-pressed", "true")
    await expect(anna.get_by_label("Reason")).to_have_value("missed")
    await expect(kim.locator(".position")).to_have_text("1")

    await button(anna, "Take Kim").click()
    await expect(anna.locator(".holding")).to_be_visible()
    await kim.get_by_role("button", name="Leave the line").click()
    await kim.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(kim.get_by_role("heading", name="You left the line")).to_be_visible()
    await expect(anna.get_by_text("Kim has left.")).to_be_visible()
    await expect(anna.locator(".holding")).to_have_count(0)


async def test_a_call_that_comes_while_one_thinks_of_leaving_can_be_answered(house: House) -> None:
    await house.queue("sales")
    kim = await house.customer("kim")
    await join(kim, "Sales")
    await button(kim, "Leave the line").click()
    await expect(kim.get_by_role("dialog")).to_be_visible()
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await button(anna, "Accept").click()
    await expect(kim.get_by_role("dialog")).to_be_visible()
    await button(anna, "Call").click()
    await button(kim, "Answer").click()
    await expect(kim.get_by_role("heading", name="In a call with Anna")).to_be_visible()
    await expect(kim.get_by_role("dialog")).to_have_count(0)


async def test_reloading_in_the_middle_loses_nothing(house: House) -> None:
    await house.queue("sales", wrap_up=60)
    kim = await house.customer("kim")
    await join(kim, "Sales")
    await kim.reload()
    await expect(kim.locator(".position")).to_have_text("1")
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await expect(button(anna, "Accept")).to_be_visible()
    await anna.reload()
    await button(anna, "Accept").click()
    await anna.reload()
    await button(anna, "Call").click()
    await expect(button(kim, "Answer")).to_be_visible()
    await kim.reload()
    await button(kim, "Answer").click()
    await expect(anna.get_by_role("heading", name="In a call")).to_be_visible()
    await kim.reload()
    await anna.reload()
    await expect(kim.get_by_role("heading", name="In a call with Anna")).to_be_visible()
    await button(anna, "Hang up").click()
    await expect(kim.get_by_role("heading", name="Thank you")).to_be_visible()
    await expect(anna.get_by_role("heading", name="Wrap-up")).to_be_visible()
    await button(anna, "Ready now").click()
    await expect(anna.get_by_role("heading", name="Ready for the next customer")).to_be_visible()


async def test_a_node_that_dies_is_seen_and_forgotten_when_it_is_back(house: House) -> None:
    await house.queue("sales")
    await house.queue("support")
    kim = await house.customer("kim")
    await join(kim, "Sales")
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await button(anna, "Accept").click()
    await button(anna, "Start without call").click()
    await expect(kim.get_by_role("heading", name="anna is serving you")).to_be_visible()
    house.service.kill()
    for page in (kim, anna):
        await expect(page.get_by_text("Connection lost")).to_be_visible()
    house.service.start()
    for page in (kim, anna):
        await expect(page.get_by_text("Connection lost")).to_have_count(0)
    await expect(anna.get_by_role("heading", name="In service")).to_be_visible()
    await button(anna, "Transfer").click()
    await anna.get_by_label("Transfer to").select_option(label="Support")
    await anna.get_by_role("dialog").get_by_role("button", name="Transfer").click()
    await expect(kim.locator(".position")).to_have_text("1")
    await expect(anna.get_by_role("heading", name="Ready for the next customer")).to_be_visible()


async def test_the_line_follows_and_a_second_desk_takes_over(house: House) -> None:
    await house.queue("sales")
    anna = await house.agent("anna", size=NARROW)
    await serve(anna, "Sales")
    await button(anna, "Not ready").click()
    await anna.get_by_label("Reason").select_option("meal")
    kim, lee = await house.customer("kim"), await house.customer("lee")
    await join(kim, "Sales", "first")
    await join(lee, "Sales")
    await expect(anna.locator(".line li strong")).to_have_text(["Kim", "Lee"])
    await kim.get_by_role("button", name="Leave the line").click()
    await kim.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(anna.locator(".line li strong")).to_have_text(["Lee"])
    await button(anna, "Take the next one").click()
    await expect(anna.locator(".holding").get_by_role("heading", name="Lee")).to_be_visible()

    second = await house.agent("anna")
    await expect(anna.get_by_role("heading", name="Open somewhere else")).to_be_visible()
    await expect(second.locator(".holding").get_by_role("heading", name="Lee")).to_be_visible()
    await expect(second.get_by_label("Reason")).to_have_value("meal")
    await button(anna, "Go on here").click()
    await expect(second.get_by_role("heading", name="Open somewhere else")).to_be_visible()
    await expect(anna.locator(".holding").get_by_role("heading", name="Lee")).to_be_visible()
    await anna.get_by_role("button", name="Log out").click()
    await expect(anna.get_by_label("Password")).to_be_visible()
    assert re.fullmatch(r"http://[^/]+/desk", anna.url)


async def test_a_person_logs_in_with_a_password_and_others_are_refused(house: House) -> None:
    await house.queue("sales")
    boss = {"Authorization": f"Bearer {await house.token('boss', Role.ADMIN)}"}
    account = {"user_id": "anna", "name": "Anna Berg", "roles": ["agent"], "password": "correct horse"}
    async with httpx.AsyncClient(base_url=house.url, headers=boss) as client:
        assert (await client.post("/v1/users", json=account)).status_code == 201
    page = await house.blank()
    await page.goto(f"{house.url}/desk?tenant={house.tenant}")
    await expect(page.get_by_label("Organisation")).to_have_value(house.tenant)
    await page.get_by_label("User").fill("anna")
    await page.get_by_label("Password").fill("wrong horse")
    await button(page, "Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("The user or the password is wrong.")
    await page.get_by_label("Password").fill("correct horse")
    await button(page, "Log in").click()
    await expect(page.locator(".who")).to_contain_text("Anna Berg")

    await page.goto(f"{house.url}/visit#token={await house.token('anna', Role.AGENT)}")
    await expect(page.get_by_role("alert")).to_have_text("This account has no place on this page.")
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_who_has_logged_out_and_in_again_is_told_that_it_connects(house: House) -> None:
    boss = {"Authorization": f"Bearer {await house.token('boss', Role.ADMIN)}"}
    account = {"user_id": "anna", "roles": ["agent"], "password": "correct horse"}
    async with httpx.AsyncClient(base_url=house.url, headers=boss) as client:
        assert (await client.post("/v1/users", json=account)).status_code == 201
    anna = await house.agent("anna")
    await button(anna, "Log out").click()
    # A node that never answers: what is told meanwhile stays.
    await anna.route_web_socket("**/v1/ws", lambda _: None)
    await anna.get_by_label("Organisation").fill(house.tenant)
    await anna.get_by_label("User").fill("anna")
    await anna.get_by_label("Password").fill("correct horse")
    await button(anna, "Log in").click()
    await expect(anna.locator("main").get_by_role("status")).to_have_text("Connecting…")
