"""One example of each shape that is sent or answered over HTTP: one customer's story, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_WAITING = {
    "contact_id": "1763824800123-0007",
    "customer_id": "kim",
    "name": "Kim",
    "queue_id": "1",
    "state": "waiting",
    "position": 3,
    "queued_at": 1763824800123,
    "queuing_time_s": 42,
    "ext": "order 7",
}
_MATCHED = {**_WAITING, "state": "preparing", "position": None, "agent_id": "anna"}
_WHY = {
    "rule": "order",
    "queue_priority": 10,
    "agent_priority": 0,
    "waited_ms": 42000,
    "idle_ms": 0,
    "others_able": 0,
}
_ASSIGNMENT = {
    "assignment_id": "1763824800123-0007-1",
    "state": "offered",
    "agent_id": "anna",
    "contact": _MATCHED,
    "deadline_at": 1763824872123,
    "why": _WHY,
    "requested": False,
}
_AGENT = {
    "agent_id": "anna",
    "name": "Anna",
    "state": "offered",
    "since_at": 1763824842123,
    "dnd": 0,
    "queues": [{"queue_id": "1", "priority": 0}],
    "load": 1,
    "capacity": 1,
    "contacts": ["1763824800123-0007"],
}
_POLICY = {
    "description": "Questions before buying",
    "priority": 10,
    "open": True,
    "max_waiting": 0,
    "max_wait": 0,
    "offer_timeout": 30,
    "connect_timeout": 60,
    "ring_timeout": 30,
    "reject_cooldown": 5,
    "missed_limit": 3,
    "wrap_up": 15,
    "service_level": 20,
    "join_when_no_agents": True,
}
_STATUS = {"queue_id": "1", "agent_num": 2, "wait_num": 3, "prepare_num": 1, "srv_num": 1, "longest_wait_s": 42}
_QUEUE = {"queue_id": "1", "name": "Sales", **_POLICY}
_PERSON = {"user_id": "anna", "name": "Anna", "roles": ["agent"]}
_ACCOUNT = {**_PERSON, "created_at": 1763820000000}
_OPTIONS = {
    "customer_grace": 60,
    "agent_grace": 30,
    "time_zone": "Europe/Berlin",
    "origins": ["https://shop.example"],
    "customer_reach": "assigned",
}

_MEETING = {"room": 89713, "pin": "4711"}
_CALL = {
    "call_id": "1763824845000-0000",
    "caller_id": "anna",
    "caller_name": "Anna",
    "callee_id": "kim",
    "callee_name": "Kim",
    "state": "ringing",
    "meeting": _MEETING,
    "ext": "from Acme",
    "started_at": 1763824845000,
    "contact_id": "1763824800123-0007",
}

EXAMPLES: dict[str, Any] = {
    "Account": _ACCOUNT,
    "AccountCreate": {**_PERSON, "password": "correct horse battery staple"},
    "AccountPatch": {"roles": ["agent", "supervisor"]},
    "Agent": _AGENT,
    "AgentPatch": {"capacity": 2},
    "Assignment": _ASSIGNMENT,
    "AnswerRequest": {"ext": "hello"},
    "AssignmentRequest": {"queue_id": "1"},
    "Call": _CALL,
    "CallRequest": {"callee": "kim", "meeting": _MEETING, "ext": "from Acme"},
    "Contact": _WAITING,
    "DndRequest": {"dnd": 1, "reason": "lunch"},
    "EndRequest": {"ext": "goodbye"},
    "Health": {"status": "ok", "node_id": "node-1"},
    "JoinRequest": {"queue_id": "1", "ext": "order 7", "customer_id": "kim", "name": "Kim", "presence": "none"},
    "Login": {
        "token": "eyJhbGciOi…",
        "expires_at": 1763828400000,
        "user": {"user_id": "kim", "name": "Kim", "roles": ["customer"]},
    },
    "LoginRequest": {"tenant": "acme", "secret": "the tenant's secret", "user_id": "kim", "name": "Kim"},
    "MessageRequest": {"to": "kim", "data": "Please have your order number ready"},
    "Page_Account_": {"items": [_ACCOUNT]},
    "Page_Agent_": {"items": [_AGENT]},
    "Page_Contact_": {"items": [_WAITING], "cursor": "1763824800123-0007"},
    "Page_Queue_": {"items": [{**_QUEUE, "status": _STATUS}]},
    "Queue": _QUEUE,
    "QueueCreate": {"name": "Sales", "priority": 10, "wrap_up": 15},
    "QueuePatch": {"open": False},
    "QueueStatus": _STATUS,
    "ServiceRequest": {"priority": 5},
    "ServicesRequest": {"queues": [{"queue_id": "1", "priority": 0}, {"queue_id": "2", "priority": 5}]},
    "Snapshot": {
        "user": {"user_id": "anna", "name": "Anna", "roles": ["agent"]},
        "agent": _AGENT,
        "assignments": [_ASSIGNMENT],
        "offset": 17,
        "epoch": "1763820000000",
    },
    "TenantOptions": {**_OPTIONS, "created_at": 1763820000000, "legacy_login": False, "former_secret": False},
    "TenantPatch": {"customer_grace": 120, "origins": ["https://shop.example"]},
    "TokenRequest": {"user_id": "kim", "name": "Kim", "roles": ["customer"], "ttl_s": 3600},
    "TransferRequest": {"queue_id": "2"},
    "UserStatus": {"user_id": "anna", "status": "in_call", "dnd": 0},
}
"""By the name of the shape."""

TEXTS: dict[str, Any] = {
    "follow_events": 'id: 1763824800123-0\ndata: {"cursor":"1763824800123-0","at":1763824800123,"events":'
    '[{"event":"contact.entered","data":{"contact_id":"1763824800123-0007","queue_id":"1","state":"waiting"}}]}\n\n',
    "metrics": '# TYPE dispatcher_queue_waiting gauge\ndispatcher_queue_waiting{queue="1",tenant="acme"} 3.0\n',
    "send_cmd": {},
}
"""What rows answer that is no shape, by their handler's name."""

PARAMETERS: dict[str, tuple[str, str | None]] = {
    "agent": ("An agent's user id, or `me`", "me"),
    "assignment": ("An assignment's id", "1763824800123-0007-1"),
    "call": ("A call's id", "1763824845000-0000"),
    "contact": ("A contact's id", "1763824800123-0007"),
    "queue": ("A queue's id", "1"),
    "user": ("A user's id, or `me`", "kim"),
    "force": ("Also where it is not empty: its contacts end `removed`", None),
    "status": ("With the counts of each queue", None),
}
"""What a parameter of paths and queries means, and an example, by its name."""

NOUNS: dict[str, str] = {
    "login": "Tokens: for a backend with the tenant's secret, for a person with a password. And: where do I stand?",
    "tenant": "The tenant's options, for its admins",
    "users": "Accounts of people who log in with a password; the status of users; messages between them",
    "queues": "The waiting lines: their policies, their counts, who waits and who serves",
    "contacts": "Requests for service: joining, leaving, service without a call, transfer",
    "agents": "Who serves: queues, manual mode, capacity, asking for one contact",
    "assignments": "The answer to an offer",
    "calls": "The signalling of calls between two users",
    "events": "The tenant's log, live",
    "operations": "Probes and metrics of a node",
}
"""What each group of rows is about."""
