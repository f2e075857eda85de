"""What each command of the WebSocket does, and arguments it may have, for the AsyncAPI document."""

from __future__ import annotations

from typing import Any, NamedTuple

from api.examples import EXAMPLES


class Said(NamedTuple):
    """One command, as the README says it, and arguments it may have."""

    summary: str
    args: dict[str, Any]


SAID: dict[str, Said] = {
    "hello": Said(
        "logs in; on a socket that is logged in, takes a new token of the same user. "
        "With `watch`: a supervisor's session that only watches. Answers a snapshot",
        {"token": "eyJhbGciOi…", "client": "f3b1c0a95d"},
    ),
    "me": Said("a snapshot: user, contact, agent, assignments, offset, epoch", {}),
    "ping": Said("shows that the client lives: every 10 s", {}),
    "list_queues": Said("a page of queues (`limit` 1 to 100), with their counts if `status` is true", {"status": True}),
    "get_queue_status": Said("the counts of one queue", {"queue_id": "1"}),
    "list_contacts": Said("a page of who waits in a queue, in its order", {"queue_id": "1", "limit": 20}),
    "start_service": Said(
        "serve one queue, or several: `queues` is a list of `{queue_id, priority}`",
        {"queues": [{"queue_id": "1", "priority": 0}, {"queue_id": "2", "priority": 5}]},
    ),
    "stop_service": Said("stop serving a queue", {"queue_id": "1"}),
    "set_dnd": Said("manual mode: not 0 sets it, 0 clears it and ends wrap-up", {"dnd": 1, "reason": "lunch"}),
    "start_queuing": Said(
        "wait in a queue; `ext` is a text of up to 4 KB for the agent", {"queue_id": "1", "ext": "order 7"}
    ),
    "stop_queuing": Said("leave: the line, the offer or the talk", {}),
    "get_queuing_info": Said("one's own open contact, with its position", {}),
    "request_assignment": Said(
        "ask for a contact: any, the oldest of a queue, or one customer of it", {"queue_id": "1"}
    ),
    "accept": Said("accept an offer", {"assignment_id": "1763824800123-0007-1"}),
    "reject": Said("give it back", {"assignment_id": "1763824800123-0007-1"}),
    "start": Said("begin to serve, without a call", {"contact_id": "1763824800123-0007"}),
    "complete": Said("end the service", {"contact_id": "1763824800123-0007"}),
    "transfer": Said(
        "send a contact to a queue, or to an agent", {"contact_id": "1763824800123-0007", "queue_id": "2"}
    ),
    "call": Said(
        "call a user; his agent calling him accepts a contact thereby. `meeting` is opaque JSON of up to 4 KB",
        {"callee": "kim", "meeting": {"room": 89713, "pin": "4711"}, "ext": "from Acme"},
    ),
    "accept_call": Said(
        "answer; a `meeting` takes the place of the caller's", {"call_id": "1763824845000-0000", "ext": "hello"}
    ),
    "reject_call": Said("refuse a call that rings", {"call_id": "1763824845000-0000", "ext": "not now"}),
    "hangup": Said("end a call, ringing or answered", {"call_id": "1763824845000-0000", "ext": "goodbye"}),
    "get_user_status": Said(
        "`offline`, `in_call`, `busy` (an open contact or assignment) or `idle`; and his `dnd`", {"user_id": "anna"}
    ),
    "watch_users": Said(
        "have `user.status` of exactly these (up to 1,000), or of everybody; answers how those named are",
        {"user_ids": ["anna", "kim"]},
    ),
    "unwatch_users": Said("of nobody any more", {}),
    "send_cmd": Said(
        "a message (64 KB) to a user's session: once or never",
        {"to": "kim", "data": "Please have your order number ready"},
    ),
    "watch_queues": Said(
        "have `queue.status` of exactly these queues, or of all there are now; of none with `{}`",
        {"queue_ids": ["1", "2"]},
    ),
    "watch_agents": Said(
        "for supervisors: have what changes about all agents and queues, in at most one frame a second", {}
    ),
}
"""By the command's name, in the order of the README's table."""

ANSWERS: dict[str, Any] = {
    "watch_users": {"users": [EXAMPLES["UserStatus"]]},
    "watch_queues": {"queue_ids": ["1", "2"]},
}
"""What commands answer that is no shape of its own; the others without one answer `{}`."""

EVENT_FRAME: dict[str, Any] = {
    "events": [{"event": "assignment.offered", "data": EXAMPLES["Assignment"]}],
    "offset": 17,
    "epoch": "1763820000000",
    "at": 1763824842123,
}
