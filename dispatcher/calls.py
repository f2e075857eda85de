"""Commands between two users: calls, whether somebody can be reached, messages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import JsonValue, TypeAdapter

from dispatcher.commands import Commands
from dispatcher.errors import Code, DispatcherError
from dispatcher.meeting import meeting_json
from dispatcher.model import Actor, Call, UserStatus

WATCHED_BATCH = 100

_STATUSES = TypeAdapter(list[UserStatus])


class CallCommands(Commands):
    """The commands between two users."""

    async def call(self, actor: Actor, callee: str, *, meeting: JsonValue = None, ext: str = "") -> Call:
        """Call a user. By the agent of a contact to its customer it implies accept, and its answer begins the service.

        Errors: NOT_LOGIN (no session), CALL_EXIST (in a call already), WRONG_STATE (who queues calls nobody; or the
        contact is served without a call), USER_NOT_FOUND, OFFLINE, BUSY, API_NO_PERMISSION (a customer, unless the
        tenant's `customer_reach` is `all`), PARAM_ERR (oneself).
        """
        if callee == actor.user_id:
            raise DispatcherError(Code.PARAM_ERR, "nobody calls himself")
        return Call.model_validate_json(
            await self._run(
                "call_start",
                actor,
                callee_id=callee,
                meeting=meeting_json(meeting),
                ext=ext,
                customer_only=int(actor.is_customer_only),
            )
        )

    async def accept_call(self, actor: Actor, call_id: str, *, meeting: JsonValue = None, ext: str = "") -> Call:
        """Answer a call, and perhaps bring another `meeting`. Repeating it succeeds.

        Errors: INVALID_CALLID (there is none, or not his), API_NO_PERMISSION (the caller).
        """
        brought = "" if meeting is None else meeting_json(meeting)
        return Call.model_validate_json(
            await self._run("call_accept", actor, call_id=call_id, meeting=brought, ext=ext)
        )

    async def reject_call(self, actor: Actor, call_id: str, *, ext: str = "") -> Call:
        """Refuse a call that rings; the contact it belongs to ends `refused`.

        Errors: INVALID_CALLID, API_NO_PERMISSION (the caller), WRONG_STATE (it was answered).
        """
        return Call.model_validate_json(await self._run("call_reject", actor, call_id=call_id, ext=ext))

    async def hangup(self, actor: Actor, call_id: str, *, ext: str = "") -> Call:
        """End a call. After the answer its contact is completed; while it rings an agent gives the contact back.

        A callee who hangs up while it rings refuses. Errors: INVALID_CALLID.
        """
        return Call.model_validate_json(await self._run("call_hangup", actor, call_id=call_id, ext=ext))

    async def get_user_status(self, actor: Actor, user_id: str) -> UserStatus:
        """Read whether a user can be reached. Errors: USER_NOT_FOUND, API_NO_PERMISSION (beyond `customer_reach`)."""
        body = await self._run("user_status", actor, user_id=user_id, customer_only=int(actor.is_customer_only))
        return UserStatus.model_validate_json(body)

    async def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[UserStatus]:
        """Have the changes of everybody's status told for a minute; read those of `user_ids`.

        Who is not known is offline. Errors: API_NO_PERMISSION (a customer who does not reach everybody).
        """
        statuses: list[UserStatus] = []
        for begin in range(0, max(len(user_ids), 1), WATCHED_BATCH):
            batch = json.dumps(user_ids[begin : begin + WATCHED_BATCH])
            body = await self._run("user_watch", actor, user_ids=batch, customer_only=int(actor.is_customer_only))
            statuses += _STATUSES.validate_json(body)
        return statuses

    async def send_cmd(self, actor: Actor, to: str, data: str) -> None:
        """Send a message to a user's session, once at most.

        Errors: USER_NOT_FOUND, OFFLINE, API_NO_PERMISSION (beyond `customer_reach`).
        """
        await self._run("message_send", actor, to=to, data=data, customer_only=int(actor.is_customer_only))
