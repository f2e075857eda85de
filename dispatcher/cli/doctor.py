"""`dispatcher doctor`: is what the keys hold as it must be."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher import doctor as checks
from dispatcher.cli.common import REFUSED, on_store, show_json
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log as event_log
from dispatcher.keyspace import is_paused
from dispatcher.store.connect import Store
from dispatcher.store.fitness import Finding, examine

EPILOG = """\b
Examples:
  dispatcher doctor
  dispatcher doctor acme --log
  dispatcher doctor acme --json
"""

Found = dict[str, list[checks.Violation]]
"""By tenant."""


def doctor(
    tenant: Annotated[str | None, typer.Argument(help="One tenant; without it all of them.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Replay the log too, where it begins with the tenant.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the servers, and the invariants on live state; exit code 1 where one is broken. Changes nothing."""

    async def work(store: Store) -> tuple[list[Finding], Found]:
        known = await store.tenants()
        if tenant is not None and tenant not in known:
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST, f"there is no tenant {tenant}")
        names = [tenant] if tenant else known
        for name in names if log else ():
            if not await event_log.is_whole(store, name):
                typer.echo(f"{name}: its log no longer begins with the tenant, and is not replayed", err=True)
        if not names:
            typer.echo("there is no tenant on this store", err=True)
        for name in names:
            if await _is_paused(store, name):
                typer.echo(f"{name} is paused: it refuses everything until `dispatcher tenant resume {name}`", err=True)
        return await examine(store), {name: await checks.check(store, name, with_log=log) for name in names}

    findings, found = on_store(work)
    if json:
        tenants = {name: [violation._asdict() for violation in violations] for name, violations in found.items()}
        show_json({"servers": [finding._asdict() for finding in findings], "tenants": tenants})
    else:
        for finding in findings:
            typer.echo(f"server {finding.server}: {'UNFIT: ' if finding.unfit else ''}{finding.text}", err=True)
        _show(found)
    if any(found.values()) or any(finding.unfit for finding in findings):
        raise typer.Exit(REFUSED)


async def _is_paused(store: Store, tenant: str) -> bool:
    try:
        return await is_paused(store, tenant)
    except DispatcherError as error:
        if error.code is not Code.SERVER_EXCEPTION:
            raise
        # Its hash is something else: the check is about to tell.
        return False


def _show(found: Found) -> None:
    for name, violations in found.items():
        typer.echo(f"{name}: {f'{len(violations)} broken' if violations else 'well'}")
        for violation in violations:
            typer.echo(f"  invariant {violation.invariant}: {violation.what}  ({violation.key})")
