"""The frames of the WebSocket: what a client's must look like, and how the answers do."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from dispatcher.errors import DispatcherError
from dispatcher.events.frames import encode

FRAME_BYTES_MAX = 256 * 1024
ID_MAX = 2**53 - 1
CMD_LENGTH_MAX = 64


class Close(IntEnum):
    """Why the node closes a socket."""

    BAD_FRAME = 4400
    NOT_LOGGED_IN = 4401
    NOT_ALLOWED = 4403
    NO_HELLO = 4408
    TOO_SLOW = 4409
    REPLACED = 4410
    ELSEWHERE = 4412
    TRY_LATER = 1013
    FAILED = 1011
    NORMAL = 1000


class Request(NamedTuple):
    """One command frame: its id, the command's name, its arguments as they came."""

    id: int
    cmd: str
    args: Any


class BadFrameError(Exception):
    """A frame that is not a command. The connection ends: nobody could know what an answer would belong to."""


def read_request(message: dict[str, Any]) -> Request:
    """Read an ASGI `websocket.receive`. Errors: BadFrameError."""
    text = message.get("text")
    if text is None:
        raise BadFrameError("text frames only")
    # The first test spares short frames the second one.
    if len(text) * 4 > FRAME_BYTES_MAX and len(text.encode()) > FRAME_BYTES_MAX:
        raise BadFrameError(f"longer than {FRAME_BYTES_MAX} bytes")
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFrameError("not JSON") from error
    if not isinstance(body, dict):
        raise BadFrameError("not a JSON object")
    id, cmd = body.get("id"), body.get("cmd")
    if not isinstance(id, int) or isinstance(id, bool) or not 1 <= id <= ID_MAX:
        raise BadFrameError("id: an integer from 1 to 2^53 - 1")
    if not isinstance(cmd, str) or not 1 <= len(cmd) <= CMD_LENGTH_MAX:
        raise BadFrameError("cmd: the name of a command")
    return Request(id, cmd, body.get("args", {}))


def ok(id: int, result: Any) -> str:
    """Answer a command with its result (a model, or plain values)."""
    return encode({"id": id, "ok": True, "result": result})


def repeated(id: int) -> str:
    """Answer a command that was carried out long ago."""
    return encode({"id": id, "ok": True, "repeated": True})


def failed(id: int, error: DispatcherError) -> str:
    """Answer a command with an error of the closed set."""
    code = error.code
    return encode({"id": id, "ok": False, "error": {"code": code.name, "errno": code.errno, "detail": error.detail}})
