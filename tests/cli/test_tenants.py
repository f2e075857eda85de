"""`tenant set`, `show`, `rotate-secret` and `user …`, on a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli import app
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.tenancy import TenantPatch
from tests.cli.conftest import run
from tests.cli.test_verbs import engine_does, told

PASSWORD = "correct horse battery"


def typed(text: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text, prog_name="dispatcher")


def secret_works(url: str, tenant: str, secret: str) -> bool:
    async def check(engine: Dispatcher, _: Any) -> bool:
        try:
            await engine.check_secret(tenant, secret, "127.0.0.1", 1000)
        except DispatcherError as error:
            if error.code.name != "TOKEN_AUTH_FAILED":
                raise
            return False
        return True

    return bool(engine_does(url, tenant, check))


def password_works(url: str, tenant: str, user: str, password: str) -> bool:
    async def check(engine: Dispatcher, _: Any) -> bool:
        limits: dict[str, Any] = {"address": "127.0.0.1", "tries_max": 1000, "user_tries_max": 1000}
        try:
            await engine.check_password(tenant, user, password, **limits)
        except DispatcherError as error:
            if error.code.name != "ANCTPSWD_ERR":
                raise
            return False
        return True

    return bool(engine_does(url, tenant, check))


def test_options_are_set_and_shown(acme: str) -> None:
    first = told("tenant", "show", acme)
    assert (first["customer_grace"], first["origins"], first["legacy_login"]) == (60, [], False)
    given = ["customer_grace=5", "time_zone=Asia/Shanghai", "origins=https://a.example, https://b.example"]
    after = told("tenant", "set", acme, *given, "customer_reach=all", "legacy_login=for the pages")
    assert after == first | {
        "customer_grace": 5,
        "time_zone": "Asia/Shanghai",
        "origins": ["https://a.example", "https://b.example"],
        "customer_reach": "all",
        "legacy_login": True,
    }
    plain = run("tenant", "show", acme).stdout
    assert "time_zone       Asia/Shanghai\n" in plain
    assert "legacy_login    yes\n" in plain
    off = told("tenant", "set", acme, "origins=", "legacy_login=")
    assert (off["origins"], off["legacy_login"]) == ([], False)


def test_every_option_is_explained() -> None:
    text = run("tenant", "set", "--help").output
    assert [name for name in TenantPatch.model_fields if f"  {name} " not in text] == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("agent_grace=0", "agent_grace: must be at least 1"),
        ("agent_grace=soon", "agent_grace: must be a whole number"),
        ("time_zone=Here", "time_zone: must be a time zone's IANA name, like Europe/Berlin"),
        ("origins=example", "origins.0: must be '*', or as browsers send it"),
        ("customer_reach=nobody", "customer_reach: must be 'assigned' or 'all'"),
        ("legacy_login=short", "legacy_login: must have 8 to 128 characters"),
        ("secret_hash=x", "secret_hash: there is no such member"),
        ("agent_grace", "not MEMBER=VALUE: agent_grace"),
    ],
)
def test_a_wrong_option_changes_nothing(acme: str, option: str, said: str) -> None:
    before = told("tenant", "show", acme)
    wrong = run("tenant", "set", acme, "customer_grace=7", option)
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith(f"dispatcher: {said}")
    assert told("tenant", "show", acme) == before


def test_a_secret_is_replaced_without_a_moment_in_which_none_is_valid(acme: str, real_url: str) -> None:
    first = told("tenant", "rotate-secret", acme)
    assert first == {"tenant": acme, "secret": first["secret"]}
    shown = run("tenant", "rotate-secret", acme)
    second = shown.stdout.splitlines()[1].removeprefix("secret  ")
    assert "is not shown again" in shown.stderr
    assert [secret_works(real_url, acme, secret) for secret in (first["secret"], second)] == [True, True]
    assert told("tenant", "show", acme)["former_secret"] is True
    assert told("tenant", "rotate-secret", acme, "--drop-old") == {"tenant": acme}
    assert [secret_works(real_url, acme, secret) for secret in (first["secret"], second)] == [False, True]
    assert run("tenant", "rotate-secret", acme, "--drop-old").stdout == f"{acme} has one secret\n"


def test_a_tenant_is_paused_and_goes_on(acme: str, real_url: str) -> None:
    assert told("tenant", "pause", acme) == {"tenant": acme, "paused": True}
    assert run("tenant", "pause", acme).stdout == f"{acme} is paused\n"
    refused = run("tenant", "show", acme)
    assert (refused.exit_code, refused.stderr) == (3, "dispatcher: the tenant is paused\n")
    looked = run("doctor", acme)
    assert (looked.exit_code, looked.stdout) == (0, f"{acme}: well\n")
    assert f"{acme} is paused: it refuses everything until `dispatcher tenant resume {acme}`\n" in looked.stderr
    assert run("tenant", "resume", acme).stdout == f"{acme} goes on\n"
    assert "paused" not in run("doctor", acme).output
    assert told("tenant", "resume", acme) == {"tenant": acme, "paused": False}
    assert told("tenant", "show", acme)["customer_grace"] == 60
    unknown = run("tenant", "pause", "no-such-tenant")
    assert (unknown.exit_code, unknown.stderr) == (1, "dispatcher: there is no such tenant\n")


def test_a_person_from_the_first_password_to_the_last(acme: str, real_url: str) -> None:
    asked = typed(f"{PASSWORD}\n{PASSWORD}\n", "user", "create", acme, "anna", "--role", "agent", "--name", "Anna B")
    assert (asked.exit_code, asked.stdout.splitlines()[-1]) == (0, "anna"), asked.output
    assert PASSWORD not in asked.output
    assert password_works(real_url, acme, "anna", PASSWORD)
    more = ["--role", "agent", "--role", "admin", "--queue", "1", "--queue", "2", "--password-stdin", "--json"]
    made = json.loads(typed(f"{PASSWORD}2\r\nnot this\n", "user", "create", acme, "bert", *more).stdout)
    assert made == {
        "user_id": "bert",
        "name": "bert",
        "roles": ["agent", "admin"],
        "queues": ["1", "2"],
        "created_at": made["created_at"],
    }
    assert password_works(real_url, acme, "bert", PASSWORD + "2")
    assert [account["user_id"] for account in told("user", "list", acme)] == ["anna", "bert"]
    head, anna, bert = run("user", "list", acme).stdout.splitlines()
    assert head.split()[:4] == ["user", "name", "roles", "queues"]
    assert anna.split()[:5] == ["anna", "Anna", "B", "agent", "all"]
    assert bert.split()[:6] == ["bert", "bert", "agent", "admin", "1", "2"]
    changed = typed("another one\n", "user", "passwd", acme, "anna", "--password-stdin")
    assert (changed.exit_code, changed.output) == (0, "")
    assert [password_works(real_url, acme, "anna", one) for one in (PASSWORD, "another one")] == [False, True]
    assert run("user", "delete", acme, "anna").exit_code == 0
    assert not password_works(real_url, acme, "anna", "another one")
    assert [account["user_id"] for account in told("user", "list", acme)] == ["bert"]


def test_what_is_refused_of_people(acme: str) -> None:
    create = ("user", "create", acme, "anna", "--role", "agent", "--password-stdin")
    assert typed(f"{PASSWORD}\n", *create).exit_code == 0
    cases = [
        (PASSWORD, create, 1, "the user has an account already"),
        ("short", create, 2, "password: must have 8 to 128 characters"),
        ("", create, 2, "password: must have 8 to 128 characters"),
        (PASSWORD, ("user", "create", acme, "a/b", *create[4:]), 2, "user_id: must be printable"),
        (PASSWORD, (*create, "--queue", "a b"), 2, "queues."),
        (PASSWORD, ("user", "passwd", acme, "nobody", "--password-stdin"), 1, "the user has no account"),
        (PASSWORD, ("user", "delete", acme, "nobody"), 1, "the user has no account"),
        (PASSWORD, ("user", "list", "no-such-tenant"), 1, "there is no such tenant"),
        (PASSWORD, ("tenant", "show", "No Such"), 1, "there is no tenant No Such"),
    ]
    for text, command, exit_code, said in cases:
        refused = typed(f"{text}\n", *command)
        assert (refused.exit_code, refused.stdout) == (exit_code, ""), refused.output
        assert refused.stderr.startswith(f"dispatcher: {said}")
        assert not text or text not in refused.output
    twice = typed("one password\nanother password\n", *create[:-1])
    assert twice.exit_code == 1
    assert "do not match" in twice.output


def test_a_password_that_nobody_is_there_to_type(acme: str) -> None:
    result = typed("", "user", "passwd", acme, "anna")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "dispatcher: no password was given; --password-stdin reads it from standard input"
    )


def test_without_a_terminal_nothing_of_python_is_shown(acme: str) -> None:
    command = [sys.executable, "-m", "dispatcher", "user", "passwd", acme, "anna"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
    )
    assert done.returncode == 1
    assert "no password was given; --password-stdin reads it" in done.stderr
    assert "GetPassWarning" not in done.stderr


def test_what_is_to_be_named_is_called_name() -> None:
    assert "dispatcher tenant create [OPTIONS] {NAME}" in run("tenant", "create", "--help").stdout
