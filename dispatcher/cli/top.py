"""`dispatcher top`: a live board of one tenant in the terminal."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dispatcher import overview
from dispatcher.cli.common import NO_ANSWER, Json, Tenant, on_engine, operator, show_json, show_table
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.model import AgentState, Queue
from dispatcher.overview import Budget, Overview

EPILOG = """\b
Examples:
  dispatcher top acme
  dispatcher top acme --every 5
  dispatcher top acme --once
  watch -n 5 dispatcher top acme --once
"""

PAGES_MAX = 100
"""What one look may read: pages of 100 queues or agents."""
HEAD = ("queue", "waiting", "longest", "preparing", "serving", "agents")
NOT_QUEUES = 6
"""Lines of the board that are not queues."""


@dataclass(frozen=True)
class Row:
    """One queue on the board."""

    queue_id: str
    waiting: int
    longest_s: int
    preparing: int
    serving: int
    agents: int

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the columns."""
        longest = f"{self.longest_s // 60}:{self.longest_s % 60:02d}" if self.waiting else "-"
        return (self.queue_id, str(self.waiting), longest, str(self.preparing), str(self.serving), str(self.agents))


def top(
    tenant: Tenant,
    every: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks.")] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, in plain text, as if this were no terminal.")
    ] = False,
    json: Json = False,
) -> None:
    """Show queues (who waits, the longest wait, preparing, serving) and agents by state, until Ctrl-C."""

    async def look(engine: Dispatcher) -> Overview:
        operator(tenant)
        return await overview.read(engine, tenant, Budget(PAGES_MAX))

    if json or once or not sys.stdout.isatty():
        seen = on_engine(look)
        if json:
            rows = [queue.status for queue in seen.queues]
            show_json({"queues": [row and row.model_dump() for row in rows], "agents": dict(seen.agents)})
        else:
            _show_plain(seen)
        return

    async def live(engine: Dispatcher) -> None:
        # The first look outside: what is wrong from the start is said as by every other verb.
        seen = await look(engine)
        console = Console()
        with Live(board(tenant, seen, console.height), console=console, screen=True, auto_refresh=False) as screen:
            while True:
                await asyncio.sleep(every)
                trouble = ""
                try:
                    seen = await look(engine)
                except DispatcherError as error:
                    if error.code not in NO_ANSWER:
                        raise
                    trouble = f"{error.detail}; trying again"
                screen.update(board(tenant, seen, console.height, trouble), refresh=True)

    with suppress(KeyboardInterrupt):
        on_engine(live)


def rows_of(queues: tuple[Queue, ...]) -> list[Row]:
    """Return the rows, the longest wait first, then by id."""
    rows = [
        Row(s.queue_id, s.wait_num, s.longest_wait_s, s.prepare_num, s.srv_num, s.agent_num)
        for queue in queues
        if (s := queue.status) is not None
    ]
    return sorted(rows, key=lambda row: (-row.longest_s, -row.waiting, row.queue_id))


def board(tenant: str, seen: Overview, height: int, trouble: str = "") -> Group:
    """Draw the board, as many queues as fit into `height` lines."""
    rows = rows_of(seen.queues)
    fitting = max(1, height - NOT_QUEUES)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in HEAD:
        table.add_column(name, justify="left" if name == "queue" else "right", no_wrap=True)
    for row in rows[:fitting]:
        table.add_row(*row.cells, style="bold" if row.waiting and not row.agents else "")
    hidden = len(rows) - fitting
    rest = f"… and {hidden} queues more" if hidden > 0 else ""
    cut = "" if seen.complete else "not all queues and agents were read. "
    return Group(
        Text(f"{tenant}: {_sum(rows)}", style="bold"),
        Text(_agents(seen)),
        Text(f"{cut}{trouble}", style="red"),
        table,
        Text(rest),
    )


def _show_plain(seen: Overview) -> None:
    rows = rows_of(seen.queues)
    typer.echo(_sum(rows))
    typer.echo(_agents(seen))
    if not seen.complete:
        typer.echo("not all queues and agents were read", err=True)
    show_table(HEAD, [row.cells for row in rows], none="there are no queues")


def _sum(rows: list[Row]) -> str:
    waiting, serving = sum(row.waiting for row in rows), sum(row.serving for row in rows)
    return f"{waiting} waiting, {sum(row.preparing for row in rows)} preparing, {serving} serving"


def _agents(seen: Overview) -> str:
    return "agents: " + ", ".join(f"{seen.agents[state.value]} {state.value}" for state in AgentState)
