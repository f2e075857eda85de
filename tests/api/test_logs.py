"""What a log may hold: no payloads, in tracebacks neither."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from dispatcher import logs, settings
from dispatcher.model import Page, Queue


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("DISPATCHER_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    before = structlog.get_config(), root.handlers, root.level
    yield
    structlog.configure(**before[0])
    root.handlers = before[1]
    root.setLevel(before[2])


def fail(payload: str) -> None:
    Page[Queue].model_validate_json(json.dumps({"items": [{"queue_id": "1", "name": [payload]}]}))


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_a_traceback_tells_the_place_and_no_values(
    log_format: str, whose: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISPATCHER_LOG_FORMAT", log_format)
    logs.configure(settings.load())
    secret = "the customer's own words"
    try:
        fail(secret)
    except ValueError:
        (structlog.get_logger("x") if whose == "ours" else logging.getLogger("x")).exception("it.failed")
    said = capfd.readouterr().err
    assert "it.failed" in said
    assert "in fail" in said or '"name": "fail"' in said
    assert secret not in said
    assert "locals" not in said


@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_a_json_line_begins_with_the_event(
    whose: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISPATCHER_LOG_FORMAT", "json")
    logs.configure(settings.load())
    if whose == "ours":
        structlog.get_logger("x").warning("it.happened", node="n1")
    else:
        logging.getLogger("x").warning("it.happened")
    line = capfd.readouterr().err
    assert line.startswith('{"event": "it.happened", ')
    assert json.loads(line)["level"] == "warning"
