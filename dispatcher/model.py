"""The words of the dispatcher as types: what commands take and answer, and what events carry.

Times are integer epoch milliseconds (`*_at`) or whole seconds (`*_s` and the policy's times).
A smaller number is a higher priority, everywhere. This module knows no Redis and no HTTP; the
client uses it too.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

TENANT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
QUEUE_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
CONTACT_PATTERN = r"^[0-9]{13}-[0-9]{4}$"
ASSIGNMENT_PATTERN = r"^[0-9]{13}-[0-9]{4}-[0-9]{1,6}$"
TEXT_BYTES_MAX = 4096
MESSAGE_BYTES_MAX = 65_536
WATCHED_USERS_MAX = 1000
SERVED_QUEUES_MAX = 100
CAPACITY_MAX = 100
SECONDS_MAX = 86_400
PRIORITY_MAX = 1000


def _check_size(text: str, bytes_max: int) -> None:
    """Refuse a text that is too long in UTF-8, or that UTF-8 cannot hold (a lone surrogate)."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ValueError("is not valid Unicode") from error
    if size > bytes_max:
        raise ValueError(f"is longer than {bytes_max} bytes")


def _fits(text: str) -> str:
    _check_size(text, TEXT_BYTES_MAX)
    return text


def _fits_a_message(text: str) -> str:
    _check_size(text, MESSAGE_BYTES_MAX)
    return text


def _is_user_id(text: str) -> str:
    if not text.isprintable() or "/" in text or text in {".", "..", "me"}:
        raise ValueError("must be printable, without '/', and not '.', '..' or 'me'")
    return text


def _is_queue_id(text: str) -> str:
    # `fullmatch`, because `$` also matches before a final newline.
    if not re.fullmatch(QUEUE_PATTERN, text) or text in {".", ".."}:
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 _ . - and not '.' or '..'")
    return text


def _is_name(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


UserId = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_is_user_id)]
QueueId = Annotated[str, AfterValidator(_is_queue_id)]
ContactId = Annotated[str, Field(pattern=CONTACT_PATTERN)]
AssignmentId = Annotated[str, Field(pattern=ASSIGNMENT_PATTERN)]
Name = Annotated[str, Field(max_length=128), AfterValidator(_is_name)]
Text = Annotated[str, AfterValidator(_fits)]
MessageData = Annotated[str, AfterValidator(_fits_a_message)]
CallId = Annotated[str, Field(pattern=CONTACT_PATTERN)]
Priority = Annotated[int, Field(ge=0, le=PRIORITY_MAX, strict=True)]
Capacity = Annotated[int, Field(ge=1, le=CAPACITY_MAX, strict=True)]
Dnd = Annotated[int, Field(ge=0, le=1000, strict=True)]
Seconds = Annotated[int, Field(ge=0, le=SECONDS_MAX, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
SomeSeconds = Annotated[int, Field(ge=1, le=SECONDS_MAX, strict=True)]


class Role(StrEnum):
    """What a token allows: for himself (customer, agent), for anybody in the tenant, or for its queues too."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Model(BaseModel):
    """A frozen value whose unknown members are refused."""

    # An error's text may be logged, and what it is about is a payload.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Policy(Model):
    """A queue's policy: every field has a default and may change while running; the next decision uses it."""

    description: Annotated[str, Field(max_length=200)] = ""
    priority: Priority = 10
    open: Flag = True
    max_waiting: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)] = 0
    max_wait: Seconds = 0
    offer_timeout: SomeSeconds = 30
    connect_timeout: SomeSeconds = 60
    ring_timeout: SomeSeconds = 30
    reject_cooldown: SomeSeconds = 5
    missed_limit: Annotated[int, Field(ge=0, le=1000, strict=True)] = 3
    wrap_up: Seconds = 0
    service_level: SomeSeconds = 20
    join_when_no_agents: Flag = True


class QueueCreate(Policy):
    """What creates a queue. Without `queue_id` the next free integer; without `name` the id."""

    queue_id: QueueId | None = None
    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_name)] | None = None


