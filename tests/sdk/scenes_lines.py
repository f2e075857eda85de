"""Scenes of the page of old: what happens to logins, pages and nodes in the middle of it."""

from __future__ import annotations

import asyncio
import json

from playwright.async_api import Route, WebSocketRoute

from api.auth import Tokens
from dispatcher.model import Role
from tests.processes import KEYS
from tests.sdk.browser import TENANT, WAIT_MS, Person, Stage


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
    await agent.do(f"CRVideo_AcceptAssignUser({queue}, '{user['userID']}', 'a')")
    await agent.told("ResponseAssignUserRslt")
    await agent.page.reload()
    # Accepted and not called yet: he is told of him once more.
    assert (await agent.told("AutoAssignUser"))[0]["userID"] == user["userID"]
    await ahead.do("asked.answer = 'nothing'")
    await agent.do(f"CRVideo_Call('{user['userID']}', meeting, 'hello', 'c')")
    call_id, *told = await ahead.told("NotifyCallIn")
    await ahead.do("history.replaceState(null, '', location.href + '&answer=nothing')")
    for person in (ahead, agent):
        # While it rings.
        await person.page.reload()
        await person.until("document.getElementById('state').textContent !== 'offline'")
    assert await ahead.told("NotifyCallIn") == [call_id, *told]
    session = await agent.do("CRVideo_GetSessionInfo()")
    assert (session["callID"], session["bCallAccepted"]) == (call_id, False)
    assert await agent.count("AutoAssignUser") == 0
    await ahead.do(f"CRVideo_AcceptCall('{call_id}', {{}}, 'yes', 'accept')")
    assert await ahead.told("AcceptCallSuccess") == [call_id, "accept"]
    assert await agent.told("NotifyCallAccepted") == [call_id, {"ID": 4711, "pswd": "secret"}, "yes"]
    for person in (ahead, agent):
        await person.page.reload()
        await person.until("document.getElementById('state').textContent.startsWith('in call with')")
        session = await person.do("CRVideo_GetSessionInfo()")
        assert (session["bCallAccepted"], session["meetingID"]) == (True, 4711)
    assert await agent.count("AutoAssignUser") == 0
    await agent.do("CRVideo_HangupCall(CRVideo_GetSessionInfo().callID, '', 'h')")
    await ahead.told("NotifyCallHangup")


async def read_while_it_changes(stage: Stage) -> None:
    """A line that is to be read again while it is being read is read once more."""
    queue = await stage.queue()
    asked: list[int] = []
    again = asyncio.Event()

    def between(page: WebSocketRoute) -> None:
        node = page.connect_to_server()

        def ask(frame: str | bytes) -> None:
            command = json.loads(frame)
            if command["cmd"] == "list_contacts":
                asked.append(command["id"])
                if len(asked) == 2:
                    again.set()
            node.send(frame)

        def tell(frame: str | bytes) -> None:
            if asked and json.loads(frame).get("id") == asked[0]:
                page.send(json.dumps({"events": [{"event": "queue.resync", "data": {"queue_id": queue}}], "at": 0}))
            page.send(frame)

        page.on_message(ask)
        node.on_message(tell)

    await stage.enter(1, {"as": "agent", "user": stage.someone("anna"), "queue": queue}, socket=between)
    await asyncio.wait_for(again.wait(), WAIT_MS / 1000)


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


async def talking(stage: Stage, queue: str) -> tuple[Person, Person, str]:
    """Let a customer and an agent talk; return them and the call."""
    agent = await stage.agent(queue, order="")
    customer = await stage.customer(queue)
    (call_id, *_) = await customer.told("NotifyCallIn")
    await agent.told("NotifyCallAccepted")
    return customer, agent, call_id


async def without_a_server_in_a_call(stage: Stage) -> None:
    """The node of one of them dies while they talk: he comes back to his call, and the other one notices nothing."""
    for which in (0, 1):
        queue = await stage.queue()
        customer, agent, call_id = await talking(stage, queue)
        hit, other = (customer, agent) if which == 0 else (agent, customer)
        stage.nodes[which].kill()
        assert await hit.told("LineOff") == [204]
        assert (await hit.do("CRVideo_GetSessionInfo()"))["callID"] == ""
        await asyncio.to_thread(stage.restart, which)
        await hit.told("InitQueueDatRslt", 2)
        session = await hit.do("CRVideo_GetSessionInfo()")
        assert (session["callID"], session["bCallAccepted"], session["meetingID"]) == (call_id, True, 4711)
        assert (await other.count("LineOff"), await other.count("NotifyCallHangup")) == (0, 0)
        await hit.do(f"CRVideo_HangupCall('{call_id}', 'bye', 'h')")
        assert await other.told("NotifyCallHangup") == [call_id, "bye"]
        await agent.until(f"CRVideo_GetServingQueues().includes({queue})")
        assert (await agent.count("StartServiceRslt"), await customer.count("StartQueuingRslt")) == (1, 1)
        await stage.leave()


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
    await stage.leave()
    customer, agent, call_id = await talking(stage, queue)
    user = await agent.do("asked.user")
    there = await stage.enter(0, {"as": "agent", "user": user, "queue": queue})
    assert await agent.told("LineOff") == [10]
    await there.told("InitQueueDatRslt")
    assert (await there.do("CRVideo_GetSessionInfo()"))["callID"] == call_id
    assert await there.do("CRVideo_GetServingQueues()") == [int(queue)]
    await there.do(f"CRVideo_HangupCall('{call_id}', 'from there', 'h')")
    assert await customer.told("NotifyCallHangup") == [call_id, "from there"]


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
