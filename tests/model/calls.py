"""The reference model's commands about calls, the status of users, and messages."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.model import Actor
from tests.model import views
from tests.model.command import Result
from tests.model.contacts import Contacts
from tests.model.state import CallState, ContactState, Refused, UserState

UNASSIGNED_RING_MS = 30_000
WATCH_MS = 60_000


class Calls(Contacts):
    """Commands about calls, and what the end of a call means for the contact it belongs to."""

    def call(self, actor: Actor, callee: str, *, meeting: object = None, ext: str = "") -> Result:
        """Call somebody; by the agent of a contact to its customer it implies accept."""
        self.events = []
        if callee == actor.user_id:
            raise Refused("PARAM_ERR")
        return self._once(actor, lambda: self._call(actor, callee, meeting, ext))

    def _call(self, actor: Actor, callee_id: str, meeting: object, ext: str) -> Result:
        caller = self.users.get(actor.user_id)
        if caller is None or not caller.session:
            raise Refused("NOT_LOGIN")
        if actor.is_customer_only and self.customer_reach != "all":
            raise Refused("API_NO_PERMISSION")
        if self.call_of(actor.user_id) is not None:
            raise Refused("CALL_EXIST")
        if self.open_contact(actor.user_id) is not None:
            raise Refused("WRONG_STATE")
        callee = self._user(callee_id)
        contact = self.open_contact(callee_id)
        own = contact if contact is not None and contact.agent_id == actor.user_id else None
        if own is not None and own.state == "serving":
            raise Refused("WRONG_STATE")
        if not callee.session:
            raise Refused("OFFLINE")
        if self._is_busy_for_others(callee) if own is None else self.call_of(callee_id) is not None:
            raise Refused("BUSY")
        if own is not None and own.assignment is not None:
            self.accept_by_acting(own.assignment)
        contact_id = own.contact_id if own is not None else ""
        call = CallState(self.next_id(), actor.user_id, callee_id, meeting, ext, contact_id)
        self.calls[call.call_id] = call
        self.timers[f"ring:{call.call_id}"] = self.now + self.ring_ms(call)
        self.say_call("call.incoming", call, ext)
        return views.call(self, call, ext)

    def _is_busy_for_others(self, user: UserState) -> bool:
        """Whether somebody who is not his agent finds him busy."""
        occupied = (self.call_of(user.user_id), self.open_contact(user.user_id), self.prepared(user))
        return user.dnd != 0 or any(what is not None for what in occupied)

    def _own_call(self, actor: Actor, call_id: str) -> CallState:
        call = self.calls.get(call_id)
        if call is None or actor.user_id not in (call.caller_id, call.callee_id):
            raise Refused("INVALID_CALLID")
        return call

    def _call_to_answer(self, actor: Actor, call_id: str) -> CallState:
        call = self._own_call(actor, call_id)
        if call.callee_id != actor.user_id:
            raise Refused("API_NO_PERMISSION")
        return call

    def accept_call(self, actor: Actor, call_id: str, *, meeting: object = None, ext: str = "") -> Result:
        """Answer a call; repeating it succeeds."""
        return self._once(actor, lambda: self._accept_call(actor, call_id, meeting, ext))

    def _accept_call(self, actor: Actor, call_id: str, meeting: object, ext: str) -> Result:
        call = self._call_to_answer(actor, call_id)
        if call.state == "ringing":
            call.state = "answered"
            call.meeting = call.meeting if meeting is None else meeting
            del self.timers[f"ring:{call_id}"]
            self.say_call("call.accepted", call, ext)
            contact = self.contacts.get(call.contact_id)
            if contact is not None and contact.assignment is not None:
                self.begin_service(contact, contact.assignment)
        return views.call(self, call, ext)

    def reject_call(self, actor: Actor, call_id: str, *, ext: str = "") -> Result:
        """Refuse a call that rings."""
        return self._once(actor, lambda: self._reject_call(actor, call_id, ext))

    def _reject_call(self, actor: Actor, call_id: str, ext: str) -> Result:
        call = self._call_to_answer(actor, call_id)
        if call.state != "ringing":
            raise Refused("WRONG_STATE")
        return self._refuse(call, ext)

    def _refuse(self, call: CallState, ext: str) -> Result:
        self.leave_call(call)
        self.say_call("call.rejected", call, ext, "refused")
        self._after(call, "refused")
        return views.call(self, call, ext, "refused")

    def hangup(self, actor: Actor, call_id: str, *, ext: str = "") -> Result:
        """End a call."""
        return self._once(actor, lambda: self._hangup(actor, call_id, ext))

    def _hangup(self, actor: Actor, call_id: str, ext: str) -> Result:
        call = self._own_call(actor, call_id)
        rang = call.state == "ringing"
        if rang and actor.user_id == call.callee_id:
            return self._refuse(call, ext)
        self.leave_call(call)
        self.say_call("call.ended", call, ext, "hangup")
        self._after(call, "rejected" if rang else "completed")
        return views.call(self, call, ext, "hangup")

    def ring_ms(self, call: CallState) -> int:
        """How long a call rings."""
        contact = self.contacts.get(call.contact_id)
        return UNASSIGNED_RING_MS if contact is None else self.queues[contact.queue_id].policy.ring_timeout * 1000

    def ring_out(self, call: CallState) -> None:
        """Nobody answered."""
        self.leave_call(call)
        self.say_call("call.rejected", call, "", "no_answer")
        self.say_call("call.ended", call, "", "no_answer")
        self._after(call, "no_answer")

    def _after(self, call: CallState, word: str) -> None:
        """What the end of a call means: for its contact, or for two who may be able again."""
        contact = self.contacts.get(call.contact_id)
        if contact is None:
            self.match_agent(self.users[call.caller_id])
            self.match_agent(self.users[call.callee_id])
        elif word == "rejected":
            self.let_go(contact, word)
        elif word == "withdrawn":
            self.withdraw(contact)
        else:
            self.end_whatever(contact, word)

    def withdraw(self, contact: ContactState) -> None:
        """Take an offer from an agent who is lost."""
        user = self.end_assignment(contact, "cancelled", "withdrawn")
        self.give_back(contact, "withdrawn")
        self.match_agent(user)

    def grace_ms(self, user: UserState) -> int:
        """How long somebody without a connection may come back."""
        return self.agent_grace_ms if self.is_agent(user) else self.customer_grace_ms

    def lose(self, user_id: str) -> None:
        """The grace is over of somebody with an open contact, or in a call."""
        contact, call = self.open_contact(user_id), self.call_of(user_id)
        if contact is not None:
            self.end_whatever(contact, "lost")
        elif call is not None:
            word = "lost"
            if call.contact_id:
                word = "withdrawn" if call.state == "ringing" else "agent_lost"
            self.end_call(call, "lost")
            self._after(call, word)

    # Status and messages

    def _reaches(self, actor: Actor, user_id: str) -> bool:
        if not actor.is_customer_only or self.customer_reach == "all" or user_id == actor.user_id:
            return True
        contact, call = self.open_contact(actor.user_id), self.call_of(actor.user_id)
        parties = {contact.agent_id} if contact is not None else set()
        return user_id in parties | ({call.caller_id, call.callee_id} if call is not None else set())

    def get_user_status(self, actor: Actor, user_id: str) -> Result:
        """Read whether a user can be reached."""
        self.events = []
        if not self._reaches(actor, user_id):
            raise Refused("API_NO_PERMISSION")
        return views.user_status(self, user_id, self._user(user_id))

    def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[Result]:
        """Have changes of status told for a minute."""
        self.events = []
        if actor.is_customer_only and self.customer_reach != "all":
            raise Refused("API_NO_PERMISSION")
        self.watched_until = self.now + WATCH_MS
        return [views.user_status(self, user_id, self.users.get(user_id)) for user_id in user_ids]

    def send_cmd(self, actor: Actor, to: str, data: str) -> None:
        """Send a message to somebody who is connected."""
        self._once(actor, lambda: self._send_cmd(actor, to))

    def _send_cmd(self, actor: Actor, to: str) -> None:
        if not self._reaches(actor, to):
            raise Refused("API_NO_PERMISSION")
        if not self._user(to).session:
            raise Refused("OFFLINE")
