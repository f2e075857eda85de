"""`/sdk/cloudroom.js` in a browser: a page of old, customer and agent in contexts of their own, on two nodes."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.house.tree import ROOT
from tests.sdk import scenes_giving, scenes_lines
from tests.sdk.browser import Stage, stage
from tests.sdk.contract import broken, named_in_the_page, written_in_the_page

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


async def people(stage: Stage) -> None:
    """Who is there, messages, calls of no contact, and every refusal that has a callback of its own."""
    queue = await stage.queue(name="Sales", description="about prices", priority=3)
    agent = await stage.agent(queue)
    other = await stage.agent()
    await other.told("InitQueueDatRslt")
    mine, his = [await person.do("asked.user") for person in (agent, other)]
    assert {"queID": int(queue), "name": "Sales", "desc": "about prices", "prio": 3} in await other.do(
        "CRVideo_GetAllQueueInfo()"
    )
    await other.do("CRVideo_RefreshAllQueueStatus(true)")
    await other.until(f"told.some(([name, s]) => name === 'CRVideo_GetQueueStatusRslt' && s.queID === {queue})")
    await other.do("CRVideo_GetQueueStatus('none', 'q')")
    await other.until("told.some(([name, s, e, c]) => name === 'CRVideo_GetQueueStatusRslt' && e === 400 && c === 'q')")

    await other.do("CRVideo_StartUserStatusNotify('on')")
    assert await other.told("StartUserStatusNotifyRslt") == [0, "on"]
    await agent.do("CRVideo_SetDNDStatus(5, 'd')")
    changed = f"(u) => u.userID === '{mine}' && u.DNDType === 5 && u.userStatus === 1"
    await other.until(f"told.some(([name, u]) => name === 'CRVideo_NotifyUserStatus' && ({changed})(u))")
    await other.do("CRVideo_StopUserStatusNotify('off')")
    assert await other.told("StopUserStatusNotifyRslt") == [0, "off"]
    await other.do(f"CRVideo_GetOneUserStatus('{mine}', 'one')")
    assert await other.told("GetUserStatusSuccess") == [[{"userID": mine, "userStatus": 1, "DNDType": 5}], "one"]
    await other.do("CRVideo_GetOneUserStatus('nobody', 'none')")
    assert await other.told("GetUserStatusFail") == [605, "none"]
    await agent.do("CRVideo_GetUserStatus('all')")
    assert await agent.told("GetUserStatusSuccess") == [[{"userID": mine, "userStatus": 1, "DNDType": 5}], "all"]
    await agent.do("CRVideo_SetDNDStatus(-1, 'wrong')")
    assert await agent.told("SetDNDStatusFail") == [5, "wrong"]
    await agent.do("CRVideo_SetDNDStatus(0, '')")

    task = await other.do(f"CRVideo_SendCmd('{mine}', 'hello é', 'sent')")
    assert await other.told("SendCmdRslt") == [task, 0, "sent"]
    assert await agent.told("NotifyCmdData") == [his, "hello é"]

    await other.do("CRVideo_Call('nobody', {}, '', 'x')")
    assert await other.told("CallFail") == ["", 605, "x"]
    for end, name in (("AcceptCall('1', {}, ", "AcceptCallFail"), ("RejectCall('1', ", "RejectCallFail")):
        await other.do(f"CRVideo_{end}'', 'y')")
        assert (await other.told(name))[::2] == ["1", "y"]
    await other.do("CRVideo_HangupCall('1763824800123-0000', '', 'z')")
    for name in ("HangupCallFail", "HungupCallFail"):
        assert await other.told(name) == ["1763824800123-0000", 600, "z"]
    await other.do(f"CRVideo_Call('{mine}', {{ID: 1}}, 'hi', 'direct')")
    assert (await agent.told("NotifyCallIn"))[1:] == [{"ID": 1}, his, "hi"]
    await other.shows("talking")


Scene = Callable[[Stage], Awaitable[None]]
ORDERS: tuple[Scene, ...] = (scenes_giving.in_every_order,)
OTHERS: tuple[Scene, ...] = (
    scenes_giving.by_hand,
    scenes_giving.a_long_line,
    scenes_giving.rejected_missed_and_cancelled,
    scenes_lines.reloaded,
    people,
    scenes_lines.with_a_token,
    scenes_lines.with_a_secret_for_long,
    scenes_lines.elsewhere,
    scenes_lines.read_while_it_changes,
)
DEATHS: tuple[Scene, ...] = (scenes_lines.without_a_server, scenes_lines.without_a_server_in_a_call)
"""Of nodes: what else goes on there would not survive them."""


async def before_any_login(stage: Stage) -> dict[str, str]:
    """Check that every name is there, with what the page says it takes; return what each callback is told."""
    page = await (await stage.browser.new_context()).new_page()
    origin = f"http://127.0.0.1:{stage.nodes[0].port}"
    await page.route("**/empty", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    await page.goto(f"{origin}/empty")
    # Nothing but the script has run: what is there, is there at once.
    await page.add_script_tag(url="/sdk/cloudroom.js")
    names = await page.evaluate("CRVideo.functions")
    assert await page.evaluate("(names) => names.every((name) => typeof window[name] === 'function')", names)
    callbacks: dict[str, str] = await page.evaluate("CRVideo.callbacks")
    assert await page.evaluate("(all) => all.every((name) => window[name].callback === null)", list(callbacks))
    assert set(names) | set(callbacks) == named_in_the_page(), "the README's table is the SDK's"
    written = "(all) => all.map((name) => /\\((.*?)\\)/.exec(window[name])[1].replaceAll(',', ''))"
    taken = await page.evaluate(written, names)
    assert dict(zip(names, taken, strict=True)) | callbacks == written_in_the_page()
    assert await page.evaluate("CRVideo.sdkver") == await page.evaluate("CRVideo_GetSDKVersion()") == VERSION
    empty = {
        "GetAllQueueInfo": [],
        "GetServingQueues": [],
        "GetQueueUsers": [],
        "GetQueuingInfo": {"queID": -1, "position": 0, "queuingTime": 0},
    }
    for name, answer in empty.items():
        assert await page.evaluate(f"CRVideo_{name}()") == answer
    asked = "CRVideo_StartServiceRslt.callback = (...args) => resolve(args); CRVideo_StartService(1, 0, 'c');"
    assert await page.evaluate(f"new Promise((resolve) => {{ {asked} }})") == [1, 12, "c"]
    await page.context.close()
    return callbacks


async def play(stage: Stage, scenes: tuple[Scene, ...]) -> None:
    """Play scenes one after another, on pages of their own."""
    for scene in scenes:
        await scene(stage)
        await stage.leave()


@pytest.mark.timeout(360)
@pytest.mark.needs("chromium")
async def test_a_page_of_old_plays_the_whole_story() -> None:
    """One browser and two nodes for all of it; at its end every callback has been told what it is documented for."""
    async with stage() as on:
        documented = await before_any_login(on)
        async with asyncio.TaskGroup() as group:
            for scenes in (ORDERS, OTHERS):
                group.create_task(play(replace(on, pages=[]), scenes), name=f"scenes from {scenes[0].__name__}")
        await play(on, DEATHS)
    assert on.heard.keys() == documented.keys()
    wrong = {name: told for name, all_told in on.heard.items() for told in all_told if broken(documented[name], told)}
    assert wrong == {}
