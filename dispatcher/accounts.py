"""Commands on accounts: the people who log in with a password, for the built-in pages."""

from __future__ import annotations

import json

from dispatcher import passwords
from dispatcher.commands import LIST_LIMIT_MAX, Commands, require
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Actor, Page, Role
from dispatcher.tenancy import Account, AccountCreate, AccountPatch

EVERY_QUEUE = "*"


class _Known(Account):
    """An account with what its password is checked with."""

    password_hash: str


class AccountCommands(Commands):
    """The commands on accounts. A password is kept as its argon2 hash, and nowhere else."""

    async def create_account(self, actor: Actor, account: AccountCreate) -> Account:
        """Give a user an account. Errors: WRONG_STATE (he has one), API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        name = account.user_id if account.name is None else account.name
        fields = await _fields(account.model_copy(update={"name": name}), {"name", "roles", "queues", "password"})
        return _account(await self._run("account_create", actor, user_id=account.user_id, fields=fields))

    async def update_account(self, actor: Actor, user_id: str, patch: AccountPatch) -> Account:
        """Change the given members of an account. Errors: USER_NOT_FOUND (he has none), API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        given = {name for name in patch.model_fields_set if name == "queues" or getattr(patch, name) is not None}
        return _account(await self._run("account_update", actor, user_id=user_id, fields=await _fields(patch, given)))

    async def delete_account(self, actor: Actor, user_id: str) -> None:
        """Take an account away; what the user is in the queues stays. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        await self._run("account_delete", actor, user_id=user_id)

    async def list_accounts(self, actor: Actor, *, limit: int = LIST_LIMIT_MAX, cursor: str = "") -> Page[Account]:
        """List accounts in the order of their users' ids. Errors: API_NO_PERMISSION."""
        require(actor, Role.ADMIN)
        return Page[Account].model_validate_json(await self._run("account_list", actor, limit=limit, cursor=cursor))

    async def check_password(
        self, tenant: str, user_id: str, password: str, *, address: str, tries_max: int, user_tries_max: int
    ) -> Account:
        """Check a person's password; `address` has `tries_max` tries a minute, his id `user_tries_max`.

        Errors: ANCTPSWD_ERR (no such account, or wrong: nobody can tell which, nor by the time it takes),
        TOKEN_APPIDNOTEXIST, RATE_LIMITED.
        """
        actor = Actor(tenant=tenant, user_id=user_id)
        tries = {"tries_max": tries_max, "user_tries_max": user_tries_max}
        body = await self._run("account_login", actor, user_id=user_id, address=address, **tries)
        known = None if body == "null" else _Known.model_validate_json(body)
        if not await passwords.matches(password, known.password_hash if known else None) or known is None:
            raise DispatcherError(Code.ANCTPSWD_ERR)
        return known


async def _fields(account: AccountCreate | AccountPatch, given: set[str]) -> str:
    """Return the members of an account as its hash keeps them."""
    fields: dict[str, str] = {}
    if "name" in given:
        fields["name"] = account.name or ""
    if "roles" in given:
        fields["roles"] = " ".join(role for role in Role if role in (account.roles or ()))
    if "queues" in given:
        fields["queues"] = EVERY_QUEUE if account.queues is None else " ".join(sorted(account.queues))
    if "password" in given and account.password is not None:
        fields["password_hash"] = await passwords.hashed(account.password.get_secret_value())
    return json.dumps(fields)


def _account(body: str) -> Account:
    return Account.model_validate_json(body)
