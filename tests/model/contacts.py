"""The reference model's commands about contacts: queuing, service, transfer and move."""

from __future__ import annotations

from dispatcher.model import Actor, Presence
from tests.model import views
from tests.model.command import Commands, Result
from tests.model.state import AssignmentState, ContactState, QueueState, Refused, UserState


class Contacts(Commands):
    """Commands about contacts."""

    def start_queuing(
        self,
        actor: Actor,
        queue_id: str,
        *,
        customer_id: str | None = None,
        name: str | None = None,
        ext: str = "",
        presence: Presence = Presence.SESSION,
    ) -> Result:
        """Put a customer into a queue, and match him at once if an agent is able."""
        customer = actor.user_id if customer_id is None else customer_id
        if name is None:
            name = actor.name if customer == actor.user_id else ""
        return self._once(actor, lambda: self._start_queuing(actor, queue_id, customer, name, ext, presence.value))

    def _start_queuing(
        self, actor: Actor, queue_id: str, customer_id: str, name: str, ext: str, presence: str
    ) -> Result:
        queue = self._queue(queue_id)
        user = self.users.get(customer_id) or UserState(customer_id)
        if user.serves or self.load(user):
            raise Refused("ROLE_CONFLICT")
        present = self.open_contact(customer_id)
        if present is not None and present.queue_id != queue_id:
            raise Refused("ALREADY_OTHERQUE")
        if present is not None:
            return views.contact(self, present)
        if self.call_of(customer_id) is not None:
            raise Refused("CALL_EXIST")
        self._admit(queue)
        self.users[customer_id] = user
        contact_id = self.next_id()
        self._audit(actor, "start_queuing", customer_id, contact_id)
        at = int(contact_id[:13])
        contact = ContactState(contact_id, customer_id, name or user.name, queue_id, ext, presence, at, at)
        user.name = user.name or name
        self.contacts[contact_id] = contact
        self.enter(contact)
        if contact.state == "held":
            self.timers[f"grace:{customer_id}"] = self.now + self.customer_grace_ms
        self.say_contact("contact.entered", contact)
        self.match_contact(contact)
        return views.contact(self, contact)

    def _admit(self, queue: QueueState) -> None:
        """Refuse a customer whom the policy does not let in."""
        if queue.deleting or not queue.policy.open:
            raise Refused("QUEUE_CLOSED")
        if 0 < queue.policy.max_waiting <= len(self.contacts_in(queue.queue_id, "waiting", "held")):
            raise Refused("QUEUE_FULL")
        connected = [user for user in self.users.values() if queue.queue_id in user.serves and user.session]
        if not connected and not queue.policy.join_when_no_agents:
            raise Refused("NO_AGENTS")

    def stop_queuing(self, actor: Actor, contact_id: str = "") -> Result:
        """Take a contact out; by a supervisor, of somebody else: removal."""
        return self._once(actor, lambda: self._stop_queuing(actor, contact_id))

    def _stop_queuing(self, actor: Actor, contact_id: str) -> Result:
        contact = self.contacts.get(contact_id) if contact_id else self.open_contact(actor.user_id)
        if contact is None or (contact.customer_id != actor.user_id and not actor.is_supervisor):
            raise Refused("CONTACT_NOT_FOUND")
        in_call = contact.customer_id == actor.user_id and self.call_about(contact) is not None
        if contact.state == "ended" or in_call:
            return views.contact(self, contact)
        self._audit(actor, "stop_queuing", contact.customer_id, contact.contact_id)
        if contact.customer_id != actor.user_id:
            reason = "removed"
        else:
            reason = "completed" if contact.state == "serving" else "abandoned"
        self.end_whatever(contact, reason)
        return views.contact(self, contact)

    def _held_by(self, actor: Actor, contact_id: str) -> ContactState:
        """The contact, if the actor is its agent or a supervisor."""
        contact = self.contacts.get(contact_id)
        if contact is None:
            raise Refused("CONTACT_NOT_FOUND")
        if contact.agent_id != actor.user_id and not actor.is_supervisor:
            raise Refused("API_NO_PERMISSION")
        return contact

    def start(self, actor: Actor, contact_id: str) -> Result:
        """Begin to serve a contact without a call; implies accept."""
        return self._once(actor, lambda: self._start(actor, contact_id))

    def _start(self, actor: Actor, contact_id: str) -> Result:
        contact = self._held_by(actor, contact_id)
        if contact.state == "serving":
            return views.contact(self, contact)
        given = contact.assignment
        if given is None or contact.state != "preparing" or self.is_ringing(contact):
            raise Refused("WRONG_STATE")
        self._audit(actor, "start", given.agent_id, contact.contact_id)
        self.accept_by_acting(given)
        self.begin_service(contact, given)
        self.match_agent(self.users[given.agent_id])
        return views.contact(self, contact)

    def accept_by_acting(self, given: AssignmentState) -> None:
        """Who acts on an offer has accepted it; its deadline goes."""
        self.users[given.agent_id].missed = 0
        was, given.state, given.deadline_at = given.state, "accepted", None
        del self.timers[f"assignment:{given.contact_id}"]
        if was == "offered":
            self.say_assignment("assignment.accepted", given)

    def begin_service(self, contact: ContactState, given: AssignmentState) -> None:
        """Let an accepted assignment be served."""
        contact.state = given.state = "serving"
        self.say_contact("contact.serving", contact)

    def let_go(self, contact: ContactState, word: str) -> None:
        """An agent lets a contact go (rejected, missed, not_connected): he cools down, it goes back."""
        given = contact.assignment
        assert given is not None
        policy = self.queues[contact.queue_id].policy
        state = word if word in {"rejected", "missed"} else "cancelled"
        user = self.end_assignment(contact, state, "" if word == "rejected" else word)
        user.cool_until = self.now + policy.reject_cooldown * 1000
        self.timers[f"cool:{user.user_id}"] = user.cool_until
        if word == "missed" and not given.requested:
            user.missed += 1
            if 0 < policy.missed_limit <= user.missed and user.dnd == 0:
                user.dnd, user.dnd_reason = 1, "missed"
        self.give_back(contact, word)
        self.match_agent(user)

    def complete(self, actor: Actor, contact_id: str) -> Result:
        """End the service of a contact; its agent wraps up."""
        return self._once(actor, lambda: self._complete(actor, contact_id))

    def _complete(self, actor: Actor, contact_id: str) -> Result:
        contact = self._held_by(actor, contact_id)
        if contact.state == "ended" and contact.reason == "completed":
            return views.contact(self, contact)
        if contact.state != "serving":
            raise Refused("WRONG_STATE")
        self._audit(actor, "complete", contact.agent_id, contact.contact_id)
        self.end_whatever(contact, "completed")
        return views.contact(self, contact)

    def transfer(self, actor: Actor, contact_id: str, *, queue_id: str = "", agent_id: str = "") -> Result:
        """Send a contact in service to a queue or an able agent; a supervisor also moves one that waits."""
        if bool(queue_id) == bool(agent_id):
            raise Refused("PARAM_ERR")
        return self._once(actor, lambda: self._transfer(actor, contact_id, queue_id, agent_id))

    def _transfer(self, actor: Actor, contact_id: str, queue_id: str, agent_id: str) -> Result:
        contact = self._held_by(actor, contact_id)
        old = self.queues.get(contact.queue_id)
        waits = contact.state in {"waiting", "held"} and actor.is_supervisor and queue_id != ""
        if old is None or (contact.state != "serving" and not waits):
            raise Refused("WRONG_STATE")
        target = self._target_queue(contact, queue_id) if queue_id else None
        chosen = self._target_agent(contact, agent_id) if agent_id else None
        self._audit(actor, "transfer", contact.customer_id, contact.contact_id)
        user = None
        if waits:
            self.say_contact("contact.left", contact, "moved")
        else:
            self.end_call(self.call_about(contact), "transferred")
            user = self.end_assignment(contact, "completed")
            contact.wait_from = self.now
        if target is not None:
            contact.queue_id = target.queue_id
            self.give_back(contact, "moved" if waits else "transferred")
        elif chosen is not None:
            self.pair(contact, chosen, "transfer")
        self.look_again(old)
        if user is not None:
            self.match_agent(user)
        return views.contact(self, contact)

    def _target_queue(self, contact: ContactState, queue_id: str) -> QueueState:
        queue = self._queue(queue_id)
        if queue.deleting or not queue.policy.open:
            raise Refused("QUEUE_CLOSED")
        if contact.state != "serving" and contact.queue_id == queue_id:
            raise Refused("PARAM_ERR")
        return queue

    def _target_agent(self, contact: ContactState, agent_id: str) -> UserState:
        """The agent to transfer to: another one, able for any queue."""
        queue = self.queues[contact.queue_id]
        user = self._user(agent_id)
        if agent_id == contact.agent_id or not self.is_ready(user):
            raise Refused("AGENT_BUSY")
        if queue.deleting:
            raise Refused("QUEUE_CLOSED")
        if not self.is_present(contact):
            raise Refused("WRONG_STATE")
        return user
