"""The state machine with calls, the status of users, and messages."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from dispatcher.model import Role, Service
from tests.model.machine import AGENTS, CUSTOMERS, QUEUES, Machine, numbers, seldom
from tests.model.state import CallState, ContactState

people = st.sampled_from((*AGENTS, *CUSTOMERS[:4]))
exts = st.sampled_from(("", "by phone"))
steps = ("hangup", "drop", "transfer", "complete", "stop_service", "remove")
endings = st.tuples(st.sampled_from(("accept_call", "accept_call", "reject_call", "drop")), st.sampled_from(steps)) | (
    st.tuples() | st.sampled_from(steps).map(lambda step: (step,))
)


class CallMachine(Machine):
    """People call each other, too."""

    def _somebody_prepared(self, number: int) -> ContactState | None:
        """A contact that an agent prepares; where there is none, let somebody come."""
        if self.some_contact(number, "preparing") is None:
            agent, customer = AGENTS[number % 3], self._free_customer(number)
            for user_id in (agent, customer):
                known = self.model.users.get(user_id)
                if known is None or not known.session:
                    self.open_session(user_id, same_client=True)
            queue_id = self._open_queue(QUEUES[number % 3])
            self.send("start_service", self.actor(agent), agent, [Service(queue_id=queue_id)])
            self.send("set_dnd", self.actor(agent), agent, 0)
            self.send("start_queuing", self.actor(customer), queue_id)
        return self.some_contact(number, "preparing")

    @rule(number=numbers, then=endings, ext=exts)
    def call_customer(self, number: int, then: tuple[str, ...], ext: str) -> None:
        """An agent calls whom he is offered, and things take their course."""
        contact = self._somebody_prepared(number)
        if contact is None:
            return
        self.send("call", self.actor(contact.agent_id), contact.customer_id, meeting={"room": number}, ext=ext)
        for step in then:
            call = self.model.call_about(contact)
            if call is not None:
                self._go_on(call, contact.contact_id, step, number)

    # Several times, so that it happens often among the many other rules.
    call_customer_2 = call_customer_3 = call_customer_4 = call_customer

    def _go_on(self, call: CallState, contact_id: str, step: str, number: int) -> None:
        agent, customer = call.caller_id, call.callee_id
        if step in ("accept_call", "reject_call"):
            self.send(step, self.actor(customer), call.call_id)
        elif step == "hangup":
            self.send(step, self.actor((agent, customer)[number % 2]), call.call_id)
        elif step == "drop":
            user = self.model.users[(agent, customer)[number % 2]]
            self.send("close_session", self.sides.tenant, user.user_id, user.session)
        elif step == "transfer":
            self.send(step, self.actor(agent), contact_id, queue_id=QUEUES[number % 3])
        elif step == "stop_service":
            self.send(step, self.actor(agent), agent, self.model.contacts[contact_id].queue_id)
        elif step == "remove":
            self.send("stop_queuing", self.boss(), contact_id)
        else:
            self.send(step, self.actor(agent), contact_id)

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
