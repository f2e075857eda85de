"""`dispatcher user …`: the people of a tenant who log in with a password."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import Annotated, Any

import typer

from dispatcher.cli.common import (
    REFUSED,
    Json,
    Tenant,
    all_pages,
    as_model,
    fail,
    moment,
    on_engine,
    operator,
    show_json,
    show_table,
)
from dispatcher.engine import Dispatcher
from dispatcher.model import Role
from dispatcher.tenancy import Account, AccountCreate, AccountPatch

app = typer.Typer(
    help="The people who log in with a password. Users whose tokens a backend makes need no account.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CREATE_EPILOG = """\b
Examples:
  dispatcher user create acme anna --role agent
  dispatcher user create acme anna --name 'Anna Bell' --role agent --role supervisor --queue sales
  pass show acme/anna | dispatcher user create acme anna --role agent --password-stdin
"""
LIST_EPILOG = """\b
Examples:
  dispatcher user list acme
  dispatcher user list acme --json
"""
PASSWD_EPILOG = """\b
Examples:
  dispatcher user passwd acme anna
  pass show acme/anna | dispatcher user passwd acme anna --password-stdin
"""
DELETE_EPILOG = """\b
Examples:
  dispatcher user delete acme anna
"""

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, its first line.")
]


@app.command("create", epilog=CREATE_EPILOG)
def create(
    tenant: Tenant,
    user: User,
    role: Annotated[list[Role], typer.Option(help="What he may do; several times for several.")],
    name: Annotated[str | None, typer.Option(help="His name, for people; without it the id.")] = None,
    queue: Annotated[
        list[str] | None, typer.Option(help="A queue that he may serve, several times for several; without it all.")
    ] = None,
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Give a user an account. The password is asked for: 8 to 128 characters."""
    members: dict[str, Any] = {"user_id": user, "roles": role, "name": name, "queues": queue or None}
    account = as_model(AccountCreate, members | {"password": _password(password_stdin)})

    async def work(engine: Dispatcher) -> Account:
        return await engine.create_account(operator(tenant), account)

    created = on_engine(work)
    if json:
        show_json(created)
    else:
        typer.echo(created.user_id)


@app.command("list", epilog=LIST_EPILOG)
def list_accounts(tenant: Tenant, json: Json = False) -> None:
    """List the accounts."""

    async def work(engine: Dispatcher) -> list[Account]:
        actor = operator(tenant)
        return await all_pages(lambda cursor: engine.list_accounts(actor, cursor=cursor))

    accounts = on_engine(work)
    if json:
        show_json(accounts)
        return
    rows = [
        (a.user_id, a.name, " ".join(a.roles), "all" if a.queues is None else " ".join(a.queues), moment(a.created_at))
        for a in accounts
    ]
    show_table(("user", "name", "roles", "queues", "created (UTC)"), rows, none="there are no accounts")


@app.command("passwd", epilog=PASSWD_EPILOG)
def passwd(tenant: Tenant, user: User, password_stdin: PasswordStdin = False) -> None:
    """Give a user a new password, which is asked for. Tokens made before stay valid until they end."""
    patch = as_model(AccountPatch, {"password": _password(password_stdin)})

    async def work(engine: Dispatcher) -> Account:
        return await engine.update_account(operator(tenant), user, patch)

    on_engine(work)


@app.command("delete", epilog=DELETE_EPILOG)
def delete(tenant: Tenant, user: User) -> None:
    """Take a user's account away. What he is in the queues, and his tokens, stay."""

    async def work(engine: Dispatcher) -> None:
        await engine.delete_account(operator(tenant), user)

    on_engine(work)


def _password(from_stdin: bool) -> str:
    """Ask for a password twice, without showing it; or read the first line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        # Where there is no terminal, what was given says so, not a line of Python's own.
        with warnings.catch_warnings(action="ignore", category=getpass.GetPassWarning):
            return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    except typer.Abort:
        fail("no password was given; --password-stdin reads it from standard input", REFUSED)