class QueuePatch(Model):
    """A change of a queue: only the members given are changed."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_name)] | None = None
    description: Annotated[str, Field(max_length=200)] | None = None
    priority: Priority | None = None
    open: Flag | None = None
    max_waiting: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)] | None = None
    max_wait: Seconds | None = None
    offer_timeout: SomeSeconds | None = None
    connect_timeout: SomeSeconds | None = None
    ring_timeout: SomeSeconds | None = None
    reject_cooldown: SomeSeconds | None = None
    missed_limit: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    wrap_up: Seconds | None = None
    service_level: SomeSeconds | None = None
    join_when_no_agents: Flag | None = None


class QueueStatus(Model):
    """The counts of one queue. `agent_num` are connected agents serving it; `wait_num` counts the held ones."""

    queue_id: str
    agent_num: int
    wait_num: int
    prepare_num: int
    srv_num: int
    longest_wait_s: int


class Positions(Model):
    """Where some contacts of one queue stood `at` (epoch ms); null: not in its line."""

    at: int
    positions: tuple[int | None, ...]


class Queue(Policy):
    """A queue as it is read. `status` is there only where it was asked for."""

    queue_id: str
    name: str
    deleting: Flag = False
    status: QueueStatus | None = None


class ContactState(StrEnum):
    """Where a contact is in its life. Held: it waits, but its customer is disconnected, so it is not matched."""

    WAITING = "waiting"
    HELD = "held"
    PREPARING = "preparing"
    SERVING = "serving"
    ENDED = "ended"


class Presence(StrEnum):
    """Whether the customer is expected to be connected; `none` (phone, e-mail) is never held."""

    SESSION = "session"
    NONE = "none"


class Contact(Model):
    """One request for service. `position` (1-based, held ones counted) is null unless it waits or is held.

    `queuing_time_s` is the time it waits, or waited until its last match. `reason` says why it ended.
    """

    contact_id: str
    customer_id: str
    name: str
    queue_id: str
    state: ContactState
    position: int | None
    queued_at: int
    queuing_time_s: int
    ext: str
    agent_id: str | None = None
    reason: str | None = None


class Why(Model):
    """How a match was chosen: the rule, what was compared, and how many other agents were able."""

    rule: Literal["order", "requested_queue", "requested_customer", "transfer"]
    queue_priority: int
    agent_priority: int | None
    waited_ms: int
    idle_ms: int
    others_able: int


class AssignmentState(StrEnum):
    """Where an assignment is: the first three are open, the others are its end."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    SERVING = "serving"
    COMPLETED = "completed"
    REJECTED = "rejected"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Assignment(Model):
    """The pairing of a contact with an agent. `deadline_at` is null once it is serving or ended."""

    assignment_id: str
    state: AssignmentState
    agent_id: str
    contact: Contact
    deadline_at: int | None
    why: Why
    requested: bool
    reason: str | None = None


class CallState(StrEnum):
    """Where a call is."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Call(Model):
    """The signalling between two users. `contact_id` is there where an agent calls the customer of his assignment.

    The names are those that the two had when it began. `ext` is the caller's; in the event of an answer or an end, of
    whoever gave it. `reason` says why it ended.
    """

    call_id: str
    caller_id: str
    caller_name: str = ""
    callee_id: str
    callee_name: str = ""
    state: CallState
    meeting: JsonValue
    ext: str
    started_at: int
    contact_id: str | None = None
    reason: str | None = None


class UserStatusName(StrEnum):
    """The first that applies. Busy: he has an open contact or assignment."""

    OFFLINE = "offline"
    IN_CALL = "in_call"
    BUSY = "busy"
    IDLE = "idle"


class UserStatus(Model):
    """Whether a user can be reached; `dnd` is not 0 in manual mode."""

    user_id: str
    status: UserStatusName
    dnd: int


class AgentState(StrEnum):
    """The first that applies, in this order."""

    OFFLINE = "offline"
    BUSY = "busy"
    OFFERED = "offered"
    WRAPPING = "wrapping"
    COOLING = "cooling"
    MANUAL = "manual"
    IDLE = "idle"


class Service(Model):
    """One queue that an agent serves, with the agent's priority in it."""

    queue_id: QueueId
    priority: Priority = 0


class Agent(Model):
    """A user as agent: his state since when, his manual mode, the queues he serves, what he holds."""

    agent_id: str
    name: str
    state: AgentState
    since_at: int
    dnd: int
    dnd_reason: str | None = None
    queues: tuple[Service, ...]
    load: int
    capacity: int
    contacts: tuple[str, ...]


class User(Model):
    """Who somebody is."""

    user_id: str
    name: str
    roles: tuple[Role, ...] = ()


class Snapshot(Model):
    """Everything a client needs to stand where it stood: `offset` counts the user's frames under `epoch`."""

    user: User
    agent: Agent | None = None
    contact: Contact | None = None
    assignments: tuple[Assignment, ...] = ()
    call: Call | None = None
    offset: int
    epoch: str


ItemT = TypeVar("ItemT")


class Page(Model, Generic[ItemT]):
    """A part of a list; `cursor` asks for the next one and is null at the end."""

    items: tuple[ItemT, ...]
    cursor: str | None = None


class Event(Model):
    """One event: its name as in the table of events, and its data."""

    event: str
    data: dict[str, Any]


class LogEntry(Model):
    """All events of one command, in order, at one `cursor` of the tenant's log."""

    cursor: str
    at: int
    events: tuple[Event, ...]


class Actor(Model):
    """Who sends a command: from his token, and, for a command on a session, its client and request id.

    `queues` limits what an agent serves and requests. `client` and `request_id` make a changing command
    happen once (0: no memory); so does `request_key` without a client: a digest in hex of what is asked, a space,
    and the Idempotency-Key.
    """

    tenant: str
    user_id: str
    name: str = ""
    roles: frozenset[Role] = frozenset({Role.CUSTOMER})
    queues: frozenset[str] | None = None
    client: str = ""
    request_id: int = 0
    request_key: str = ""

    @property
    def is_supervisor(self) -> bool:
        """Whether he may act for anybody in the tenant."""
        return bool(self.roles & {Role.SUPERVISOR, Role.ADMIN})

    @property
    def is_customer_only(self) -> bool:
        """Whether the tenant's option `customer_reach` is about him."""
        return not self.roles - {Role.CUSTOMER}
