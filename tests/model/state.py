"""What the reference model keeps: queues, people, contacts, assignments and calls, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from dispatcher.model import Policy

CUSTOMER_GRACE_MS = 60_000
AGENT_GRACE_MS = 30_000
LEASE_MS = 10_000
WATCHES_MAX = 8
GAP_MS = 5_000

Event = tuple[object, ...]


class Refused(Exception):
    """The model refuses a command with an error of the closed set."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class QueueState:
    """A queue: its policy, and whether it is being deleted."""

    queue_id: str
    name: str
    policy: Policy
    deleting: bool = False


@dataclass
class WatchState:
    """A client that watches beside the user's session; without a session it ended, and what it asked is remembered."""

    client: str
    session: str
    node: str
    opened_at: int
    request_id: int = 0
    reply: object = None


@dataclass
class UserState:
    """A person, as customer and as agent. `idle_since` is set from the moment he became able."""

    user_id: str
    name: str = ""
    session: str = ""
    node: str = ""
    opened_at: int = 0
    client: str = ""
    request_id: int = 0
    reply: object = None
    watches: list[WatchState] = field(default_factory=list)
    serves: dict[str, int] = field(default_factory=dict)
    dnd: int = 0
    dnd_reason: str = ""
    capacity: int = 1
    missed: int = 0
    wrap_until: int | None = None
    cool_until: int | None = None
    idle_since: int | None = None
    since_at: int | None = None


@dataclass
class AssignmentState:
    """The pairing of a contact with an agent; `why` as the field order of `dispatcher.model.Why`."""

    assignment_id: str
    contact_id: str
    agent_id: str
    state: str
    requested: bool
    deadline_at: int | None
    why: tuple[str, int, int | None, int, int, int]
    reason: str = ""


@dataclass
class ContactState:
    """One request for service, with its open assignment if it has one."""

    contact_id: str
    customer_id: str
    name: str
    queue_id: str
    ext: str
    presence: str
    queued_at: int
    wait_from: int
    state: str = "waiting"
    offers: int = 0
    assignment: AssignmentState | None = None
    agent_id: str = ""
    reason: str = ""
    matched_at: int | None = None
    ended_at: int | None = None


@dataclass
class CallState:
    """A call that rings or is answered; `contact_id` where it is the call of a contact."""

    call_id: str
    caller_id: str
    callee_id: str
    meeting: object
    ext: str
    contact_id: str
    state: str = "ringing"
