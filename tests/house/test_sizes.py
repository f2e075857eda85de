"""Nothing grows past what one reading can hold."""

from __future__ import annotations

import ast

from tests.house.tree import ROOT, files, lines, nodes

PYTHON_LINES_MAX = 400
JS_LINES_MAX = 900
"""The SDK is one file, so that a page loads one."""
FUNCTION_LINES_MAX = 50
LUA_LINES_MAX = 110
LUA_CODE_LINES_MAX = 90


def test_files() -> None:
    limits = {"*.py": PYTHON_LINES_MAX, "*.js": JS_LINES_MAX}
    lengths = {path: len((ROOT / path).read_text().splitlines()) for pattern in limits for path in files(pattern)}
    assert not {str(path): length for path, length in lengths.items() if length > limits[f"*{path.suffix}"]}


def test_functions_without_their_docstrings() -> None:
    long = {}
    for path, node in nodes("*.py"):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[0].end_lineno if documented else node.lineno - 1
            length = (node.end_lineno or 0) - (first or 0)
            if length > FUNCTION_LINES_MAX:
                long[f"{path}:{node.lineno} {node.name}"] = length
    assert not long


def test_lua() -> None:
    total: dict[str, int] = {}
    code: dict[str, int] = {}
    for place, line in lines("lua/*.lua"):
        path = place.rpartition(":")[0]
        total[path] = total.get(path, 0) + 1
        if line.strip() and not line.lstrip().startswith("--"):
            code[path] = code.get(path, 0) + 1
    assert not {path: length for path, length in total.items() if length > LUA_LINES_MAX}
    assert not {path: length for path, length in code.items() if length > LUA_CODE_LINES_MAX}
