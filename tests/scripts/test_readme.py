"""lua/README.md says what is so: its tables are the key table, its walk can be walked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest

from dispatcher.event_model import LOGGED_EVENTS
from dispatcher.store.connect import Store
from dispatcher.store.keys import CHANNELS, GLOBAL_KEYS, TENANT_KEYS, Key
from tests.scripts.world import SCRIPTS, World

README = Path(__file__).parents[2] / "lua" / "README.md"
START_AT = 1_763_824_800_000


def table(rows: Iterable[Key], prefix: str = "acd:{tenant}:") -> str:
    """Print rows of the key table as the page shows them."""
    lines = ["| key | type | content | lives |", "|---|---|---|---|"]
    for row in rows:
        name = f"`{prefix}{row.facet}{':<' + row.id + '>' if row.id else ''}`"
        lines.append(f"| {name} | {row.type} | {row.content} | {row.lives} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "shown_table"),
    [("keys", table(TENANT_KEYS)), ("channels", table(CHANNELS)), ("global", table(GLOBAL_KEYS, "acd:"))],
)
def test_the_page_shows_the_key_table(name: str, shown_table: str) -> None:
    shown = re.search(rf"<!-- {name} -->\n(.*)<!-- /{name} -->", README.read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == shown_table


def test_the_page_names_every_script() -> None:
    text = README.read_text()
    section = text[text.index("## What each script does") : text.index("### How a script is put together")]
    named = {word for word in re.findall(r"\w+", section) if word in SCRIPTS.names}
    assert named == set(SCRIPTS.names)


def test_the_page_names_every_event_of_the_log() -> None:
    text = README.read_text()
    section = text[text.index("### Events") : text.index("## What each script does")]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z.]+)`", row)]
    assert len(named) == len(set(named))
    assert set(named) >= LOGGED_EVENTS


class Walk:
    """Plays the lines of a ```play block."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def play(self, line: str) -> None:
        """Do one line, e.g. `kim start_queuing support`."""
        who, verb, *rest = line.split()
        world = self.world
        if rest == ["pass"]:
            await world.after(float(who))
        elif verb == "logs":
            await world.login(who)
        elif verb == "start_queuing":
            await world.join(who, rest[0])
        elif verb == "start_service":
            await world.serve(who, rest[0], priority=int(rest[1]))
        elif verb == "accept":
            await world.answer(who, "accept")
        else:
            contact = (await world.assignments(who))[0]["contact"]["contact_id"]
            await world.act(who, verb, contact)


def shown_by_redis_cli(answer: object) -> str:
    """Print an answer as redis-cli does."""
    if answer is None:
        return "(nil)"
    if isinstance(answer, int):
        return f"(integer) {answer}"
    if isinstance(answer, list):
        return "\n".join(f"{n}) {shown_by_redis_cli(item)}" for n, item in enumerate(answer, 1))
    if isinstance(answer, float):
        # redis-py's own reading of a score.
        answer = int(answer)
    return f'"{answer}"'


async def test_the_walk_can_be_walked(store: Store, world: World) -> None:
    await world.queue("support", offer_timeout=30, connect_timeout=60, wrap_up=10)
    walk = Walk(world)
    blocks = re.findall(r"```(play|redis)\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) > 10
    for kind, text in blocks:
        if kind == "play":
            for line in text.splitlines():
                await walk.play(line)
            continue
        for command, answer in re.findall(r"> (.*)\n((?:[^>].*\n)+)", text):
            words = shlex.split(command.replace("{walk}", f"{{{world.tenant}}}"))
            got = await store.client.execute_command(*words)
            assert shown_by_redis_cli(got) == answer.strip(), command
