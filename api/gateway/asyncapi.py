"""The AsyncAPI document of the WebSocket: commands, answers and events, from the types that the node itself uses."""

from __future__ import annotations

from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from api.examples import EXAMPLES
from api.gateway.commands import COMMANDS, HelloArgs, NoArgs
from api.gateway.examples import ANSWERS, EVENT_FRAME, SAID
from api.gateway.protocol import CMD_LENGTH_MAX, FRAME_BYTES_MAX, ID_MAX, Close
from dispatcher.errors import Code
from dispatcher.event_model import EVENTS
from dispatcher.model import Model, Snapshot

PATH = "/v1/ws"
DESCRIPTION = (
    "Text frames, one JSON object each. The first one is `hello`, within 5 s. Commands of one connection are carried "
    "out one after another, and `id` rises; a command repeated under the same `id` gives the first answer. A frame of "
    "events has all that one command made, in order; `offset` counts the frames of this user without a gap, under "
    f"`epoch`. A client's frame has at most {FRAME_BYTES_MAX // 1024} KB.\n\n"
    "Close codes: " + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Close) + "."
)
_REF = "#/components/schemas/{model}"
_ID = {"type": "integer", "minimum": 1, "maximum": ID_MAX}


def document(title: str, version: str) -> dict[str, Any]:
    """Return the document (AsyncAPI 3.0)."""
    commands: dict[str, tuple[type[Model], Any]] = {"hello": (HelloArgs, Snapshot), "me": (NoArgs, Snapshot)}
    commands |= {name: (row.args, get_type_hints(row.run)["return"]) for name, row in COMMANDS.items()}
    messages: dict[str, Any] = {
        "events": _message("events", "what happened, in order", _schema_ref("EventFrame"), EVENT_FRAME)
    }
    schemas: dict[str, Any] = {"EventFrame": _event_frame(), "Failure": _failure()}
    operations: dict[str, Any] = {
        "events": {
            "action": "send",
            "channel": _channel(),
            "messages": [_channel("/messages/events")],
            "description": "\n".join(f"- `{name}`: to {kind.to}" for name, kind in EVENTS.items()),
        }
    }
    for number, (name, (args, result)) in enumerate(commands.items(), 1):
        said, answered = SAID[name], _example_of(name, result)
        schema = TypeAdapter(result).json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        sent = {"id": number, "cmd": name, "args": said.args}
        messages[name] = _message(name, said.summary, _command(name, args), sent)
        answer = {"id": number, "ok": True, "result": answered}
        messages[f"{name}.answer"] = _message(f"{name}.answer", f"the answer to `{name}`", _answer(schema), answer)
        operations[name] = {
            "action": "receive",
            "summary": said.summary,
            "channel": _channel(),
            "messages": [_channel(f"/messages/{name}")],
            "reply": {"channel": _channel(), "messages": [_channel(f"/messages/{name}.answer")]},
        }
    models = {args for args, _ in commands.values()} | {kind.data for kind in EVENTS.values()}
    _, generated = models_json_schema([(model, "validation") for model in _sorted(models)], ref_template=_REF)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"node": {"host": "127.0.0.1:8000", "protocol": "ws", "description": "any node of the service"}},
        "channels": {
            "socket": {
                "address": PATH,
                "title": "The connection of an agent, a customer or a supervisor",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": generated["$defs"] | schemas},
    }


def _message(name: str, summary: str, payload: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "summary": summary, "payload": payload, "examples": [{"payload": example}]}


def _example_of(command: str, result: Any) -> Any:
    """Return an example of what a command answers, whose type is `result`."""
    shape = str(getattr(result, "__name__", "")).replace("[", "_").replace("]", "_")
    return ANSWERS.get(command, EXAMPLES.get(shape, {}))


def _sorted(models: set[type[Model]]) -> list[type[Model]]:
    """Give the document the same order each time."""
    return sorted(models, key=lambda model: model.__name__)


def _channel(place: str = "") -> dict[str, str]:
    return {"$ref": f"#/channels/socket{place}"}


def _schema_ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def _command(name: str, args: type[Model]) -> dict[str, Any]:
    return _object(
        {"id": _ID, "cmd": {"const": name, "maxLength": CMD_LENGTH_MAX}}, {"args": _schema_ref(args.__name__)}
    )


def _answer(result: dict[str, Any]) -> dict[str, Any]:
    repeated = _object({"id": _ID, "ok": {"const": True}, "repeated": {"const": True}})
    return {"oneOf": [_object({"id": _ID, "ok": {"const": True}, "result": result}), repeated, _schema_ref("Failure")]}


def _failure() -> dict[str, Any]:
    error = {"code": {"enum": [code.name for code in Code]}, "errno": {"type": "integer"}, "detail": {"type": "string"}}
    return _object({"id": _ID, "ok": {"const": False}, "error": _object(error)})


def _event_frame() -> dict[str, Any]:
    """Return the shape of a frame of events: to a user with his offset, about a queue with its count."""
    events = [
        _object({"event": {"const": name, "description": f"to {kind.to}"}, "data": _schema_ref(kind.data.__name__)})
        for name, kind in EVENTS.items()
    ]
    count = {"type": "integer", "minimum": 0}
    return _object(
        {"events": {"type": "array", "items": {"oneOf": events}}, "at": {"type": "integer"}},
        {"offset": count, "epoch": {"type": "string"}, "queue_id": {"type": "string"}, "queue_seq": count},
    )
