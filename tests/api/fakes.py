"""A stand-in for the engine: answers plausible values, records what it was asked, raises what it is told to."""

from __future__ import annotations

from typing import Any

from dispatcher.model import (
    Agent,
    AgentState,
    Assignment,
    AssignmentState,
    Call,
    CallState,
    Contact,
    ContactState,
    Page,
    Queue,
    QueueStatus,
    Role,
    Service,
    Snapshot,
    User,
    UserStatus,
    UserStatusName,
    Why,
)
from dispatcher.tenancy import Account, CustomerReach, TenantOptions

CONTACT_ID = "1763824800123-0007"
ASSIGNMENT_ID = "1763824800123-0007-1"

QUEUE = Queue(queue_id="1", name="Sales")
STATUS = QueueStatus(queue_id="1", agent_num=1, wait_num=2, prepare_num=0, srv_num=0, longest_wait_s=3)
CONTACT = Contact(
    contact_id=CONTACT_ID,
    customer_id="c",
    name="Carl",
    queue_id="1",
    state=ContactState.WAITING,
    position=1,
    queued_at=1763824800123,
    queuing_time_s=0,
    ext="",
)
AGENT = Agent(
    agent_id="a",
    name="Ann",
    state=AgentState.IDLE,
    since_at=1,
    dnd=0,
    queues=(Service(queue_id="1"),),
    load=0,
    capacity=1,
    contacts=(),
)
ASSIGNMENT = Assignment(
    assignment_id=ASSIGNMENT_ID,
    state=AssignmentState.OFFERED,
    agent_id="a",
    contact=CONTACT.model_copy(update={"position": None}),
    deadline_at=1763824830123,
    why=Why(rule="transfer", queue_priority=10, agent_priority=None, waited_ms=0, idle_ms=0, others_able=0),
    requested=False,
)
OPTIONS = TenantOptions(
    created_at=1,
    customer_grace=60,
    agent_grace=30,
    time_zone="UTC",
    origins=(),
    customer_reach=CustomerReach.ASSIGNED,
    legacy_login=False,
    former_secret=False,
)
ACCOUNT = Account(user_id="ann", name="Ann", roles=(Role.AGENT,), queues=("1",), created_at=1)
CALL_ID = "1763824801000-0000"
CALL = Call(
    call_id=CALL_ID,
    caller_id="a",
    callee_id="c",
    state=CallState.RINGING,
    meeting={"room": [1, None]},
    ext="hi",
    started_at=1763824801000,
)
USER_STATUS = UserStatus(user_id="c", status=UserStatusName.IN_CALL, dnd=0)

ANSWERS: dict[str, Any] = {
    "check_secret": None,
    "check_password": ACCOUNT,
    "get_origins": (),
    "made_at": 1763824800123,
    "get_tenant": OPTIONS,
    "update_tenant": OPTIONS,
    "list_accounts": Page[Account](items=(ACCOUNT,), cursor=None),
    "create_account": ACCOUNT,
    "update_account": ACCOUNT,
    "delete_account": None,
    "get_snapshot": Snapshot(user=User(user_id="u", name="U"), offset=0, epoch="e"),
    "list_queues": Page[Queue](items=(QUEUE,), cursor=None),
    "create_queue": QUEUE,
    "get_queue": QUEUE,
    "update_queue": QUEUE,
    "delete_queue": True,
    "get_queue_status": STATUS,
    "list_contacts": Page[Contact](items=(CONTACT,), cursor="next"),
    "list_queue_agents": Page[Agent](items=(AGENT,), cursor=None),
    "start_queuing": CONTACT,
    "get_contact": CONTACT,
    "stop_queuing": CONTACT,
    "start": CONTACT,
    "complete": CONTACT,
    "transfer": CONTACT,
    "list_agents": Page[Agent](items=(AGENT,), cursor=None),
    "get_agent": AGENT,
    "set_capacity": AGENT,
    "start_service": AGENT,
    "stop_service": AGENT,
    "set_dnd": AGENT,
    "request_assignment": ASSIGNMENT,
    "accept": ASSIGNMENT,
    "reject": ASSIGNMENT,
    "call": CALL,
    "accept_call": CALL,
    "reject_call": CALL,
    "hangup": CALL,
    "get_user_status": USER_STATUS,
    "send_cmd": None,
}


class FakeDispatcher:
    """Answers each command with `answers[name]`, or raises it if it is an exception."""

    def __init__(self) -> None:
        self.answers = dict(ANSWERS)
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name not in self.answers:
            raise AttributeError(name)

        async def command(*args: Any, **options: Any) -> Any:
            self.asked.append((name, args, options))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return command
