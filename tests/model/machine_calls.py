"""The state machine with calls, the status of users, and messages."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from dispatcher.model import Role
from tests.model.machine import AGENTS, CUSTOMERS, QUEUES, Machine, numbers, seldom, when

people = st.sampled_from((*AGENTS, *CUSTOMERS[:4]))
exts = st.sampled_from(("", "by phone"))


class CallMachine(Machine):
    """People call each other, too."""

    @when("preparing")
    @rule(number=numbers, then=st.sampled_from(("ring", "answer", "answer and hang up")), ext=exts)
    def call_customer(self, number: int, then: str, ext: str) -> None:
        """The agent calls whom he is offered, and perhaps they come to talk."""
        contact = self.some_contact(number, "preparing")
        if contact is None:
            return
        self.send("call", self.actor(contact.agent_id), contact.customer_id, meeting={"room": number}, ext=ext)
        call = self.model.call_about(contact)
        if call is not None and then != "ring":
            self.send("accept_call", self.actor(call.callee_id), call.call_id, ext=ext)
        if call is not None and then == "answer and hang up":
            self.send("hangup", self.actor((call.caller_id, call.callee_id)[number % 2]), call.call_id)

    @rule(caller=people, callee=people, as_customer=seldom, meeting=st.sampled_from((None, "a room", [1, {"b": None}])))
    def call(self, caller: str, callee: str, as_customer: bool, meeting: object) -> None:
        actor = self.actor(caller, *([Role.CUSTOMER] if as_customer else []))
        self.send("call", actor, callee, meeting=meeting)

    @precondition(lambda self: bool(self.model.calls))
    @rule(
        number=numbers,
        verb=st.sampled_from(("accept_call", "accept_call", "reject_call", "hangup")),
        by_caller=seldom,
        ext=exts,
    )
    def on_call(self, number: int, verb: str, by_caller: bool, ext: str) -> None:
        calls = list(self.model.calls.values())
        call = calls[number % len(calls)]
        hangs_up = verb == "hangup" and number % 2 == 0
        self.send(verb, self.actor(call.caller_id if by_caller or hangs_up else call.callee_id), call.call_id, ext=ext)

    @precondition(lambda self: bool(self.model.calls))
    @rule(number=numbers, verb=st.sampled_from(("stop_queuing", "complete", "transfer", "start", "reject")))
    def act_in_a_call(self, number: int, verb: str) -> None:
        """What is sent about a contact whose call rings or is answered."""
        contacts = [self.model.contacts[call.contact_id] for call in self.model.calls.values() if call.contact_id]
        if not contacts:
            return
        contact = contacts[number % len(contacts)]
        agent = self.actor(contact.agent_id) if verb != "stop_queuing" else self.actor(contact.customer_id)
        if verb == "reject" and contact.assignment is not None:
            self.send(verb, agent, contact.assignment.assignment_id)
        else:
            target = {"queue_id": QUEUES[number % 3]} if verb == "transfer" else {}
            self.send(verb, agent, *([] if verb == "stop_queuing" else [contact.contact_id]), **target)

    @rule(user=people, other=people, what=st.sampled_from(("watch", "status", "message")), as_customer=st.booleans())
    def look_at(self, user: str, other: str, what: str, as_customer: bool) -> None:
        actor = self.actor(user, *([Role.CUSTOMER] if as_customer else []))
        if what == "watch":
            self.send("watch_users", actor, [other, "nobody"])
        elif what == "status":
            self.send("get_user_status", actor, other)
        else:
            self.send("send_cmd", actor, other, "hello")
