"""`dispatcher tenant …`: the tenants of a store."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dispatcher.cli.common import (
    Json,
    Tenant,
    on_engine,
    on_store,
    operator,
    read_members,
    show_fields,
    show_json,
)
from dispatcher.engine import Dispatcher
from dispatcher.store.connect import Store
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.tenancy import TenantOptions, TenantPatch

app = typer.Typer(help="Create, list and change tenants.", no_args_is_help=True, rich_markup_mode=None)

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
SHOW_EPILOG = """\b
Examples:
  dispatcher tenant show acme
  dispatcher tenant show acme --json
"""
MEANINGS = {
    "customer_grace": "seconds that a disconnected customer keeps his place [60]",
    "agent_grace": "seconds that a disconnected agent keeps his queues and work [30]",
    "time_zone": "IANA name, for days in reports [UTC]",
    "origins": "whose pages may come: values of Origin with commas between them, or * for all [none]",
    "customer_reach": "whom a customer may call, message and see: assigned, or all [assigned]",
    "legacy_login": "a secret of its own for pages that log in with its MD5; empty: off [off]",
}
"""What each option is, for people."""
SET_EPILOG = "\n".join(
    [
        "\b",
        "Options [default]:",
        *(f"  {name:{max(map(len, MEANINGS))}}  {text}" for name, text in MEANINGS.items()),
        "",
        "\b",
        "Examples:",
        "  dispatcher tenant set acme customer_grace=120 time_zone=Europe/Berlin",
        "  dispatcher tenant set acme origins=https://shop.example,https://help.example",
        "  dispatcher tenant set acme legacy_login=",
    ]
)
ROTATE_EPILOG = """\b
Examples:
  dispatcher tenant rotate-secret acme              # a new one; the one before stays valid
  dispatcher tenant rotate-secret acme --json
  dispatcher tenant rotate-secret acme --drop-old   # when every backend has the new one
"""

PAUSE_EPILOG = """\b
Examples:
  dispatcher tenant pause acme     # before maintenance
  dispatcher tenant resume acme    # after it
"""
RESUME_EPILOG = """\b
Examples:
  dispatcher tenant resume acme
"""

Options = Annotated[list[str], typer.Argument(metavar="OPTION=VALUE...", help="What it shall be; see below.")]


@app.command("create", epilog=CREATE_EPILOG, short_help="Create a tenant and print its secret.")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, '_' and '-'; 1 to 63.")],
    json: Json = False,
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


@app.command("show", epilog=SHOW_EPILOG, short_help="Show the options of a tenant.")
def show(tenant: Tenant, json: Json = False) -> None:
    """Show a tenant's options; of its secrets only which there are."""

    async def work(engine: Dispatcher) -> TenantOptions:
        return await engine.get_tenant(operator(tenant))

    _show(on_engine(work), json)


@app.command("set", epilog=SET_EPILOG, short_help="Change the given options.")
def set_options(tenant: Tenant, options: Options, json: Json = False) -> None:
    """Change the given options; within 5 s every node goes by them."""
    patch = read_members(TenantPatch, options, _value)

    async def work(engine: Dispatcher) -> TenantOptions:
        return await engine.update_tenant(operator(tenant), patch)

    _show(on_engine(work), json)


@app.command("rotate-secret", epilog=ROTATE_EPILOG)
def rotate_secret(
    tenant: Tenant,
    json: Json = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Make no new one, but end the one before the last rotation.")
    ] = False,
) -> None:
    """Make a new secret and print it: the only time it is shown. The one before stays valid until the next rotation."""

    async def work(engine: Dispatcher) -> str | None:
        if drop_old:
            await engine.drop_former_secret(operator(tenant))
            return None
        return await engine.rotate_secret(operator(tenant))

    secret = on_engine(work)
    if json:
        show_json({"tenant": tenant} | ({} if secret is None else {"secret": secret}))
    elif secret is None:
        typer.echo(f"{tenant} has one secret")
    else:
        typer.echo(f"tenant  {tenant}\nsecret  {secret}")
        typer.echo("Keep the secret: it is not shown again. The one before is valid until --drop-old.", err=True)


def _show(options: TenantOptions, as_json: bool) -> None:
    if as_json:
        show_json(options)
    else:
        show_fields(options)


def _value(name: str, text: str) -> Any:
    """Read an option's text: a number, a list, or itself."""
    if name in ("customer_grace", "agent_grace") and text.isdecimal():
        return int(text[:20])
    return [part.strip() for part in text.split(",") if part.strip()] if name == "origins" else text


@app.command("pause", epilog=PAUSE_EPILOG, short_help="Let nothing happen until it is resumed.")
def pause(tenant: Tenant, json: Json = False) -> None:
    """Refuse every command and let no deadline end, until it is resumed; who is connected is still kept true."""
    on_engine(lambda engine: engine.pause_tenant(operator(tenant).tenant))
    _show_paused(tenant, True, json)


@app.command("resume", epilog=RESUME_EPILOG)
def resume(tenant: Tenant, json: Json = False) -> None:
    """Let a paused tenant go on. Offers, graces and leases that ended meanwhile are given their time once more."""
    on_engine(lambda engine: engine.resume_tenant(operator(tenant).tenant))
    _show_paused(tenant, False, json)


def _show_paused(tenant: str, paused: bool, json: bool) -> None:
    if json:
        show_json({"tenant": tenant, "paused": paused})
    else:
        typer.echo(f"{tenant} is paused" if paused else f"{tenant} goes on")
