"""The tables of api/README.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from api import http
from dispatcher.errors import Code

TEXT = (Path(__file__).parents[2] / "api" / "README.md").read_text()


def test_the_table_of_errors() -> None:
    told = re.findall(r"^\| ([A-Z_]+) \| (\d+) \| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert told == [(code.name, str(code.errno), str(code.status), code.title) for code in Code]


def test_the_table_of_rows() -> None:
    told = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", TEXT, re.MULTILINE)
    paths = http.build(body_bytes_max=1).openapi()["paths"]
    known = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    assert set(told) == known
    assert len(told) == len(known)
