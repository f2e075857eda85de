"""`/sdk/cloudroom.js` in a browser: a page of old, customer and agent in contexts of their own, on two nodes."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Route

from api.auth import Tokens
from dispatcher.model import Presence, Role
from tests.house.tree import ROOT
from tests.processes import KEYS
from tests.sdk.browser import BOSS, TENANT, Stage, stage

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ORDERS = ("accept, then call", "call, then accept", "call alone", "both at once")


async def in_every_order(stage: Stage) -> None:
    """He accepts and calls in each of the orders that real pages have; both talk, and it ends."""
    for order in ORDERS:
        queue = await stage.queue()
        agent = await stage.agent(queue, order)
        customer = await stage.customer(queue)
        (user,) = await agent.told("AutoAssignUser")
        assert [frame for frame in customer.sent if "start_queuing" in frame]
        assert not [frame for frame in customer.sent if "join" in frame], "a cookie never leaves the page"
        assert {**user, "queuingTime": 0} == {
            "queID": int(queue),
            "userID": user["userID"],
            "nickname": user["userID"],
            "queuingTime": 0,
            "usrExtDat": "order 7",
        }
        call_id, meeting, caller, ext = await customer.told("NotifyCallIn")
        assert (meeting, ext) == ({"ID": 4711, "pswd": "secret"}, "come in")
        assert await customer.told("StopQueuingRslt") == [0, "called"]
        assert not [frame for frame in customer.sent if "stop_queuing" in frame], "it is answered without being sent"
        assert await customer.told("AcceptCallSuccess") == [call_id, "accept"]
        assert await agent.told("CallSuccess") == [call_id, "call"]
        assert await agent.told("NotifyCallAccepted") == [call_id, meeting, "here I am"]
        if order != "call alone":
            assert await agent.told("ResponseAssignUserRslt") == [0, "accept"]
        await customer.until("CRVideo_GetQueuingInfo().queID === -2")
        session = await customer.do("CRVideo_GetSessionInfo()")
        assert session.pop("duration") >= 0
        assert session == {
            "callID": call_id,
            "peerID": caller,
            "peerName": "",
            "bCallAccepted": True,
            "meetingID": 4711,
            "meetingPswd": "secret",
        }
        assert (await stage.dispatcher.get_queue_status(BOSS, queue)).srv_num == 1
        await agent.page.click("#hangup")
        assert await customer.told("NotifyCallHangup") == [call_id, "good bye"]
        assert await customer.told("NotifyCallHungup") == [call_id, "good bye"]
        assert await agent.told("HangupCallSuccess") == [call_id, "hangup"]
        assert await agent.told("HungupCallSuccess") == [call_id, "hangup"]
        await customer.until("CRVideo_GetQueuingInfo().queID === -1 && CRVideo_GetSessionInfo().callID === ''")
        assert await agent.count("AutoAssignUser") == 1
        assert await agent.count("CancelAssignUser") == 0
        status = await stage.dispatcher.get_queue_status(BOSS, queue)
        assert (status.wait_num, status.prepare_num, status.srv_num) == (0, 0, 0)
        await stage.leave()


async def by_hand(stage: Stage) -> None:
    """In manual mode nothing comes by itself: he sees who waits, and asks."""
    queue = await stage.queue()
    agent = await stage.agent(queue, "call alone", dnd="2")
    assert await agent.told("SetDNDStatusSuccess") == ["dnd"]
    await agent.page.click("#next")
    code, nobody, cookie = await agent.told("ReqAssignUserRslt")
    assert (code, nobody["userID"], cookie) == (401, "", "next")
    first = await stage.customer(queue, answer="reject")
    queue_id, user = await agent.told("UserEnter")
    assert queue_id == user["queID"] == int(queue)
    second = await stage.customer(queue)
    await agent.until("told.filter(([name]) => name === 'CRVideo_UserEnter').length === 2")
    one, two = [user["userID"] for user in await agent.do(f"CRVideo_GetQueueUsers({queue})")]
    assert one == user["userID"]
    info = await second.do("CRVideo_GetQueuingInfo()")
    assert (info["queID"], info["position"]) == (int(queue), 2)
    assert (await agent.told("QueueStatusChanged"))[0].keys() == {"queID", "agent_num", "wait_num", "srv_num"}
    assert await agent.count("AutoAssignUser") == 0

    await agent.page.click("#next")
    code, user, cookie = await agent.told("ReqAssignUserRslt", 2)
    assert (code, user["userID"], cookie) == (0, one, "next")
    assert await agent.told("UserLeave") == [int(queue), one, True]
    await agent.until(f"CRVideo_GetQueueUsers({queue}).length === 1")
    call_id, code, ext = await agent.told("NotifyCallRejected")
    assert (code, ext) == (606, "not now")
    assert await first.told("RejectCallSuccess") == [call_id, "reject"]
    await second.until("CRVideo_GetQueuingInfo().position === 1")

    await agent.do(f"CRVideo_ReqAssignUser2('{queue}', 'nobody', 'n')")
    assert (await agent.told("ReqAssignUserRslt", 3))[0] == 401
    await agent.do(f"CRVideo_ReqAssignUser2({queue}, '{two}', 'him')")
    code, user, cookie = await agent.told("ReqAssignUserRslt", 4)
    assert (code, user["userID"], cookie) == (0, two, "him")
    await second.shows("talking")
    await second.do("CRVideo_HungupCall(ringing, 'bye', 'old')")
    assert (await second.told("HungupCallSuccess"))[1] == "old"
    assert (await agent.told("NotifyCallHangup"))[1] == "bye"
    assert await agent.count("AutoAssignUser") == 0
    await agent.do(f"CRVideo_StopService({queue}, 'stop')")
    assert await agent.told("StopServiceRslt") == [int(queue), 0, "stop"]
    assert await agent.do("CRVideo_GetServingQueues()") == []


async def a_long_line(stage: Stage) -> None:
    """Of a long line the first hundred are known, also when one of them leaves; a queue with a name is a text."""
    queue = await stage.queue(queue_id=stage.someone("sales"))
    contacts = [
        await stage.dispatcher.start_queuing(BOSS, queue, customer_id=f"c{n:03}", presence=Presence.NONE)
        for n in range(102)
    ]
    agent = await stage.agent(queue, dnd="1")
    assert await agent.do("CRVideo_GetServingQueues()") == [queue]
    shown = f"CRVideo_GetQueueUsers('{queue}').map((user) => user.userID)"
    assert await agent.do(shown) == [f"c{n:03}" for n in range(100)]
    await stage.dispatcher.stop_queuing(BOSS, contacts[1].contact_id)
    assert await agent.told("UserLeave") == [queue, "c001", False]
    await agent.until(f"{shown}.length === 100")
    assert await agent.do(shown) == ["c000", *(f"c{n:03}" for n in range(2, 101))]
    await agent.page.click("#next")
    assert (await agent.told("ReqAssignUserRslt"))[1]["userID"] == "c000"
    await agent.page.reload()
    assert await agent.told("InitQueueDatRslt") == [0, "init"]
    assert await agent.count("AutoAssignUser") == 0, "he has asked for it"


async def rejected_missed_and_cancelled(stage: Stage) -> None:
    """Who is let go comes again; who is not answered is taken away; who leaves is told as left."""
    queue = await stage.queue(offer_timeout=1, reject_cooldown=1, missed_limit=0, ring_timeout=1)
    agent = await stage.agent(queue, "reject")
    customer = await stage.customer(queue, answer="nothing")
    assert await agent.told("ResponseAssignUserRslt") == [0, "reject"]
    await agent.do("asked.order = 'nothing'")
    (user,) = await agent.told("AutoAssignUser", 2)
    assert await agent.told("CancelAssignUser") == [int(queue), user["userID"]]
    await agent.do(f"CRVideo_AcceptAssignUser({queue}, '{user['userID']}', 'late')")
    code, cookie = await agent.told("ResponseAssignUserRslt", 2)
    assert (code, cookie) == (9000, "late")
    await agent.do("asked.order = 'call alone'")
    call_id, code, ext = await agent.told("NotifyCallRejected")
    assert (code, ext) == (604, "")
    assert (await customer.told("NotifyCallHangup"))[0] == call_id
    await agent.do("asked.order = 'nothing'")
    await customer.until("CRVideo_GetQueuingInfo().queID === -1")
    count = await agent.count("CancelAssignUser")
    offers = await agent.count("AutoAssignUser")
    await customer.do(f"CRVideo_StartQueuing('{queue}', null, 'again')")
    assert await customer.told("StartQueuingRslt", 2) == [0, "again"]
    await agent.told("AutoAssignUser", offers + 1)
    await customer.do("CRVideo_StopQueuing('enough')")
    assert await customer.told("StopQueuingRslt", 2) == [0, "enough"]
    assert await agent.told("CancelAssignUser", count + 1) == [int(queue), user["userID"]]
    await agent.do(f"CRVideo_AcceptAssignUser({queue}, '{user['userID']}', 'too late')")
    assert await agent.told("ResponseAssignUserRslt", 3) == [402, "too late"]


async def reloaded(stage: Stage) -> None:
    """A page that is loaded again in the middle stands where it stood."""
    queue = await stage.queue()
    ahead = await stage.customer(queue)
    await ahead.told("StartQueuingRslt")
    customer = await stage.customer(queue)
    await customer.until("CRVideo_GetQueuingInfo().position === 2")
    await stage.collect(customer.page)
    await customer.page.reload()
    await customer.told("InitQueueDatRslt")
    assert (await customer.do("CRVideo_GetQueuingInfo()"))["position"] == 2
    assert await customer.count("StartQueuingRslt") == 0
    agent = await stage.agent(queue)
    (user,) = await agent.told("AutoAssignUser")
    await agent.page.reload()
    assert (await agent.told("AutoAssignUser"))[0]["userID"] == user["userID"]
    assert await agent.do("CRVideo_GetServingQueues()") == [int(queue)]
    assert await agent.count("AutoAssignUser") == 1
    await agent.do(f"CRVideo_Call('{user['userID']}', meeting, '', 'c')")
    await ahead.shows("talking")
    for person in (ahead, agent):
        await person.page.reload()
        await person.until("document.getElementById('state').textContent.startsWith('in call with')")
        session = await person.do("CRVideo_GetSessionInfo()")
        assert (session["bCallAccepted"], session["meetingID"]) == (True, 4711)
    assert await agent.count("AutoAssignUser") == 0
    await agent.do("CRVideo_HangupCall(CRVideo_GetSessionInfo().callID, '', 'h')")
    await ahead.told("NotifyCallHangup")


async def without_a_server(stage: Stage) -> None:
    """A node that dies is told once, what is pending fails, and logging in again finds everything where it was."""
    queue = await stage.queue()
    customer = await stage.customer(queue)
    await customer.told("StartQueuingRslt")
    gone = await stage.customer(once="1")
    await gone.told("InitQueueDatRslt")
    # A node that is stopped answers nothing; then it dies.
    stage.nodes[0].stop()
    await gone.do("CRVideo_GetQueueStatus(1, 'pending'); CRVideo_StartQueuing(1, '', 'pending')")
    stage.nodes[0].kill()
    assert await gone.told("LineOff") == [204]
    assert await gone.told("StartQueuingRslt") == [204, "pending"]
    assert (await gone.told("GetQueueStatusRslt"))[1:] == [204, "pending"]
    assert await customer.told("LineOff") == [204]
    await customer.told("LoginFail")
    await gone.do("CRVideo_StartQueuing(1, '', 'off')")
    assert await gone.told("StartQueuingRslt", 2) == [12, "off"]
    await asyncio.to_thread(stage.restart, 0)
    await customer.told("LoginSuccess", 2)
    await customer.told("InitQueueDatRslt", 2)
    assert (await customer.do("CRVideo_GetQueuingInfo()"))["position"] == 1
    assert (await customer.count("LineOff"), await customer.count("StartQueuingRslt")) == (1, 1)
    assert (await gone.count("LineOff"), await gone.count("LoginSuccess")) == (1, 1), "it does not come back by itself"


async def elsewhere(stage: Stage) -> None:
    """A second login of the same user ends the first one, and takes over what he holds."""
    queue = await stage.queue()
    here = await stage.customer(queue, user="kim")
    await here.told("StartQueuingRslt")
    there = await stage.enter(1, {"as": "customer", "user": "kim", "queue": queue})
    assert await here.told("LineOff") == [10]
    await there.told("InitQueueDatRslt")
    assert (await there.do("CRVideo_GetQueuingInfo()"))["position"] == 1
    assert await here.do("CRVideo_GetQueuingInfo()") == {"queID": -1, "position": 0, "queuingTime": 0}
    await there.do("CRVideo_Logout()")
    await there.do("CRVideo_StopQueuing('out')")
    assert await there.told("StopQueuingRslt") == [12, "out"]
    assert await there.count("LineOff") == 0


async def with_a_token(stage: Stage) -> None:
    """Who logs in with a token is who it says; it is renewed, or ends."""
    tokens = Tokens([KEYS])
    user = stage.someone("lee")

    def token(ttl_s: int) -> str:
        return tokens.mint(TENANT, user, "Lee", {Role.CUSTOMER}, ttl_s=ttl_s).token

    lee = await stage.enter(0, {"as": "customer", "token": token(4)})
    assert await lee.told("LoginSuccess") == [user, "by token"]
    assert await lee.told("NotifyTokenWillExpire") == []
    await lee.do(f"CRVideo_UpdateToken('{token(6)}')")
    assert await lee.told("UpdateTokenRslt") == [0]
    late = await stage.enter(0, {"as": "customer", "token": token(-1)})
    assert await late.told("LoginFail") == [18, "by token"]
    wrong = await stage.enter(0, {"as": "customer", "md5": "0" * 32, "user": "kim"})
    assert await wrong.told("LoginFail") == [7, "by secret"]
    nobody = await stage.enter(0, {"as": "customer", "tenant": "nobody", "user": "kim"})
    assert await nobody.told("LoginFail") == [20, "by secret"]
    assert await lee.told("LineOff") == [18]


async def with_a_secret_for_long(stage: Stage) -> None:
    """A login with a secret outlives its token, of which the page knows nothing."""
    user = stage.someone("sam")
    short = Tokens([KEYS]).mint(TENANT, user, "Sam", {Role.CUSTOMER}, ttl_s=2).token
    logins: list[str] = []

    async def answer(route: Route) -> None:
        logins.append(route.request.post_data or "")
        if len(logins) == 1:
            await route.fulfill(json={"token": short})
        else:
            await route.continue_()

    sam = await stage.enter(0, {"as": "customer", "user": user}, answer)
    assert await sam.told("LoginSuccess") == [user, "by secret"]
    await sam.told("InitQueueDatRslt")
    # The first token has ended by then: the new one was taken.
    await sam.until("performance.now() > 4000")
    await sam.do("CRVideo_GetOneUserStatus(asked.user, 'still')")
    assert (await sam.told("GetUserStatusSuccess"))[1] == "still"
    assert len(logins) == 2
    assert (await sam.count("LineOff"), await sam.count("NotifyTokenWillExpire")) == (0, 0)


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


SCENES: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    in_every_order,
    by_hand,
    a_long_line,
    rejected_missed_and_cancelled,
    reloaded,
    people,
    with_a_token,
    with_a_secret_for_long,
    elsewhere,
    without_a_server,
)


async def before_any_login(stage: Stage) -> dict[str, int]:
    """Check that every name is there and says so; return how many arguments each callback is told."""
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
    return {name: len(arguments.split()) for name, arguments in callbacks.items()}


def named_in_the_page() -> set[str]:
    """Every CRVideo_ name of api/web/README.md."""
    return set(re.findall(r"CRVideo_\w+", (ROOT / "api" / "web" / "README.md").read_text()))


@pytest.mark.needs("chromium")
async def test_a_page_of_old_plays_the_whole_story() -> None:
    """One browser and two nodes for all of it; at its end every callback has been told what it is documented for."""
    async with stage() as on:
        documented = await before_any_login(on)
        for scene in SCENES:
            await scene(on)
            await on.leave()
    assert on.heard.keys() == documented.keys()
    assert {name: counts for name, counts in on.heard.items() if counts != {documented[name]}} == {}
