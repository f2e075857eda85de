"""Calls between users: placing one, answering, refusing, hanging up."""

from __future__ import annotations

from fastapi import status

from api.auth import CurrentActor
from api.routes.common import CallInPath, Engine, rows
from dispatcher.meeting import Meeting
from dispatcher.model import Call, Model, Text, UserId

router = rows("calls")


class CallRequest(Model):
    """Whom to call; `meeting` is opaque JSON, for the programs of the two."""

    callee: UserId
    meeting: Meeting = None
    ext: Text = ""


class AnswerRequest(Model):
    """What the other party shall know; a `meeting` takes the place of the caller's."""

    meeting: Meeting = None
    ext: Text = ""


class EndRequest(Model):
    """What the other party shall know."""

    ext: Text = ""


_PLAIN_ANSWER = AnswerRequest()
_PLAIN_END = EndRequest()


@router.post("/calls", status_code=status.HTTP_201_CREATED)
async def call(body: CallRequest, actor: CurrentActor, engine: Engine) -> Call:
    """Call a user; the agent of a contact who calls its customer accepts it thereby."""
    return await engine.call(actor, body.callee, meeting=body.meeting, ext=body.ext)


@router.post("/calls/{call}/accept")
async def accept_call(
    call: CallInPath, actor: CurrentActor, engine: Engine, body: AnswerRequest = _PLAIN_ANSWER
) -> Call:
    """Answer; repeating it succeeds."""
    return await engine.accept_call(actor, call, meeting=body.meeting, ext=body.ext)


@router.post("/calls/{call}/reject")
async def reject_call(call: CallInPath, actor: CurrentActor, engine: Engine, body: EndRequest = _PLAIN_END) -> Call:
    """Refuse a call that rings."""
    return await engine.reject_call(actor, call, ext=body.ext)


@router.post("/calls/{call}/hangup")
async def hangup(call: CallInPath, actor: CurrentActor, engine: Engine, body: EndRequest = _PLAIN_END) -> Call:
    """End a call, ringing or answered."""
    return await engine.hangup(actor, call, ext=body.ext)
