"""`dispatcher tenant …`: the tenants of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher.cli.common import Json, on_store, show_json
from dispatcher.engine import Dispatcher
from dispatcher.store.connect import Store
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts

app = typer.Typer(help="Create and list tenants.", no_args_is_help=True, rich_markup_mode=None)

CREATE_EPILOG = """\b
Examples:
  dispatcher tenant create acme
  dispatcher tenant create acme --json
"""
LIST_EPILOG = """\b
Examples:
  dispatcher tenant list
  dispatcher tenant list --json
"""


@app.command("create", epilog=CREATE_EPILOG)
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, '_' and '-'; 1 to 63.")], json: Json = False
) -> None:
    """Create a tenant and print its secret: the only time it is shown."""

    async def work(store: Store) -> str:
        return await Dispatcher(Runner(store, Scripts())).create_tenant(name)

    secret = on_store(work)
    if json:
        show_json({"tenant": name, "secret": secret})
    else:
        typer.echo(f"tenant  {name}\nsecret  {secret}")
        typer.echo("Keep the secret: it is not shown again.", err=True)


@app.command("list", epilog=LIST_EPILOG)
def list_tenants(json: Json = False) -> None:
    """List the tenants by name."""

    async def work(store: Store) -> list[str]:
        return await store.tenants()

    tenants = on_store(work)
    if json:
        show_json({"tenants": tenants})
    else:
        for name in tenants:
            typer.echo(name)
