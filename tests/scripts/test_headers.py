"""Every header tells the truth about its script, and no script does what the rules of the house forbid."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from dispatcher.errors import Code
from dispatcher.store.keys import CHANNELS, TENANT_KEYS
from dispatcher.store.scripts import Scripts, lua_folder, read_source
from tests.scripts.world import REQUEST_ERRORS

SCRIPTS = Scripts()
VIRTUAL = Scripts(clock="virtual")
FILES = sorted(lua_folder().rglob("*.lua"))

FOR_ALL = {"TOKEN_APPIDNOTEXIST", "UNAVAILABLE"}
"""Any script may answer that there is no such tenant, or that it is paused."""

EXPLAINED_EVENTS = {
    # Libs are shared whole functions: what of them a command can reach by its words, but never in fact.
    "agent_stop_service": {"assignment.rejected", "assignment.missed"},
    "assignment_reject": {"assignment.cancelled", "assignment.missed"},
    "contact_start_queuing": {"contact.returned", "contact.held", "contact.ended"},
    "queue_delete": {"assignment.completed"},
    "call_accept": {"agent.changed"},
    "call_hangup": {"assignment.missed"},
    # What the end of a call means is one function, whether it rang or was answered.
    "call_reject": {
        "assignment.completed",
        "assignment.missed",
        "assignment.rejected",
        "call.ended",
        "contact.entered",
        "contact.held",
        "contact.returned",
    },
    "message_send": {"agent.changed"},
    "session_close": {"contact.returned"},
}
DRAINING = {
    "account_delete",
    "agent_stop_service",
    "assignment_reject",
    "call_hangup",
    "call_reject",
    "contact_complete",
    "contact_stop_queuing",
    "node_renew",
    "queue_delete",
    "session_close",
    "tenant_pause",
    "tenant_resume",
    "tick",
}
"""What only ends or frees, or keeps what there is: it must work on a full store, so that the store can drain."""

UNTOLD = {
    "account_login",
    "message_send",
    "node_renew",
    "tenant_create",
    "tenant_login",
    "tenant_login_legacy",
    "tenant_mint",
    "tenant_pause",
    "tenant_resume",
    "user_watch",
}
"""What changes something without an event: a new tenant, the memory of the request, that somebody watches, tries,
that a node lives, a pause.
"""

READS = {"EXISTS", "GET", "HEXISTS", "HGET", "HMGET", "TIME", "ZCARD", "ZCOUNT", "ZINTER", "ZRANGE", "ZRANGEBYLEX"}
READS |= {"ZRANGEBYSCORE", "ZRANK", "ZSCORE"}
WRITES = {"HDEL", "HINCRBY", "HSET", "INCR", "PERSIST", "PEXPIRE", "SET", "SPUBLISH", "UNLINK", "XADD", "ZADD", "ZREM"}

_FUNCTION = re.compile(r"^(?=local function (\w+))(.*?^end$)", re.MULTILINE | re.DOTALL)
_EVENT = re.compile(r"'((?:contact|assignment|agent|queue|session|call)\.[a-z]+|audit)'")
_FAIL = re.compile(r"fail\('([A-Z_]+)'")
_CALL = re.compile(r"\bredis\.call\(([^,)]*)")
_END = re.compile(r"end_assignment\([^,]+, (?:word == 'missed' and )?'(\w+)'(?: or '(\w+)')?")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


@cache
def carried(name: str) -> str:
    """Return a command's source with all functions of its libs that it can reach."""
    libs: list[str] = []

    def visit(lib: str) -> None:
        if lib not in libs:
            libs.append(lib)
            for other in SCRIPTS.libs[lib].uses:
                visit(other)

    for lib in SCRIPTS.commands[name].uses:
        visit(lib)
    source = "\n".join(SCRIPTS.libs[lib].body for lib in libs)
    functions = dict(_FUNCTION.findall(source))
    reached = [_FUNCTION.sub("", source), SCRIPTS.commands[name].body]
    for text in reached:
        for word in sorted(set(re.findall(r"\w+", text)) & functions.keys()):
            reached += [functions.pop(word)]  # and what it reaches is looked at in turn
    return "\n".join(reached)


def section(name: str, what: str) -> set[str]:
    return set(SCRIPTS.commands[name].sections.get(what, "").split()) - {"none"}


def spoken_events(name: str) -> set[str]:
    """Return the events whose names stand in the functions that a script carries."""
    told = set(_EVENT.findall(carried(name)))
    for states in _END.findall(carried(name)):
        told |= {f"assignment.{state}" for state in states if state}
    return told


