"""How long the body of a request may be."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from dispatcher.errors import Code

TOO_LONG = 413


class BodyLimit:
    """Refuses a body of more than `bytes_max` bytes: by its announced length, else while it is read."""

    def __init__(self, app: ASGIApp, bytes_max: int) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        # A length that is no number is the server's to refuse; it is long before this.
        if announced.isdigit() and int(announced[:20]) > self.bytes_max:
            return await problem(Code.PARAM_ERR, "the body is too long", status=TOO_LONG)(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.bytes_max:
                raise HTTPException(TOO_LONG)
            return message

        return await self.app(scope, counted, send)
