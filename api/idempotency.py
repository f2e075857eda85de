"""`Idempotency-Key`: a POST that is repeated under its key gives the first answer and changes nothing.

The memory is the scripts' own, written in the same step as the change (lua/lib/request.lua). Here a request becomes
what they compare: a digest of what it asks, and the key.
"""

from __future__ import annotations

import hashlib

from fastapi import Request

from dispatcher import passwords
from dispatcher.errors import Code, DispatcherError

HEADER = "Idempotency-Key"
LENGTH_MAX = 255


def key_of(request: Request) -> str:
    """Return the key of a POST; empty where it has none. Errors: PARAM_ERR."""
    given = request.headers.getlist(HEADER) if request.method == "POST" else []
    if not given:
        return ""
    (key, *more) = given
    if more or not 1 <= len(key) <= LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise DispatcherError(Code.PARAM_ERR, f"{HEADER}: one, of 1 to {LENGTH_MAX} printable ASCII characters")
    return key


async def asked(request: Request) -> bytes:
    """Return what a request asks, for its digest: the same path and body ask the same."""
    return request.url.path.encode() + b" " + await request.body()


async def request_key(request: Request) -> str:
    """Return the `request_key` of an `Actor`; empty where the request has no key. Errors: PARAM_ERR."""
    key = key_of(request)
    return f"{hashlib.sha256(await asked(request)).hexdigest()} {key}" if key else ""


async def slow_request_key(request: Request) -> str:
    """Return the same of a request whose body holds a password, which a fast digest would give away."""
    key = key_of(request)
    return f"{await passwords.digest(await asked(request), key)} {key}" if key else ""
