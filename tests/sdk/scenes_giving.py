"""Scenes of the page of old: how customers are given to agents, and how they meet."""

from __future__ import annotations

from typing import Any

from dispatcher.model import Presence
from tests.sdk.browser import BOSS, Person, Stage

ORDERS = ("accept, then call", "call, then accept", "call alone", "both at once", "both at once, accept first")


async def in_every_order(stage: Stage) -> None:
    """He accepts and calls in each of the orders that real pages have; both talk, and it ends."""
    for order in ORDERS:
        for is_manual in (False, True):
            await in_one_order(stage, order, is_manual)


async def given(agent: Person, is_manual: bool) -> Any:
    """Wait for whom he is given: by itself, or because he asks."""
    if not is_manual:
        return (await agent.told("AutoAssignUser"))[0]
    await agent.told("UserEnter")
    await agent.page.click("#next")
    code, user, cookie = await agent.told("ReqAssignUserRslt")
    assert (code, cookie) == (0, "next")
    return user


async def in_one_order(stage: Stage, order: str, is_manual: bool) -> None:
    """Play it once."""
    queue = await stage.queue()
    agent = await stage.agent(queue, order, dnd="1" if is_manual else "")
    customer = await stage.customer(queue)
    user = await given(agent, is_manual)
    await customer.has_sent("start_queuing")
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
    assert await customer.told("AcceptCallSuccess") == [call_id, "accept"]
    await customer.has_sent("accept_call")
    assert not [frame for frame in customer.sent if "stop_queuing" in frame], "it is answered without being sent"
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
        # People of this page are called by their ids.
        "peerName": caller,
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
    assert await agent.count("AutoAssignUser") == (0 if is_manual else 1)
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
    await accepted_and_not_called(stage)


async def accepted_and_not_called(stage: Stage) -> None:
    """Who accepts and then does nothing loses his customer."""
    queue = await stage.queue(connect_timeout=1)
    agent = await stage.agent(queue)
    await stage.customer(queue)
    (user,) = await agent.told("AutoAssignUser")
    await agent.do(f"CRVideo_AcceptAssignUser({queue}, '{user['userID']}', 'accepted')")
    assert await agent.told("ResponseAssignUserRslt") == [0, "accepted"]
    assert await agent.told("CancelAssignUser") == [int(queue), user["userID"]]
