"""`dispatcher doctor`: is what the keys hold as it must be."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher import doctor as checks
from dispatcher.cli.common import REFUSED, on_store, show_json
from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import Store

EPILOG = """\b
Examples:
  dispatcher doctor
  dispatcher doctor acme --log
  dispatcher doctor acme --json
"""

Found = dict[str, list[checks.Violation]]


def doctor(
    tenant: Annotated[str | None, typer.Argument(help="One tenant; without it all of them.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Replay the log too; it must reach back to the start.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the invariants on live state; exit code 1 where one is broken. Changes nothing."""

    async def work(store: Store) -> Found:
        known = await store.tenants()
        if tenant is not None and tenant not in known:
            raise DispatcherError(Code.TOKEN_APPIDNOTEXIST, f"there is no tenant {tenant}")
        return {name: await checks.check(store, name, with_log=log) for name in ([tenant] if tenant else known)}

    found = on_store(work)
    if json:
        show_json({name: [violation._asdict() for violation in violations] for name, violations in found.items()})
    else:
        _show(found)
    if any(found.values()):
        raise typer.Exit(REFUSED)


def _show(found: Found) -> None:
    for name, violations in found.items():
        typer.echo(f"{name}: {f'{len(violations)} broken' if violations else 'well'}")
        for violation in violations:
            typer.echo(f"  invariant {violation.invariant}: {violation.what}  ({violation.key})")
