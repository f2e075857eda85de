"""`dispatcher demo`: something to look at at once."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dispatcher import settings
from dispatcher.cli.common import failures

EPILOG = """\b
Examples:
  dispatcher demo
  dispatcher demo --port 8080 --empty
"""


def demo(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Nobody simulated: queues and tokens only.")] = False,
) -> None:
    """Serve a demo tenant with four queues, and with simulated people in them, until Ctrl-C."""
    from dispatcher.demo import run

    with failures():
        read = settings.load()
        read.signing_keys()
        asyncio.run(
            run(
                read.host if host is None else host,
                read.port if port is None else port,
                simulated=not empty,
                echo=typer.echo,
            )
        )
