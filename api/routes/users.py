"""Accounts: the people who log in with a password. An admin edits them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response, status
from pydantic import AfterValidator

from api.auth import CurrentActor
from api.idempotency import slow_request_key
from api.routes.common import Engine, Limit, SomebodyInPath, is_printable, rows
from dispatcher.commands import LIST_LIMIT_MAX, require
from dispatcher.model import Page, Role
from dispatcher.tenancy import Account, AccountCreate, AccountPatch

router = rows("users")

UserCursor = Annotated[
    str, Query(max_length=128, description="The `cursor` of the page before"), AfterValidator(is_printable)
]


@router.get("/users")
async def list_accounts(
    actor: CurrentActor, engine: Engine, limit: Limit = LIST_LIMIT_MAX, cursor: UserCursor = ""
) -> Page[Account]:
    """List the accounts, in the order of their users' ids."""
    return await engine.list_accounts(actor, limit=limit, cursor=cursor)


@router.post("/users", status_code=status.HTTP_201_CREATED)
async def create_account(body: AccountCreate, request: Request, actor: CurrentActor, engine: Engine) -> Account:
    """Give a user an account; WRONG_STATE if he has one."""
    if actor.request_key:
        require(actor, Role.ADMIN)
        actor = actor.model_copy(update={"request_key": await slow_request_key(request)})
    return await engine.create_account(actor, body)


@router.patch("/users/{user}")
async def update_account(user: SomebodyInPath, body: AccountPatch, actor: CurrentActor, engine: Engine) -> Account:
    """Change the given members; `queues: null` takes the limit off. Tokens made before stay as they are."""
    return await engine.update_account(actor, user, body)


@router.delete("/users/{user}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_account(user: SomebodyInPath, actor: CurrentActor, engine: Engine) -> Response:
    """Take the account away; what the user is in the queues, and his tokens, stay."""
    await engine.delete_account(actor, user)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
