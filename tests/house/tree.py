"""The files of the repository, as git knows them: committed ones, and new ones that it does not ignore."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files(*patterns: str) -> tuple[Path, ...]:
    """Return the paths (relative to ROOT) that match one of git's `patterns`; without patterns, all."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted({Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()}))


def lines(*patterns: str) -> Iterator[tuple[str, str]]:
    """Yield `(place, line)` of every text file that matches, place being `path:number`."""
    for path in files(*patterns):
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path}:{number}", line


def nodes(*patterns: str) -> Iterator[tuple[Path, ast.AST]]:
    """Yield every node of the syntax tree of every Python file that matches."""
    for path in files(*patterns):
        for node in ast.walk(ast.parse((ROOT / path).read_text(), str(path))):
            yield path, node
