"""The bot in `deploy/examples`, as a process: it serves customers, hands them on, and survives its own death."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dispatcher.client import Client, SyncClient
from tests.e2e.nodes import World, offered, until
from tests.house.tree import ROOT

BOT = ROOT / "deploy" / "examples" / "bot.py"


@contextmanager
def bot(world: World, *queues: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the bot on the first node, and kill -9 at the end."""
    environment = os.environ | {"DISPATCHER_TENANT": world.tenant, "DISPATCHER_SECRET": world.secret}
    process = subprocess.Popen([sys.executable, str(BOT), world.nodes[0], *queues], env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def told(customer: Client) -> str:
    return str((await customer.wait_for("message")).data["data"])


async def ask(customer: Client, text: str) -> str:
    await customer.send_cmd("bot", text)
    return await told(customer)


async def test_a_bot_serves_one_after_another(world: World) -> None:
    for queue_id in ("support", "sales"):
        await world.queue(queue_id)
    kim, lee = await world.customer("kim"), await world.customer("lee")
    await kim.start_queuing("support")
    await lee.start_queuing("support")
    with bot(world, "support", "sales"):
        assert await told(kim) == "Hello Kim! hours, price, or a person?"
        assert await ask(kim, "your hours?") == "We are here from 9 to 5."
        assert await ask(kim, "what?") == "hours, price, or a person?"
        await kim.send_cmd("bot", "bye")
        assert (await kim.wait_for("contact.ended")).data["reason"] == "completed"
        assert await told(lee) == "Hello Lee! hours, price, or a person?"
        # Who leaves in the middle is no mishap of the bot's.
        await lee.stop_queuing()
        await kim.start_queuing("support")
        assert await told(kim) == "Hello Kim! hours, price, or a person?"


async def test_a_bot_hands_on_who_asks_for_a_person(world: World) -> None:
    for queue_id in ("support", "sales"):
        await world.queue(queue_id)
    anna = await world.agent("anna")
    await anna.start_service("sales")
    kim = await world.customer("kim")
    await kim.start_queuing("support", ext="order 7")
    with bot(world, "support", "sales"):
        await told(kim)
        await kim.send_cmd("bot", "a person, please")
        given = (await anna.wait_for("assignment.offered")).data["contact"]
        assert (given["customer_id"], given["queue_id"], given["ext"]) == ("kim", "sales", "order 7")


async def test_a_bot_that_was_killed_goes_on_with_whom_it_served(world: World) -> None:
    for queue_id in ("support", "sales"):
        await world.queue(queue_id)
    kim = await world.customer("kim")
    await kim.start_queuing("support")
    with bot(world, "support", "sales"):
        await told(kim)
    await until(lambda: kim.get_queue_status("support"), lambda counts: counts.agent_num == 0)
    with bot(world, "support", "sales"):
        await until(lambda: kim.get_queue_status("support"), lambda counts: counts.agent_num == 1)
        assert await ask(kim, "price") == "It costs 7 a month.", "it is not greeted again"


async def test_what_the_page_of_the_client_shows_runs_as_it_stands(world: World) -> None:
    page = (ROOT / "dispatcher" / "client" / "README.md").read_text()
    whole, waiting = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    scope: dict[str, Any] = {}
    exec(whole.replace("http://127.0.0.1:8000", world.nodes[1]), scope)
    await world.queue("sales")
    anna = await world.agent("anna")
    await anna.start_service("sales")
    following = asyncio.create_task(scope["main"](world.tenant, world.secret), name="the page's program")
    given = (await anna.wait_for("assignment.offered")).data["contact"]
    assert (given["name"], given["ext"]) == ("Kim", "about the quote")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    # His line broke, so he is held; Lee is matched in his place.
    await anna.wait_for("assignment.cancelled")
    scope |= {"SyncClient": SyncClient, "token": await world.token("lee")}
    await asyncio.to_thread(exec, waiting, scope)
    assert await offered(anna) == "lee"
