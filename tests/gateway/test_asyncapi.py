"""The AsyncAPI document: valid by its own schema, and true of the frames that a node sends and takes.

`node.Socket` holds every frame of every test of the gateway against it; here is what that does not show.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from api.gateway.commands import COMMANDS
from dispatcher.errors import Code
from dispatcher.event_model import EVENTS
from tests.gateway.shapes import DOCUMENT, check
from tests.scripts.world import SCRIPTS

SPECIFICATION = "@asyncapi/specs@6.11.1"


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the JSON schema of AsyncAPI 3.0 documents."""
    folder: Path = tmp_path_factory.mktemp("asyncapi")
    subprocess.run(["npm", "pack", "--silent", SPECIFICATION], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        member = tar.extractfile("package/schemas/3.0.0.json")
        assert member is not None
        return dict(json.load(member))


@pytest.mark.needs("npm")
def test_is_a_valid_document(specification: dict[str, Any]) -> None:
    validator = Draft7Validator(specification)
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []
    broken = {**DOCUMENT, "channels": {"socket": {"address": 1}}}
    assert not validator.is_valid(broken), "the schema refuses what it should"


def test_names_every_command_and_every_event_that_a_script_tells() -> None:
    assert set(DOCUMENT["operations"]) == {"events", "hello", "me", *COMMANDS}
    told = {event for source in SCRIPTS.commands.values() for event in source.sections["EVENTS"].split()}
    assert told - {"none", "those", "of", "what", "it", "does"} <= EVENTS.keys()


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(part) for part in value.values()))
        return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()

    def leads(reference: str) -> bool:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            if step not in place:
                return False
            place = place[step]
        return True

    assert [reference for reference in sorted(references(DOCUMENT)) if not leads(reference)] == []


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
def test_every_error_is_an_answer(code: Code) -> None:
    error = {"code": code.name, "errno": code.errno, "detail": ""}
    check({"id": 1, "ok": False, "error": error}, "accept")
    with pytest.raises(ValidationError):
        check({"id": 1, "ok": False, "error": {**error, "code": "NO_SUCH"}}, "accept")


@pytest.mark.parametrize(
    "frame",
    [
        {"events": [{"event": "no.such", "data": {}}], "at": 2},
        {"events": [{"event": "queue.deleted", "data": {}}], "at": 2},
        {"events": [{"event": "queue.deleted", "data": {"queue_id": "1", "more": 1}}], "at": 2},
        {"events": [], "at": "now"},
        {"id": 1, "ok": True, "result": {"queue_id": "1"}},
    ],
)
def test_what_is_not_so_is_found(frame: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(frame, "accept")


@pytest.mark.parametrize(
    "name", ["events", *(n for command in ("hello", "me", *COMMANDS) for n in (command, f"{command}.answer"))]
)
def test_every_message_has_an_example_of_its_kind(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    assert message["summary"]
    (example,) = message["examples"]
    validator = Draft7Validator({"allOf": [message["payload"]], "components": DOCUMENT["components"]})
    assert [error.message for error in validator.iter_errors(example["payload"])] == []


def test_every_event_is_listed_with_whom_it_goes_to() -> None:
    for name, kind in EVENTS.items():
        assert f"- `{name}`: to {kind.to}" in DOCUMENT["operations"]["events"]["description"].splitlines()