def test_a_command_is_named_by_noun_and_verb() -> None:
    assert all(re.fullmatch(r"tick|[a-z]+(_[a-z]+)+", name) for name in SCRIPTS.names)


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_a_composed_script_declares_its_language(name: str) -> None:
    for scripts in (SCRIPTS, VIRTUAL):
        assert re.match(r"#!lua( flags=[a-z-]+)?\n", scripts.text(name))
    assert "'TIME'" not in VIRTUAL.text(name)
    assert SCRIPTS.text(name).count("'TIME'") == (name != "tenant_login")


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_the_keys_are_the_tenant_and_the_guard(name: str) -> None:
    assert section(name, "KEYS") == {"meta", "guard"}


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_every_argument_is_used_and_named_once(name: str) -> None:
    named = SCRIPTS.commands[name].sections["ARGV"].split()
    assert [argument for argument in named if not re.search(rf"\b{argument}\b", SCRIPTS.commands[name].body)] == []
    assert len(set(SCRIPTS.arguments(name))) == len(SCRIPTS.arguments(name))


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_every_failure_is_named_and_every_named_one_occurs(name: str) -> None:
    named = section(name, "ERRORS")
    codes = named - {"REQUEST"}
    assert codes <= set(Code.__members__)
    assert {code for code in codes if f"'{code}'" not in carried(name)} == set()
    assert ("REQUEST" in named) == ("request" in SCRIPTS.commands[name].uses)
    allowed = codes | FOR_ALL | (REQUEST_ERRORS if "REQUEST" in named else set())
    assert set(_FAIL.findall(carried(name))) <= allowed


@pytest.mark.parametrize("name", sorted(set(SCRIPTS.names) - {"tick"}))
def test_every_event_is_named_and_every_named_one_occurs(name: str) -> None:
    named = section(name, "EVENTS")
    assert named - spoken_events(name) == set()
    assert spoken_events(name) - named == EXPLAINED_EVENTS.get(name, set())


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_the_bound_is_a_number_for_any_size(name: str) -> None:
    bound = SCRIPTS.commands[name].sections["CALLS"]
    assert re.fullmatch(r"[0-9+*() ]*((served|limit)[0-9+*() ]*)*", bound)
    for served, limit in ((0, 0), (100, 100)):
        assert 0 < eval(bound, {"served": served, "limit": limit}) < 30_000


def test_only_what_ends_or_frees_is_let_through_when_memory_is_full() -> None:
    assert {name for name in SCRIPTS.names if "allow-oom" in section(name, "FLAGS")} == DRAINING


@pytest.mark.parametrize("name", SCRIPTS.names)
def test_only_commands_that_are_cheap_at_any_size_are_called(name: str) -> None:
    called = _CALL.findall(carried(name))
    commands = {word.strip("'") for word in called if word.startswith("'")}
    assert [word for word in called if not word.startswith("'")] == []
    assert commands <= READS | WRITES
    if not section(name, "EVENTS") and name not in UNTOLD:
        assert commands <= READS, "a script without events changes nothing"


def test_no_file_names_a_key_itself() -> None:
    facets = {f"{key.facet}:" for key in TENANT_KEYS + CHANNELS}
    for path in FILES:
        literals = [single or double for single, double in _STRING.findall(_code(path))]
        assert [word for word in literals if "acd:" in word or word in facets] == [], path
        assert not re.search(r"\b(KEYS|ARGV)\b", _code(path)), path


def test_no_file_does_what_is_forbidden() -> None:
    for path in FILES:
        code = _code(path)
        assert not re.search(r"\b(EVAL\w*|FCALL\w*|SCAN|SMEMBERS|HGETALL|HKEYS|HVALS|FLUSH\w*|DEL)\b", code), path
        assert not re.search(r"\b(pcall|loadstring|dofile|setfenv|math\.random\w*|os\.\w+)\b", code), path
        assert ("'TIME'" in code) == (path == lua_folder() / "lib" / "clock.lua"), path
        assert "cjson.encode" not in code, f"{path}: it loses digits, and knows no empty list"


def test_every_lib_is_used_and_says_what_it_is_for() -> None:
    used = {lib for source in (*SCRIPTS.commands.values(), *SCRIPTS.libs.values()) for lib in source.uses}
    assert used == set(SCRIPTS.libs) - {"clock_virtual"}
    assert all(path.read_text().startswith("-- ") for path in FILES)


def _code(path: Path) -> str:
    return re.sub(r" -- .*$", "", read_source(path).body, flags=re.MULTILINE)
