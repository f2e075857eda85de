"""The closed set of errors: name, number, HTTP status.

The numbers below 9000 are those of the SDK that existing pages were written against; ours start at 9000.
Every door answers with one of these and nothing else.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class ErrorKind(NamedTuple):
    """One row of the table: its number (`errno`), its HTTP status, and a sentence for people."""

    errno: int
    status: int
    title: str


class Code(Enum):
    """The closed set. The member's name is the error's `code` on every wire."""

    QUE_ID_INVALID = ErrorKind(400, 404, "There is no such queue")
    QUE_NOUSER = ErrorKind(401, 409, "Nobody is waiting who could be given")
    QUE_USER_CANCELLED = ErrorKind(402, 410, "The customer has left")
    QUE_SERVICE_NOT_START = ErrorKind(403, 409, "The agent does not serve that queue")
    ALREADY_OTHERQUE = ErrorKind(404, 409, "The customer already waits in another queue")
    INVALID_CALLID = ErrorKind(600, 404, "There is no such call")
    CALL_EXIST = ErrorKind(601, 409, "The user is already in a call")
    BUSY = ErrorKind(602, 409, "The other user is busy")
    OFFLINE = ErrorKind(603, 409, "The other user is offline")
    NOANSWER = ErrorKind(604, 409, "The other user did not answer")
    USER_NOT_FOUND = ErrorKind(605, 404, "There is no such user")
    REFUSE = ErrorKind(606, 409, "The other user refused")
    PARAM_ERR = ErrorKind(5, 400, "The request is not well formed")
    ANCTPSWD_ERR = ErrorKind(7, 401, "Wrong account or password")
    SERVER_EXCEPTION = ErrorKind(8, 500, "The server failed")
    KICKOUT_BY_RELOGIN = ErrorKind(10, 409, "A newer session of the same user took over")
    NOT_LOGIN = ErrorKind(12, 401, "Not logged in")
    TOKEN_TIMEOUT = ErrorKind(18, 401, "The token has expired")
    TOKEN_APPIDNOTEXIST = ErrorKind(20, 401, "There is no such tenant")
    TOKEN_AUTH_FAILED = ErrorKind(21, 401, "The token or secret is not valid")
    API_NO_PERMISSION = ErrorKind(23, 403, "Not allowed")
    ASSIGNMENT_GONE = ErrorKind(9000, 410, "The assignment has ended")
    AGENT_BUSY = ErrorKind(9001, 409, "The agent is busy")
    QUEUE_FULL = ErrorKind(9002, 409, "The queue is full")
    QUEUE_CLOSED = ErrorKind(9003, 409, "The queue is closed")
    QUEUE_NOT_EMPTY = ErrorKind(9004, 409, "The queue is not empty")
    QUEUE_EXISTS = ErrorKind(9005, 409, "A queue with that id or name exists")
    ROLE_CONFLICT = ErrorKind(9006, 409, "A user is never customer and serving agent at once")
    NO_AGENTS = ErrorKind(9007, 409, "No agent serves the queue")
    CONTACT_NOT_FOUND = ErrorKind(9008, 404, "There is no such contact")
    WRONG_STATE = ErrorKind(9009, 409, "Not possible in this state")
    REQUEST_ID_REUSED = ErrorKind(9010, 422, "The same key was used with another request")
    RATE_LIMITED = ErrorKind(9011, 429, "Too many requests")
    UNAVAILABLE = ErrorKind(9012, 503, "Not available now; surely not applied")
    OUTCOME_UNKNOWN = ErrorKind(9013, 504, "Sent, but no answer came: repeat with the same request id")

    @property
    def errno(self) -> int:
        """The number, as clients see it."""
        return self.value.errno

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value.status

    @property
    def title(self) -> str:
        """One sentence for people."""
        return self.value.title


class DispatcherError(Exception):
    """An error of the closed set, with a `detail` for people. Every door turns it into its own form."""

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(f"{code.name}: {detail or code.title}")
        self.code = code
        self.detail = detail or code.title


class Repeated(Exception):
    """An older request id came again: it was carried out long ago, and its answer is no longer kept."""
