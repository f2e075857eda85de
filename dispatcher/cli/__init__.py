"""The command line: `dispatcher`. One module per group of verbs; nothing here knows the doors."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher.cli import agent, contact, demo, doctor, events, keys, queue, serve, tenant, top, user
from dispatcher.settings import version

EXIT_CODES = """\b
Exit codes:
  0  done
  1  refused, or something was found (doctor)
  2  wrong usage, or a setting is missing or wrong
  3  the store does not answer or did not say whether it was done, or the tenant is paused
"""

app = typer.Typer(
    name="dispatcher",
    help="An automatic call distributor: gives customers who wait in queues to agents who are free.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command("serve", epilog=serve.EPILOG, short_help="Serve HTTP and WebSockets over a store.")(serve.serve)
app.command("demo", epilog=demo.EPILOG, short_help="Serve a demo tenant, with people in it.")(demo.demo)
app.add_typer(tenant.app, name="tenant")
app.add_typer(user.app, name="user")
app.add_typer(queue.app, name="queue")
app.add_typer(agent.app, name="agent")
app.add_typer(contact.app, name="contact")
app.command("top", epilog=top.EPILOG, short_help="Show queues and agents as they change.")(top.top)
app.command("events", epilog=events.EPILOG, short_help="Show what happened, or what happens.")(events.events)
app.command("keys", epilog=keys.EPILOG, short_help="Explain the keys in Redis, or one of them.")(keys.keys)
app.command("doctor", epilog=doctor.EPILOG, short_help="Check the servers and the invariants.")(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Do nothing by itself."""


def main() -> None:
    """Run the command line: the entry point."""
    app()
