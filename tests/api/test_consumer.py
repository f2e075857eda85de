"""The example of a consumer counts every contact once, however often it is killed and the node is away."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Presence, QueueCreate, Role
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.api.nodes import Running, node

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "count_contacts.py"


class Counts:
    """The example as a process, and what it has counted."""

    def __init__(self, a: Running, tenant: str, path: Path) -> None:
        self.path = path
        self.url = f"http://127.0.0.1:{a.port}"
        self.token = a.app.node.tokens.mint(tenant, "reports", "", [Role.SUPERVISOR]).token

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it, and kill -9 at the end."""
        command = [sys.executable, str(EXAMPLE), self.url, str(self.path)]
        process = subprocess.Popen(command, env={"DISPATCHER_TOKEN": self.token}, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def ended(self) -> dict[str, int]:
        """Return how many contacts it counted, by reason."""
        if not self.path.exists():
            return {}
        with closing(sqlite3.connect(self.path)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'ended'").fetchone():
                return {}
            return dict(db.execute("SELECT reason, contacts FROM ended"))

    async def reach(self, count: int) -> None:
        """Wait until so many are counted."""
        async with asyncio.timeout(30):
            while sum(self.ended().values()) < count:  # noqa: ASYNC110  # another process, which announces nothing
                await asyncio.sleep(0.002)


async def leave(dispatcher: Dispatcher, admin: Actor, count: int) -> None:
    """Let customers join and go."""
    for _ in range(count):
        contact = await dispatcher.start_queuing(admin, "q", customer_id=uuid.uuid4().hex, presence=Presence.NONE)
        await dispatcher.stop_queuing(admin, contact.contact_id)


async def test_killed_in_the_middle_again_and_again_it_counts_each_contact_once(
    store: Store, dispatcher: Dispatcher, tenant: str, tmp_path: Path
) -> None:
    admin = Actor(tenant=tenant, user_id="root", roles=frozenset({Role.ADMIN}))
    await dispatcher.create_queue(admin, QueueCreate(queue_id="q"))
    await leave(dispatcher, admin, 60)
    async with node(store, f"a-{tenant}") as a:
        counts = Counts(a, tenant, tmp_path / "counts.db")
        for round in range(4):
            before = sum(counts.ended().values())
            with counts.running():
                await leave(dispatcher, admin, 5)
                await counts.reach(before + 3)
            assert sum(counts.ended().values()) <= 60 + 5 * (round + 1)
        with counts.running():
            await leave(dispatcher, admin, 5)
            await counts.reach(85)
            await leave(dispatcher, admin, 1)
            await counts.reach(86)
    # The supervisor took out customers that were somebody else: `removed`.
    assert counts.ended() == {"removed": 86}
    assert await store.client.xlen(key(tenant, "log")) >= 2 * 86


async def test_it_waits_for_a_node_that_is_away_and_goes_on(
    store: Store, dispatcher: Dispatcher, tenant: str, tmp_path: Path
) -> None:
    admin = Actor(tenant=tenant, user_id="root", roles=frozenset({Role.ADMIN}))
    await dispatcher.create_queue(admin, QueueCreate(queue_id="q"))
    async with node(store, f"a-{tenant}") as a:
        counts = Counts(a, tenant, tmp_path / "counts.db")
        with counts.running() as process:
            await leave(dispatcher, admin, 3)
            await counts.reach(3)
            a.app.node.hub.end_streams()
            a.app.node.hub._logs._ended = False
            await leave(dispatcher, admin, 3)
            await counts.reach(6)
            assert process.poll() is None
    assert counts.ended() == {"removed": 6}
