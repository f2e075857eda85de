"""House rules that no linter knows."""

from __future__ import annotations

import ast

from tests.house.tree import nodes

SKIPS = {"importorskip", "skip", "skipif", "xfail"}


def _attribute(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def test_every_task_has_a_name() -> None:
    unnamed = [
        f"{path}:{node.lineno}"
        for path, node in nodes("dispatcher/*.py", "api/*.py")
        if isinstance(node, ast.Call)
        and _attribute(node) in {"create_task", "ensure_future"}
        and "name" not in {keyword.arg for keyword in node.keywords}
    ]
    assert not unnamed


def test_no_test_may_be_left_out() -> None:
    left_out = [
        f"{path}:{node.lineno}"
        for path, node in nodes("tests/*.py")
        if isinstance(node, ast.Attribute)
        and node.attr in SKIPS
        and (isinstance(node.value, ast.Attribute) or (isinstance(node.value, ast.Name) and node.value.id == "pytest"))
    ]
    assert not left_out


def test_no_test_sleeps_for_long() -> None:
    sleeping = [
        f"{path}:{node.lineno}"
        for path, node in nodes("tests/*.py")
        if isinstance(node, ast.Call)
        and _attribute(node) == "sleep"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, int | float)
        and node.args[0].value >= 0.1
    ]
    assert not sleeping
