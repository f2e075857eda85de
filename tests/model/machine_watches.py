"""The state machine with supervisors: who watch, in sessions beside the current one, and who change options."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from dispatcher.model import Actor, Role
from dispatcher.tenancy import TenantPatch
from tests.model.machine import AGENTS, BOSS, NODES, numbers, seldom
from tests.model.machine_calls import CallMachine
from tests.model.state import WatchState

BOARDS = tuple(f"board-{number}" for number in range(10))
"""Clients that watch: more of them than one user may."""

boards = st.sampled_from(BOARDS)
watchers = st.sampled_from((BOSS, BOSS, AGENTS[0]))
nodes = st.sampled_from(("", *NODES))
seconds = st.sampled_from((1, 2, 30, 60))
graces = st.fixed_dictionaries({}, optional={"customer_grace": seconds, "agent_grace": seconds})


class WatchMachine(CallMachine):
    """The boss also acts from his boards; an agent who is a supervisor, too, watches beside his work."""

    board = ""

    def boss(self) -> Actor:
        """On the board that he looks at, if it is connected."""
        actor = super().boss()
        watch = self._watching(BOSS).get(self.board)
        if watch is None:
            return actor
        self.request_of[self.board] = self.request_of.get(self.board, 0) + 1
        return actor.model_copy(update={"client": self.board, "request_id": self.request_of[self.board]})

    def _watching(self, user_id: str) -> dict[str, WatchState]:
        user = self.model.users.get(user_id)
        return {watch.client: watch for watch in user.watches if watch.session} if user is not None else {}

    def _watch(self, user_id: str, board: str, node: str, role: Role = Role.SUPERVISOR) -> None:
        self.sessions += 1
        actor = Actor(
            tenant=self.sides.tenant, user_id=user_id, name="", roles=frozenset({role, Role.AGENT}), client=board
        )
        self.send("open_session", actor, f"watch-{self.sessions}", node, watch=True)

    @rule(graces=graces)
    def change_graces(self, graces: dict[str, Any]) -> None:
        self.send("update_tenant", self.boss(), TenantPatch(**graces))

    @rule(user=watchers, board=boards, node=nodes, no_supervisor=seldom)
    def watch(self, user: str, board: str, node: str, no_supervisor: bool) -> None:
        self._watch(user, board, node, Role.CUSTOMER if no_supervisor else Role.SUPERVISOR)

    @rule(user=watchers, several=st.lists(boards, min_size=2, max_size=9, unique=True), node=nodes)
    def watch_with_several(self, user: str, several: list[str], node: str) -> None:
        for board in several:
            self._watch(user, board, node)

    @precondition(lambda self: bool(self._watching(BOSS)))
    @rule(number=numbers)
    def act_from_a_board(self, number: int) -> None:
        """What the boss does from now on he does there."""
        known = sorted(self._watching(BOSS))
        self.board = known[number % len(known)]

    @rule(user=watchers, number=numbers)
    def stop_watching(self, user: str, number: int) -> None:
        watching = sorted(self._watching(user).values(), key=lambda watch: watch.client)
        if watching:
            self.send("close_session", self.sides.tenant, user, watching[number % len(watching)].session)
