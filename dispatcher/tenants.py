"""Commands on tenants: creating them, their secrets, the tokens of their users."""

from __future__ import annotations

import hashlib
import re
import secrets

from dispatcher.commands import Commands
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import TENANT_PATTERN, Actor

CUSTOMER_GRACE_S = 60
AGENT_GRACE_S = 30


class TenantCommands(Commands):
    """The commands on a tenant itself."""

    async def create_tenant(self, tenant: str) -> str:
        """Create a tenant; return its secret, which is kept only as a hash. Errors: PARAM_ERR (name, or it exists)."""
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise DispatcherError(Code.PARAM_ERR, f"a tenant's name matches {TENANT_PATTERN}")
        secret = secrets.token_urlsafe(32)
        reply = await self.runner.run(
            "tenant_create",
            tenant,
            secret_hash=_hash(secret),
            customer_grace=CUSTOMER_GRACE_S,
            agent_grace=AGENT_GRACE_S,
        )
        if reply.body != "true":
            raise DispatcherError(Code.PARAM_ERR, f"a tenant {tenant} exists already")
        # After the tenant itself: a list that lags is harmless, one that is ahead is not.
        await self.runner.store.add_tenant(tenant)
        return secret

    async def check_secret(self, tenant: str, secret: str, address: str, tries_max: int) -> None:
        """Check a tenant's secret; `address` has `tries_max` tries a minute.

        Errors: TOKEN_APPIDNOTEXIST, TOKEN_AUTH_FAILED, RATE_LIMITED.
        """
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST)
        await self.runner.run("tenant_login", tenant, secret_hash=_hash(secret), address=address, tries_max=tries_max)

    async def made_at(self, actor: Actor) -> int:
        """Say when a token is made (epoch ms): under a `request_key` when it was made first.

        Errors: REQUEST_ID_REUSED, TOKEN_APPIDNOTEXIST.
        """
        return int(await self._run("tenant_mint", actor))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
