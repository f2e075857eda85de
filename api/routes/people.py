"""Other users: whether they can be reached, and messages to them."""

from __future__ import annotations

from fastapi import status

from api.auth import CurrentActor
from api.routes.common import Engine, SomebodyInPath, rows
from dispatcher.model import MessageData, Model, UserId, UserStatus

router = rows("users")


class MessageRequest(Model):
    """A message (at most 64 KB in UTF-8), and to whom."""

    to: UserId
    data: MessageData


@router.get("/users/{user}/status")
async def get_user_status(user: SomebodyInPath, actor: CurrentActor, engine: Engine) -> UserStatus:
    """Say whether a user is there, in a call, busy or idle. `{user}` may be `me`."""
    return await engine.get_user_status(actor, user)


@router.post("/messages", status_code=status.HTTP_202_ACCEPTED)
async def send_cmd(body: MessageRequest, actor: CurrentActor, engine: Engine) -> dict[str, str]:
    """Send a message to a user's session: once or never."""
    await engine.send_cmd(actor, body.to, body.data)
    return {}
