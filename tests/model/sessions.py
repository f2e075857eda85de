"""The reference model's commands about connections: sessions, nodes and their leases, pause and resume."""

from __future__ import annotations

from dispatcher.model import Actor
from dispatcher.tenancy import TenantPatch
from tests.model import views
from tests.model.calls import Calls
from tests.model.command import Result
from tests.model.state import LEASE_MS, WATCHES_MAX, ContactState, Refused, UserState, WatchState


class Sessions(Calls):
    """Commands about connections."""

    def open_session(self, actor: Actor, session_id: str, node_id: str, watch: bool = False) -> Result:
        """Make this the user's session; a held contact of his waits again, an agent is there again."""
        self.events = []
        if watch and not actor.is_supervisor:
            raise Refused("API_NO_PERMISSION")
        self.check_running()
        if watch:
            return self._open_watch(actor, session_id, node_id)
        with self._command():
            user = self.users.setdefault(actor.user_id, UserState(actor.user_id))
            before, user.session = user.session, session_id
            node, user.node, user.opened_at = user.node, node_id, self.now
            user.name = actor.name or user.name
            if user.client != actor.client:
                user.client, user.request_id, user.reply = actor.client, 0, None
            if node_id:
                self.timers[f"lease:{node_id}"] = self.now + LEASE_MS
            self.forget_lease(node)
            if before and before != session_id:
                self.say("session.replaced", before)
            contact = self.open_contact(user.user_id)
            self.timers.pop(f"grace:{user.user_id}", None)
            if not before and contact is not None:
                self._resume(contact)
            self.match_agent(user)
        return views.snapshot(self, user)

    def _resume(self, contact: ContactState) -> None:
        if contact.state == "held":
            contact.state = "waiting"
            self.say_contact("contact.resumed", contact)
            self.match_contact(contact)

    def _open_watch(self, actor: Actor, session_id: str, node_id: str) -> Result:
        """Beside the user's session, with a memory of its own that lasts until another client needs the room."""
        known = self.users.get(actor.user_id)
        watches = known.watches if known is not None else []
        same = [watch for watch in watches if watch.client == actor.client]
        if not same and len(watches) >= WATCHES_MAX:
            ended = [watch for watch in watches if not watch.session]
            if not ended:
                raise Refused("RATE_LIMITED")
            watches.remove(ended[0])
        with self._command():
            user = self.users.setdefault(actor.user_id, UserState(actor.user_id))
            user.name = actor.name or user.name
            watch = same[0] if same else WatchState(actor.client, "", "", 0)
            node, watch.session, watch.node, watch.opened_at = watch.node, session_id, node_id, self.now
            user.watches = [*(other for other in user.watches if other is not watch), watch]
            self.forget_lease(node)
            if node_id:
                self.timers[f"lease:{node_id}"] = self.now + LEASE_MS
        return views.snapshot(self, user)

    def close_session(self, tenant: str, user_id: str, session_id: str) -> None:
        """A connection is gone; one that is neither the current session nor watches changes nothing."""
        self.events = []
        user = self.users.get(user_id)
        if user is None or not session_id:
            return
        with self._command():
            self.end_session(user, session_id)

    def end_session(self, user: UserState, session_id: str) -> None:
        """End the current session of a user, or one of his that watch."""
        if user.session == session_id:
            self.disconnect(user)
        for watch in user.watches:
            if watch.session == session_id:
                node, watch.session, watch.node = watch.node, "", ""
                self.forget_lease(node)

    def disconnect(self, user: UserState) -> None:
        """End the session of a user: graces begin, and what must not wait for him goes back."""
        node, user.session, user.node = user.node, "", ""
        self.forget_lease(node)
        if self.is_awaited(user):
            self.timers[f"grace:{user.user_id}"] = self.now + self.grace_ms(user)
        contact = self.open_contact(user.user_id)
        if contact is not None and contact.presence != "none":
            self._drop(contact)

    def _drop(self, contact: ContactState) -> None:
        if contact.state == "waiting":
            contact.state = "held"
            self.say_contact("contact.held", contact)
        elif contact.state == "preparing" and not self.is_ringing(contact):
            agent = self.end_assignment(contact, "cancelled", "customer_left")
            self.give_back(contact, "customer_left")
            self.match_agent(agent)

    def renew_lease(self, tenant: str, node_id: str) -> int:
        """A node lives."""
        self.events = []
        held = len(self.held_by_node(node_id))
        if held:
            self.timers[f"lease:{node_id}"] = self.now + LEASE_MS
        return held

    def update_tenant(self, actor: Actor, patch: TenantPatch) -> Result:
        """Change the graces; those that run already keep their ends."""
        self.events = []
        self.check_running()
        if patch.customer_grace is not None:
            self.customer_grace_ms = patch.customer_grace * 1000
        if patch.agent_grace is not None:
            self.agent_grace_ms = patch.agent_grace * 1000
        if names := sorted(patch.model_fields_set):
            self._audit(actor, "update_tenant", " ".join(names))
        return {
            "customer_grace": self.customer_grace_ms // 1000,
            "agent_grace": self.agent_grace_ms // 1000,
            "customer_reach": self.customer_reach,
        }

    def pause_tenant(self, tenant: str) -> bool:
        """Let nothing happen but connections that come and go."""
        self.events = []
        was_paused, self.paused = self.paused, True
        return not was_paused

    def resume_tenant(self, tenant: str) -> bool:
        """Go on; what fell due meanwhile fell due in a gap."""
        self.events = []
        was_paused, self.paused = self.paused, False
        if was_paused:
            self.gap_until = self.now
        return was_paused
