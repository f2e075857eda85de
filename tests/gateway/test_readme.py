"""The tables of the gateway's README are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.gateway.commands import COMMANDS, HelloArgs, NoArgs
from api.gateway.examples import SAID
from api.gateway.protocol import Close
from dispatcher.model import Model

TEXT = (Path(__file__).parents[2] / "api" / "gateway" / "README.md").read_text()
ARGS: dict[str, type[Model]] = {"hello": HelloArgs, "me": NoArgs}
ARGS |= {name: row.args for name, row in COMMANDS.items()}
TOLD = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]*)\|", TEXT, re.MULTILINE))


def test_the_table_of_commands() -> None:
    assert list(TOLD) == list(ARGS)


@pytest.mark.parametrize("name", ARGS)
def test_the_arguments_of_a_command(name: str) -> None:
    fields = ARGS[name].model_fields.items()
    written = [f"`{field}`" if info.is_required() else f"[`{field}`]" for field, info in fields]
    assert TOLD[name].strip() == ", ".join(written)


def test_the_table_of_close_codes() -> None:
    told = re.findall(r"^\| (\d{4}) \|", TEXT, re.MULTILINE)
    assert set(told) == {str(int(code)) for code in Close if code is not Close.NORMAL}
    assert len(told) == len(set(told))


def test_what_a_command_does_is_said_alike_in_the_document() -> None:
    told = dict(re.findall(r"^\| `([a-z_]+)` \| [^|]*\| (.*) \|$", TEXT, re.MULTILINE))
    assert {name: said.summary for name, said in SAID.items()} == told
