"""`dispatcher keys`: the key scheme, and what one given key is."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher.cli.common import REFUSED, Json, fail, on_store, show_json
from dispatcher.store import keys as table
from dispatcher.store.connect import Store
from dispatcher.store.inspect import Value, look
from dispatcher.store.keys import Key

EPILOG = """\b
Examples:
  dispatcher keys
  dispatcher keys acd:{acme}:waiting:support
  dispatcher keys acd:{acme}:user:ann --json
"""

_OF_TENANTS = table.TENANT_KEYS + table.CHANNELS


def keys(
    key: Annotated[str | None, typer.Argument(help="A key or channel; without it the whole scheme.")] = None,
    json: Json = False,
) -> None:
    """Explain the key scheme, or one key: what it is, and what it holds now. Secrets are not shown."""
    if key is None:
        _show_scheme(json)
        return
    tenant, row, id = _explain(key)

    async def work(store: Store) -> Value:
        return await look(store, key, row.facet)

    value = None if row.type == "CHANNEL" else on_store(work)
    if json:
        told = {"key": key, "tenant": tenant, **row._asdict(), "id_of": row.id, "id": id}
        show_json({**told, "value": value and {**value._asdict(), "shown": [list(pair) for pair in value.shown]}})
        return
    for word, text in (("tenant", tenant or "- (of no tenant)"), ("facet", row.facet), (row.id or "id", id or "-")):
        typer.echo(f"{word:8}  {text}")
    typer.echo(f"{'type':8}  {row.type}\n{'content':8}  {row.content}\n{'lives':8}  {row.lives}")
    if value is not None:
        _show_value(value)


def _explain(name: str) -> tuple[str, Key, str]:
    """Return the tenant (empty: none), the row of the table, and the id; or end: it is no key of ours."""
    for row in table.GLOBAL_KEYS:
        if name == f"acd:{row.facet}":
            return "", row, ""
    parsed = table.parse(name)
    if parsed is not None:
        tenant, facet, id = parsed
        for row in _OF_TENANTS:
            if row.facet == facet and bool(row.id) == bool(id):
                return tenant, row, id
    return fail(f"not a key of the scheme: {name}. `dispatcher keys` shows the scheme", REFUSED)


def _show_value(value: Value) -> None:
    if value.type == "none":
        typer.echo(f"{'now':8}  does not exist")
        return
    lives = "" if value.ttl_ms is None else f", for {value.ttl_ms / 1000:.0f} s more"
    typer.echo(f"{'now':8}  {value.type} of {value.size}{lives}")
    width = max((len(name) for name, _ in value.shown), default=0)
    for name, text in value.shown:
        typer.echo(f"  {name:{width}}  {text}".rstrip())
    if value.type != "string" and value.size > len(value.shown):
        typer.echo(f"  … and {value.size - len(value.shown)} more")


def _show_scheme(as_json: bool) -> None:
    if as_json:
        groups = {"tenant": table.TENANT_KEYS, "channel": table.CHANNELS, "global": table.GLOBAL_KEYS}
        show_json({name: [row._asdict() for row in rows] for name, rows in groups.items()})
        return
    typer.echo(
        "acd:{tenant}:<facet>[:<id>]: one tenant is one hash slot; the id stands last, so none imitates a facet.\n"
    )
    rows = [
        *((f"acd:{{tenant}}:{row.facet}{f':<{row.id}>' if row.id else ''}", row) for row in _OF_TENANTS),
        *((f"acd:{row.facet}", row) for row in table.GLOBAL_KEYS),
    ]
    width = max(len(name) for name, _ in rows)
    for name, row in rows:
        typer.echo(f"{name:{width}}  {row.type:7}  {row.content}. Lives: {row.lives}")
