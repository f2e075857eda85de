"""What cannot be done, or not by him, or not again: both sides must refuse alike and change nothing, or succeed alike.

Each takes the machine, a number to choose by, and a user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dispatcher.model import QueueCreate, QueuePatch, Service

if TYPE_CHECKING:
    from tests.model.machine import Machine

ANY_QUEUE = ("1", "2", "q.x", "7", "none")
ANY_STATE = ("waiting", "held", "preparing", "serving", "ended")

Oddity = Callable[["Machine", int, str], None]


def _serve_anything(machine: Machine, number: int, user: str) -> None:
    services = [Service(queue_id=ANY_QUEUE[number % 5])]
    machine.send("start_service", machine.actor(user), user, services)


def _serve_known_and_unknown(machine: Machine, number: int, user: str) -> None:
    services = [Service(queue_id=ANY_QUEUE[number % 3]), Service(queue_id="none")]
    machine.send("start_service", machine.actor(user), user, services)


def _stop_anything(machine: Machine, number: int, user: str) -> None:
    machine.send("stop_service", machine.actor(user), user, ANY_QUEUE[number % 5])


def _settings_of_anybody(machine: Machine, number: int, user: str) -> None:
    if number % 2:
        machine.send("set_dnd", machine.boss(), user, number % 3)
    else:
        machine.send("set_capacity", machine.boss(), user, 1 + number % 3)


def _request_anything(machine: Machine, number: int, user: str) -> None:
    machine.send("request_assignment", machine.actor(user), user, queue_id=("", *ANY_QUEUE)[number % 6])


def _request_a_customer(machine: Machine, number: int, user: str) -> None:
    wanted = {"queue_id": ANY_QUEUE[number % 3], "customer_id": ("k1", "ann", "nobody")[number % 3]}
    machine.send("request_assignment", machine.actor(user), user, **wanted)


def _queue_anywhere(machine: Machine, number: int, user: str) -> None:
    machine.send("start_queuing", machine.actor(user), ANY_QUEUE[number % 5])


def _stop_without_a_contact(machine: Machine, number: int, user: str) -> None:
    machine.send("stop_queuing", machine.actor(user), *((), ("1763824800000-9999",))[number % 2])


def _stop_any_contact(machine: Machine, number: int, user: str) -> None:
    contact = machine.some_contact(number, *ANY_STATE)
    if contact is not None:
        machine.send("stop_queuing", machine.actor(user), contact.contact_id)


def _stop_an_ended_contact(machine: Machine, number: int, user: str) -> None:
    contact = machine.some_contact(number, "ended")
    if contact is not None:
        actor = machine.boss() if number % 2 else machine.actor(contact.customer_id)
        machine.send("stop_queuing", actor, contact.contact_id)


def _act_on_any_contact(machine: Machine, number: int, user: str) -> None:
    contact = machine.some_contact(number, *ANY_STATE)
    if contact is not None:
        actors = (machine.actor(user), machine.agent_of(contact, by_boss=False), machine.boss())
        machine.send(("start", "complete")[number % 2], actors[number % 3], contact.contact_id)


def _transfer_any_contact(machine: Machine, number: int, user: str) -> None:
    contact = machine.some_contact(number, *ANY_STATE)
    if contact is not None:
        actor = machine.boss() if number % 2 else machine.agent_of(contact, by_boss=False)
        targets = {"agent_id": user}, {"queue_id": ANY_QUEUE[number % 5]}, {"agent_id": "nobody"}
        machine.send("transfer", actor, contact.contact_id, **targets[number % 3])


def _transfer_an_unknown_contact(machine: Machine, number: int, user: str) -> None:
    machine.send("transfer", machine.actor(user), "1763824800000-9999", queue_id=ANY_QUEUE[number % 5])


def _answer_an_old_assignment(machine: Machine, number: int, user: str) -> None:
    known = list(machine.model.assignments.values())[-6:]
    if known:
        given = known[number % len(known)]
        command = ("accept", "reject")[number % 2]
        machine.send(command, machine.actor(given.agent_id), given.assignment_id)


def _answer_for_another(machine: Machine, number: int, user: str) -> None:
    contact = machine.some_contact(number, "preparing", "serving")
    if contact is not None and contact.assignment is not None:
        command = ("accept", "reject")[number % 2]
        machine.send(command, machine.actor(user), contact.assignment.assignment_id)


def _call_who_cannot_be_called(machine: Machine, number: int, user: str) -> None:
    machine.send("call", machine.actor(user), (user, "nobody", "boss")[number % 3])


def _answer_a_call_of_others(machine: Machine, number: int, user: str) -> None:
    known = [*machine.model.calls, "1763824800000-9999"]
    command = ("accept_call", "reject_call", "hangup")[number % 3]
    machine.send(command, machine.actor(user), known[number % len(known)])


def _report_a_session_that_is_not_current(machine: Machine, number: int, user: str) -> None:
    machine.send("close_session", machine.sides.tenant, user, ("session-0", "")[number % 2])


def _send_an_old_request(machine: Machine, number: int, user: str) -> None:
    known = machine.model.users.get(user)
    if known is not None and known.session and known.request_id > 1:
        actor = machine.actor(user).model_copy(update={"request_id": known.request_id - 1})
        machine.send("set_dnd", actor, user, 0)


def _send_from_a_client_of_another_time(machine: Machine, number: int, user: str) -> None:
    actor = machine.actor(user).model_copy(update={"client": "client-0", "request_id": number})
    machine.send("set_dnd", actor, user, 0)


def _create_a_queue_that_is_there(machine: Machine, number: int, user: str) -> None:
    named = {"queue_id": "q.y", "name": ANY_QUEUE[number % 3]} if number % 2 else {"queue_id": ANY_QUEUE[number % 3]}
    if len(machine.model.queues) < 4:
        machine.send("create_queue", machine.boss(), QueueCreate.model_validate(named))


def _rename_a_queue(machine: Machine, number: int, user: str) -> None:
    patch = QueuePatch(name=("1", "2", "A better name")[number % 3])
    machine.send("update_queue", machine.boss(), ANY_QUEUE[number % 5], patch)


def _delete_an_unknown_queue(machine: Machine, number: int, user: str) -> None:
    machine.send("delete_queue", machine.boss(), "none", bool(number % 2))


ODDITIES: dict[str, Oddity] = {
    name.strip("_"): function
    for name, function in list(globals().items())
    if name.startswith("_") and getattr(function, "__module__", "") == __name__
}
