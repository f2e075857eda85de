"""The supervisor at the console: what he does the others see, what they do he sees."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from dispatcher.model import QueuePatch, Role
from tests.pages.conftest import NARROW, House
from tests.pages.test_talk import button, join, serve

pytestmark = pytest.mark.needs("chromium")


def row(page: Page, name: str) -> Locator:
    """The row of the board that has this link."""
    return page.locator(".tbody .tr").filter(has=page.get_by_role("link", name=name, exact=True))


async def answer(page: Page, name: str) -> None:
    """Press a button of the dialog; it closes once that is done."""
    await page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_contact_is_moved_and_an_agent_forced_while_both_watch(house: House) -> None:
    await house.queue("sales")
    await house.queue("support")
    boss = await house.supervisor("boss")
    anna, kim = await house.agent("anna"), await house.customer("kim")
    await serve(anna, "Support")
    await join(kim, "Sales", "order 7")
    await expect(row(boss, "Sales").locator(".waiting")).to_have_text("1")
    await expect(row(boss, "Sales").locator(".agents")).to_have_text("No agents")
    await expect(row(boss, "Support").locator(".agents")).to_have_text("1 ready, 0 busy, 0 away")

    await boss.get_by_role("link", name="Sales", exact=True).click()
    line = boss.get_by_role("list", name="In line").get_by_role("listitem")
    await expect(line).to_contain_text(["order 7"])
    await button(boss, "Move Kim").click()
    await boss.get_by_role("combobox", name="To", exact=True).select_option(label="Support")
    await answer(boss, "Move")
    await expect(anna.locator(".holding.offered").get_by_role("heading", name="Kim")).to_be_visible()
    await expect(kim.get_by_role("heading", name="An agent was found")).to_be_visible()
    await expect(boss.get_by_text("No one is waiting.")).to_be_visible()

    await button(anna, "Accept").click()
    await button(anna, "Start without call").click()
    await boss.get_by_role("navigation").get_by_role("link", name="Agents").click()
    await expect(row(boss, "Anna")).to_contain_text("Busy")
    await expect(row(boss, "Anna").locator(".holds")).to_have_text("Kim")
    await boss.get_by_role("link", name="Anna", exact=True).click()
    await button(boss, "Not ready").click()
    await expect(button(anna, "Not ready")).to_have_attribute("aria-pressed", "true")
    await boss.get_by_label("Reason").select_option(label="Training")
    await expect(anna.get_by_label("Reason")).to_have_value("training")
    await boss.get_by_label("Capacity").fill("3")
    await button(boss, "Save").click()
    await expect(boss.get_by_text("1 / 3").first).to_be_visible()
    await button(boss, "Move Kim").click()
    await boss.get_by_role("combobox", name="To", exact=True).select_option(label="Sales")
    await answer(boss, "Move")
    await expect(kim.locator(".position")).to_have_text("1")
    await expect(anna.locator(".holding")).to_have_count(0)
    await button(boss, "Stop all service").click()
    await answer(boss, "Stop all service")
    await expect(anna.locator(".status acd-state")).to_have_text("Not at work")
    await expect(boss.get_by_text("No agent serves a queue now.")).to_be_visible()
    await button(boss, "Serve a queue").click()
    await boss.get_by_role("combobox", name="Queue", exact=True).select_option(label="Sales")
    await answer(boss, "Serve a queue")
    await expect(row(boss, "Anna").locator(".state")).to_contain_text("Training")
    await button(boss, "Ready").click()
    await expect(anna.locator(".holding.offered").get_by_role("heading", name="Kim")).to_be_visible()


async def test_a_contact_is_removed_and_its_story_read(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", part="queues/sales")
    kim = await house.customer("kim")
    await join(kim, "Sales", "order 7")
    await button(boss, "Remove Kim").click()
    await button(boss, "Cancel").click()
    await expect(kim.locator(".position")).to_have_text("1")
    await boss.get_by_role("link", name="Kim", exact=True).click()
    story = boss.get_by_role("list", name="Story").get_by_role("listitem")
    await expect(story).to_contain_text(["Kim joins Sales"])
    await expect(boss.locator(".panel")).to_contain_text("order 7")
    await button(boss, "Remove").click()
    await answer(boss, "Remove")
    await expect(kim.get_by_role("heading", name="You were taken out of the line")).to_be_visible()
    # It goes on while it is read.
    await expect(story).to_contain_text(
        ["Kim joins Sales", "Kim leaves the line of Sales · removed by a supervisor", "Kim: the contact has ended"]
    )
    await expect(button(boss, "Remove")).to_have_count(0)
    await story.first.get_by_text("contact.entered").click()
    await expect(story.first.locator("pre")).to_contain_text('"customer_id": "kim"')


async def test_a_queue_is_created_edited_and_deleted(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", role=Role.ADMIN)
    kim = await house.customer("kim")
    await button(boss, "New queue").click()
    dialog = boss.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Sales")
    await dialog.get_by_label("Id", exact=True).fill("vip")
    await dialog.get_by_label("Description").fill("Before all others")
    await dialog.get_by_label("Priority").fill("1")
    await dialog.get_by_label("Wrap-up").fill("12")
    await dialog.get_by_label("Customers may join").uncheck()
    await button(boss, "Create").click()
    await expect(dialog.get_by_role("alert")).to_have_text("There is a queue with this id or name already.")
    await dialog.get_by_label("Name").fill("VIP")
    await expect(dialog.get_by_label("Wrap-up")).to_have_value("12")
    await answer(boss, "Create")
    made = await house.admin.get_queue("vip")
    assert (made.name, made.description, made.priority, made.wrap_up) == ("VIP", "Before all others", 1, 12)
    assert (made.join_when_no_agents, made.open, made.offer_timeout, made.max_waiting) == (False, True, 30, 0)
    await expect(row(boss, "VIP")).to_contain_text("Before all others")
    await expect(boss.get_by_role("heading", name="VIP")).to_be_focused()

    await house.admin.update_queue("vip", QueuePatch(max_waiting=50))
    await expect(boss.locator(".pairs")).to_contain_text("50")
    await button(boss, "Edit").click()
    await dialog.get_by_label("Customers may join").check()
    await dialog.get_by_label("Pause after letting go").fill("9")
    await answer(boss, "Save")
    made = await house.admin.get_queue("vip")
    assert (made.reject_cooldown, made.max_waiting, made.join_when_no_agents) == (9, 50, True)
    await join(kim, "VIP")
    await button(boss, "Close queue").click()
    await expect(row(boss, "VIP")).to_contain_text("Closed")
    await button(boss, "Delete").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(dialog.get_by_role("alert")).to_have_text("The queue is not empty.")
    await dialog.get_by_label("Also if it is not empty").check()
    await answer(boss, "Delete")
    await expect(kim.get_by_role("heading", name="You were taken out of the line")).to_be_visible()
    await expect(row(boss, "VIP")).to_have_count(0)

    other = await house.supervisor("tom")
    await expect(row(other, "Sales")).to_be_visible()
    await expect(button(other, "New queue")).to_have_count(0)
    await expect(other.get_by_role("link", name="Accounts")).to_have_count(0)


async def test_a_queue_where_somebody_is_served_is_deleted_when_he_has_left(house: House) -> None:
    await house.queue("sales")
    await join(await house.customer("kim"), "Sales")
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    await button(anna, "Accept").click()
    await button(anna, "Start without call").click()
    boss = await house.supervisor("boss", role=Role.ADMIN, part="queues/sales")
    await button(boss, "Delete").click()
    await boss.get_by_label("Also if it is not empty").check()
    await answer(boss, "Delete")
    await expect(row(boss, "Sales")).to_contain_text("Being deleted")
    await button(anna, "Complete").click()
    await expect(row(boss, "Sales")).to_have_count(0)


async def test_the_log_is_followed_searched_and_held(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", part="log")
    kim, lee = await house.customer("kim"), await house.customer("lee")
    await join(kim, "Sales")
    await expect(row(boss, "Kim joins Sales").locator(".code")).to_have_text("contact.entered")
    await button(boss, "Queues").click()
    await expect(row(boss, "Kim joins Sales")).to_have_count(0)
    await expect(row(boss, "Sales has a new policy")).to_be_visible()
    await button(boss, "All").click()
    await button(boss, "Pause").click()
    await join(lee, "Sales")
    await boss.get_by_role("searchbox").fill("lee")
    await expect(boss.get_by_text("Nothing matches.")).to_be_visible()
    await button(boss, "Go on").click()
    await expect(boss.locator(".tbody .tr")).to_have_count(1)
    await row(boss, "Lee joins Sales").get_by_role("link").click()
    await expect(boss.get_by_role("list", name="Story").get_by_role("listitem")).to_have_count(1)
    await boss.keyboard.press("Escape")
    await expect(boss.locator(".panel")).to_have_count(0)


async def test_the_log_tells_reasons_in_the_words_of_the_page(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", part="log", language="zh-CN")
    kim = await house.customer("kim")
    await join(kim, "Sales")
    anna = await house.agent("anna")
    await serve(anna, "Sales")
    for end in ("Transfer", "Hang up"):
        await button(anna, "Accept").click()
        await button(anna, "Call").click()
        await button(kim, "Answer").click()
        await button(anna, end).click()
        if end == "Transfer":
            await answer(anna, "Transfer")
    await button(anna, "Not ready").click()
    await anna.get_by_label("Reason").select_option(label="Desk work")
    says = boss.locator(".tbody .says")
    for reason in ("挂断", "转接", "案头工作"):
        await expect(says.filter(has_text=reason).first).to_be_visible()
    told = [text.partition(" · ")[2] for text in await says.all_inner_texts()]
    assert [reason for reason in told if reason.isascii() and reason] == []


async def test_a_node_that_dies_is_seen_and_the_board_is_whole_when_it_is_back(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", part="queues/sales")
    log = await house.supervisor("boss", part="log")
    await expect(row(boss, "Sales").locator(".waiting")).to_have_text("0")
    house.service.kill()
    for page in (boss, log):
        await expect(page.get_by_text("Connection lost")).to_be_visible()
    house.service.start()
    await house.queue("billing")
    kim = await house.customer("kim")
    await join(kim, "Sales")
    for page in (boss, log):
        await expect(page.get_by_text("Connection lost")).to_have_count(0)
    await expect(row(boss, "Sales").locator(".waiting")).to_have_text("1")
    await expect(row(boss, "Billing")).to_be_visible()
    await expect(boss.get_by_role("list", name="In line").get_by_role("listitem")).to_contain_text(["Kim"])
    await expect(row(log, "Kim joins Sales")).to_have_count(1)


async def test_of_many_queues_those_are_drawn_that_are_looked_at(house: House) -> None:
    for number in range(150):
        await house.queue(f"queue-{number:03d}")
    boss = await house.supervisor("boss")
    await expect(boss.get_by_role("table", name="Queues")).to_have_attribute("aria-rowcount", "151")
    assert await boss.locator(".tbody .tr").count() < 40
    await boss.mouse.move(700, 600)
    await boss.mouse.wheel(0, 100_000)
    await expect(row(boss, "Queue-149")).to_be_in_viewport()
    assert await boss.locator(".tbody .tr").count() < 40
    await boss.keyboard.press("/")
    await boss.keyboard.type("queue-07")
    await expect(boss.locator(".tbody .tr")).to_have_count(10)
    await button(boss, "Someone waits 0").click()
    await expect(boss.get_by_text("Nothing matches.")).to_be_visible()
    await button(boss, "All 150").click()
    kim = await house.customer("kim")
    await join(kim, "Queue-077")
    await button(boss, "Longest wait").click()
    await expect(boss.locator(".tbody .tr").first).to_contain_text("Queue-077")


async def test_on_a_narrow_screen_a_queue_takes_the_place_of_the_board_and_gives_it_back(house: House) -> None:
    for number in range(40):
        await house.queue(f"queue-{number:03d}")
    boss = await house.supervisor("boss", size=NARROW)
    await expect(boss.get_by_role("table", name="Queues")).to_have_attribute("aria-rowcount", "41")
    await boss.mouse.move(200, 600)
    await boss.mouse.wheel(0, 100_000)
    await row(boss, "Queue-037").get_by_role("link").click()
    await expect(boss.get_by_role("heading", name="Queue-037")).to_be_in_viewport()
    await expect(boss.get_by_role("heading", name="Queue-037")).to_be_focused()
    await button(boss, "Close").click()
    await expect(row(boss, "Queue-037")).to_be_in_viewport()
    await expect(row(boss, "Queue-037").get_by_role("link")).to_be_focused()
    await boss.get_by_role("navigation").get_by_role("link", name="Agents").click()
    await expect(boss.locator(".tile").first).to_be_in_viewport()


async def test_by_keys_alone(house: House) -> None:
    for queue in ("billing", "sales", "support"):
        await house.queue(queue)
    boss = await house.supervisor("boss")
    await row(boss, "Billing").get_by_role("link").focus()
    await boss.keyboard.press("ArrowDown")
    await expect(row(boss, "Sales").get_by_role("link")).to_be_focused()
    await boss.keyboard.press("Enter")
    await expect(boss.get_by_role("heading", name="Sales")).to_be_focused()
    await boss.keyboard.press("Escape")
    await expect(boss.locator(".panel")).to_have_count(0)
    await expect(row(boss, "Sales").get_by_role("link")).to_be_focused()
    await boss.go_back()
    await expect(boss.get_by_role("heading", name="Sales")).to_be_visible()


async def test_the_last_hour_survives_a_reload_and_no_log_out(house: House) -> None:
    await house.queue("sales")
    boss = await house.supervisor("boss", size=NARROW)
    kim = await house.customer("kim")
    await join(kim, "Sales")
    hour = row(boss, "Sales").locator("acd-spark")
    # Before this page there was nothing; a step may have begun since it opened.
    await expect(hour).to_have_attribute("points", re.compile(r"^,+(0,)*1$"))
    await kim.get_by_role("button", name="Leave the line").click()
    await kim.get_by_role("dialog").get_by_role("button", name="Leave").click()
    await expect(row(boss, "Sales").locator(".waiting")).to_have_text("0")
    await boss.reload()
    await expect(hour).to_have_attribute("title", "at most 1")
    # But not a log-out: who comes next may be of another tenant.
    await button(boss, "Log out").click()
    await expect(boss.get_by_label("Password")).to_be_visible()
    assert await boss.evaluate("sessionStorage.getItem('acd.history')") is None


async def test_accounts_and_options(house: House) -> None:
    boss = await house.supervisor("boss", role=Role.ADMIN, part="accounts")
    await expect(boss.get_by_text("Nobody has an account yet.")).to_be_visible()
    await button(boss, "New account").click()
    dialog = boss.get_by_role("dialog")
    await dialog.get_by_label("User").fill("anna")
    await dialog.get_by_label("Name").fill("Anna Berg")
    await dialog.get_by_label("Password").fill("correct horse")
    await dialog.get_by_label("Supervisor").check()
    await answer(boss, "Save")
    await expect(boss.get_by_role("list", name="Accounts").get_by_role("listitem")).to_contain_text(["Anna Berg"])
    page = await house.blank()
    await page.goto(f"{house.url}/console?tenant={house.tenant}")
    await page.get_by_label("User").fill("anna")
    await page.get_by_label("Password").fill("correct horse")
    await button(page, "Log in").click()
    await expect(page.locator(".who")).to_contain_text("Anna Berg")
    await button(boss, "Delete the account of Anna Berg?").click()
    await answer(boss, "Delete")
    await expect(boss.get_by_text("Nobody has an account yet.")).to_be_visible()

    await boss.get_by_role("link", name="Options").click()
    await boss.get_by_label("Customer's grace").fill("45")
    await boss.get_by_label("Time zone").select_option("Europe/Berlin")
    await boss.get_by_label("Allowed sites").fill("shop.example")
    await button(boss, "Save").click()
    await expect(boss.get_by_role("alert")).to_contain_text("must be '*'")
    await boss.get_by_label("Allowed sites").fill("https://shop.example")
    await button(boss, "Save").click()
    await expect(boss.get_by_text("Saved.")).to_be_visible()
    await boss.reload()
    await expect(boss.get_by_label("Customer's grace")).to_have_value("45")
    await expect(boss.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    await expect(boss.get_by_label("Allowed sites")).to_have_value("https://shop.example")


async def test_who_is_no_supervisor_is_sent_away(house: House) -> None:
    page = await house.blank()
    await page.goto(f"{house.url}/console#token={await house.token('anna', Role.AGENT)}")
    await expect(page.get_by_role("alert")).to_have_text("This account has no place on this page.")


async def test_an_answer_that_is_older_than_what_was_told_changes_nothing(house: House) -> None:
    """What an agent holds is read; meanwhile he goes on."""
    await house.queue("sales")
    await house.queue("support")
    boss = await house.supervisor("boss", part="agents")
    anna, kim = await house.agent("anna"), await house.customer("kim")
    await serve(anna, "Support")
    await expect(row(boss, "Anna")).to_contain_text("Ready")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await go_on.wait()
        await route.fulfill(response=answer)

    await boss.route("**/v1/agents/anna", slow)
    await join(kim, "Sales")
    await anna.get_by_role("checkbox", name="Sales").click()
    await asked.wait()
    await expect(row(boss, "Anna")).to_contain_text("Offer")
    await button(anna, "Accept").click()
    await button(anna, "Start without call").click()
    await expect(row(boss, "Anna")).to_contain_text("Busy")
    async with boss.expect_response("**/v1/agents/anna"):
        go_on.set()
    await expect(row(boss, "Anna").locator(".holds")).to_have_text("Kim")
    await expect(row(boss, "Anna")).to_contain_text("Busy")
