"""Which pages may speak to a tenant: the `Origin` a browser sends, against the tenant's option `origins`.

Tokens do not travel by themselves as cookies do, so a preflight says yes to every page. What a page asks of a tenant
is refused here, once the token has named the tenant, for HTTP and the WebSocket alike.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from dispatcher.errors import Code, DispatcherError

KEPT_S = 5.0
KEPT_MAX = 10_000
ORIGIN_LENGTH_MAX = 128
"""How much of it a refusal repeats."""

Read = Callable[[str], Awaitable[Collection[str]]]


class Origins:
    """The origins of tenants, as `read` gives them, kept for a few seconds on each node."""

    def __init__(self, read: Read, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._kept: dict[str, tuple[float, Collection[str]]] = {}

    async def __call__(self, tenant: str) -> Collection[str]:
        """List the allowed origins of a tenant. Errors: those of `read`."""
        until, origins = self._kept.get(tenant, (0.0, ()))
        if until <= self._clock():
            origins = await self._read(tenant)
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[tenant] = (self._clock() + KEPT_S, origins)
        return origins


async def check_origin(headers: Mapping[str, str], tenant: str, origins: Read) -> None:
    """Refuse a page of a foreign site; the node's own pages and programs that are no browsers always may.

    `headers` have small names. Errors: API_NO_PERMISSION, those of `origins`.
    """
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] == headers.get("host"):
        return
    allowed = await origins(tenant)
    if origin not in allowed and "*" not in allowed:
        raise DispatcherError(Code.API_NO_PERMISSION, f"{origin[:ORIGIN_LENGTH_MAX]} is not among the tenant's origins")
