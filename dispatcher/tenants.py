"""Commands on tenants: creating them, their options and secrets, the tokens of their users."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import Literal

from dispatcher.commands import Commands, require
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import TENANT_PATTERN, Actor, Role
from dispatcher.tenancy import TenantOptions, TenantPatch

CUSTOMER_GRACE_S = 60
AGENT_GRACE_S = 30


class TenantCommands(Commands):
    """The commands on a tenant itself."""

    async def create_tenant(self, tenant: str) -> str:
        """Create a tenant; return its secret, which is kept only as a hash. Errors: PARAM_ERR (name, or it exists)."""
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise DispatcherError(Code.PARAM_ERR, "a tenant's name: 1 to 63 of a-z 0-9 _ -, first a letter or digit")
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

    async def get_tenant(self, actor: Actor) -> TenantOptions:
        """Read the options of the actor's tenant. Errors: API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        return TenantOptions.model_validate_json(await self._run("tenant_show", actor))

    async def update_tenant(self, actor: Actor, patch: TenantPatch) -> TenantOptions:
        """Change the given options of the actor's tenant. Errors: API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        options = json.dumps(_options(actor.tenant, patch))
        return TenantOptions.model_validate_json(await self._run("tenant_update", actor, options=options))

    async def get_origins(self, tenant: str) -> tuple[str, ...]:
        """Read whose pages may come to a tenant. Errors: TOKEN_APPIDNOTEXIST."""
        body = (await self.runner.run("tenant_show", tenant)).body
        return TenantOptions.model_validate_json(body).origins

    async def rotate_secret(self, actor: Actor) -> str:
        """Make a new secret and return it; the one before stays valid until the next rotation, or until it is dropped.

        Errors: API_NO_PERMISSION.
        """
        require(actor, Role.ADMIN)
        secret = secrets.token_urlsafe(32)
        await self._run("tenant_rotate_secret", actor, secret_hash=_hash(secret))
        return secret

    async def drop_former_secret(self, actor: Actor) -> None:
        """End the secret that a rotation left valid. Errors: API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        await self._run("tenant_rotate_secret", actor, secret_hash="")

    async def pause_tenant(self, tenant: str) -> bool:
        """Pause a tenant: every command is UNAVAILABLE and no timer fires; connections are still told apart.

        Answers whether it was running. Errors: TOKEN_APPIDNOTEXIST.
        """
        return (await self.runner.run("tenant_pause", tenant)).body == "true"

    async def resume_tenant(self, tenant: str) -> bool:
        """Let a paused tenant go on; leases, graces and offers that ended meanwhile are given their time once more.

        Answers whether it was paused. Errors: TOKEN_APPIDNOTEXIST.
        """
        reply = await self.runner.run("tenant_resume", tenant)
        if reply.due_at is not None:
            self._tell_due(tenant, reply.due_at)
        return reply.body == "true"

    async def check_secret(self, tenant: str, secret: str, address: str, tries_max: int) -> None:
        """Check a tenant's secret; `address` has `tries_max` tries a minute.

        Errors: TOKEN_APPIDNOTEXIST, TOKEN_AUTH_FAILED, RATE_LIMITED.
        """
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST)
        await self.runner.run("tenant_login", tenant, secret_hash=_hash(secret), address=address, tries_max=tries_max)

    async def check_legacy_secret(
        self, tenant: str, kind: Literal["login", "api"], md5: str, address: str, tries_max: int
    ) -> None:
        """Check an MD5 of a tenant's legacy secret: its own (`login`), or that of `tenant&secret` (`api`).

        `address` has `tries_max` tries a minute, with all kinds of login. Errors: TOKEN_APPIDNOTEXIST,
        API_NO_PERMISSION (the tenant has no such secret), ANCTPSWD_ERR, RATE_LIMITED.
        """
        if not re.fullmatch(TENANT_PATTERN, tenant):
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST)
        hash = _hash(md5.lower())
        await self.runner.run("tenant_login_legacy", tenant, kind=kind, hash=hash, address=address, tries_max=tries_max)

    async def made_at(self, actor: Actor) -> int:
        """Say when a token is made (epoch ms): under a `request_key` when it was made first.

        Errors: REQUEST_ID_REUSED, TOKEN_APPIDNOTEXIST.
        """
        return int(await self._run("tenant_mint", actor))


def _options(tenant: str, patch: TenantPatch) -> dict[str, str | int]:
    """Return the given options as the tenant's hash keeps them.

    The legacy secret is kept as the SHA-256 of the two MD5 strings it is checked against: of itself, which pages log
    in with, and of `tenant&secret`, which backends of the older Web API send.
    """
    options: dict[str, str | int] = patch.model_dump(exclude_none=True, exclude={"origins", "legacy_login"})
    if patch.origins is not None:
        options["origins"] = " ".join(dict.fromkeys(patch.origins))
    if patch.legacy_login is not None:
        secret = patch.legacy_login.get_secret_value()
        for name, checked in (("legacy_login_hash", secret), ("legacy_api_hash", f"{tenant}&{secret}")):
            options[name] = _hash(hashlib.md5(checked.encode(), usedforsecurity=False).hexdigest()) if secret else ""
    return options


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
