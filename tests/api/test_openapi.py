"""The OpenAPI document is whole: an example of every shape, and every refusal that a script may give."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import dispatcher
from api import http, routes
from api.openapi import ANY_ROW, REFUSALS, WITH_TOKEN
from dispatcher.errors import Code
from tests.scripts.world import SCRIPTS

DOCUMENT = http.build(body_bytes_max=1).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def _calls(tree: ast.AST, of: str) -> set[str]:
    """Return the names of what is called on `of` (`engine.start`) in a piece of code."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == of
    }


def _functions(folder: Path) -> dict[str, ast.AST]:
    return {
        node.name: node
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    }


HANDLERS = _functions(Path(routes.__file__).parent)
METHODS = _functions(Path(dispatcher.__file__).parent)


def script_errors(operation: str) -> set[str]:
    """Return the errors of the scripts that a row's handler runs."""
    methods = [METHODS[name] for name in _calls(HANDLERS[operation], "engine") if name in METHODS]
    scripts = {
        node.value
        for method in methods
        for node in ast.walk(method)
        if isinstance(node, ast.Constant) and node.value in SCRIPTS.names
    }
    return {word for script in scripts for word in SCRIPTS.commands[script].sections["ERRORS"].split()}


def test_every_row_says_what_it_may_be_refused_for() -> None:
    assert OPERATIONS.keys() == REFUSALS.keys()
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            for name in response.get("content", {}).get("application/problem+json", {}).get("examples", {}):
                assert Code[name].status == int(status)


NOT_BY_THIS_ROW = {"list_agents": {"QUE_ID_INVALID", "QUE_SERVICE_NOT_START"}}
"""The script of all agents is also that of one queue's."""


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_no_refusal_of_a_script_is_missing(operation: str) -> None:
    named = set(f"{REFUSALS[operation]} {ANY_ROW} {WITH_TOKEN}".split())
    assert script_errors(operation) - named - {"none", "REQUEST"} == NOT_BY_THIS_ROW.get(operation, set())


def test_the_scripts_of_the_rows_are_found() -> None:
    assert {"QUEUE_FULL", "NO_AGENTS"} <= script_errors("start_queuing")
    assert "QUE_USER_CANCELLED" in script_errors("accept")


def _shapes(operation: dict[str, Any]) -> set[str]:
    """Return the names of what a row takes and answers."""
    contents = [operation.get("requestBody", {}), *(r for s, r in operation["responses"].items() if s[0] == "2")]
    schemas = [c["schema"] for part in contents for c in part.get("content", {}).values() if "schema" in c]
    return {schema["$ref"].rpartition("/")[2] for schema in schemas if "$ref" in schema}


@pytest.mark.parametrize("shape", sorted(set().union(*(_shapes(operation) for operation in OPERATIONS.values()))))
def test_every_shape_has_an_example_of_its_kind(shape: str) -> None:
    schema = {"$ref": f"#/components/schemas/{shape}", "components": {"schemas": SCHEMAS}}
    validator = Draft202012Validator(schema)
    (example,) = SCHEMAS[shape]["examples"]
    assert [error.message for error in validator.iter_errors(example)] == []
    assert not validator.is_valid({"no such member": 1})


def _answers(operation: dict[str, Any]) -> dict[str, Any]:
    return {status: response for status, response in operation["responses"].items() if status[0] == "2"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_row_reads_like_one(name: str) -> None:
    """In words, not in the names of our functions; an example of each answer and of each id in the path."""
    operation = OPERATIONS[name]
    assert operation["summary"] == name[0].upper() + name[1:].replace("_", " ")
    for response in _answers(operation).values():
        assert response["description"] != "Successful Response"
        for content in response.get("content", {}).values():
            shape = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            assert "example" in content or "examples" in SCHEMAS[shape]
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] != "path" or Draft202012Validator(parameter["schema"]).is_valid(parameter["example"])
        assert parameter["description"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_refusal_names_its_headers(name: str) -> None:
    wanted = {"401": {"WWW-Authenticate"}, "429": {"Retry-After"}, "503": {"Retry-After"}}
    for status, response in OPERATIONS[name]["responses"].items():
        assert response.get("headers", {}).keys() == {"X-Request-ID"} | wanted.get(status, set())


def test_every_noun_is_explained() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(tag["description"] for tag in DOCUMENT["tags"])
