from __future__ import annotations

import base64
import json
import time

import jwt
import pytest

from api.auth import Tokens
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Role

OLD, NEW = "o" * 32, "n" * 32


def _code(tokens: Tokens, token: str) -> Code:
    with pytest.raises(DispatcherError) as caught:
        tokens.read(token)
    return caught.value.code


def test_a_token_says_what_it_was_made_with() -> None:
    tokens = Tokens([NEW])
    token, expires_at = tokens.mint("t", "ann", "Ann", {Role.AGENT}, ["1", "2"], 60)
    claims = tokens.read(token)
    assert claims.expires_at == expires_at
    assert abs(expires_at - (time.time() + 60) * 1000) < 2000
    actor = claims.actor("client", 7)
    assert (actor.tenant, actor.user_id, actor.name) == ("t", "ann", "Ann")
    assert (actor.roles, actor.queues) == (frozenset({Role.AGENT}), frozenset({"1", "2"}))
    assert (actor.client, actor.request_id) == ("client", 7)


def test_without_queues_a_token_limits_nothing() -> None:
    tokens = Tokens([NEW])
    assert tokens.read(tokens.mint("t", "u", "", {Role.AGENT}).token).queues is None
    assert tokens.read(tokens.mint("t", "u", "", {Role.AGENT}, []).token).queues == frozenset()


def test_the_first_key_signs_and_all_verify() -> None:
    before, between, after = Tokens([OLD]), Tokens([NEW, OLD]), Tokens([NEW])
    old, new = before.mint("t", "u", "", {Role.CUSTOMER}).token, between.mint("t", "u", "", {Role.CUSTOMER}).token
    assert between.read(old).user_id == "u"
    assert after.read(new).user_id == "u"
    assert _code(after, old) is Code.TOKEN_AUTH_FAILED


def test_an_expired_token_is_told_apart() -> None:
    tokens = Tokens([OLD, NEW])
    for key in (OLD, NEW):
        assert _code(tokens, Tokens([key]).mint("t", "u", "", {Role.CUSTOMER}, None, -1).token) is Code.TOKEN_TIMEOUT


def test_a_token_that_has_been_read_ends_on_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens([NEW])
    minted = tokens.mint("t", "u", "", {Role.CUSTOMER}, None, 60)
    monkeypatch.setattr(time, "time", lambda: minted.expires_at / 1000 - 0.001)
    assert tokens.read(minted.token).user_id == "u"
    monkeypatch.setattr(time, "time", lambda: minted.expires_at / 1000)
    assert _code(tokens, minted.token) is Code.TOKEN_TIMEOUT


def _signed(payload: dict[str, object]) -> str:
    return jwt.encode(payload, NEW, algorithm="HS256")


EXP = 9_999_999_999


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "\ud800",
        "x" * 100_000,
        _signed({}),
        _signed({"sub": "u", "tenant": "t"}),
        _signed({"sub": "u", "exp": EXP}),
        _signed({"sub": "me", "tenant": "t", "exp": EXP}),
        _signed({"sub": "a/b", "tenant": "t", "exp": EXP}),
        _signed({"sub": "u", "tenant": "T", "exp": EXP}),
        _signed({"sub": "u", "tenant": "t}:x", "exp": EXP}),
        _signed({"sub": "u", "tenant": "t", "exp": EXP, "roles": []}),
        _signed({"sub": "u", "tenant": "t", "exp": EXP, "roles": ["god"]}),
        _signed({"sub": "u", "tenant": "t", "exp": EXP, "queues": "1"}),
        _signed({"sub": "u", "tenant": "t", "exp": 10**40}),
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    assert _code(Tokens([NEW]), token) is Code.TOKEN_AUTH_FAILED


def test_no_other_algorithm_is_believed() -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    payload = {"sub": "u", "tenant": "t", "exp": EXP}
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(payload)}."
    stronger = jwt.encode(payload, NEW * 2, algorithm="HS512")
    for token in (unsigned, stronger):
        assert _code(Tokens([NEW, NEW * 2]), token) is Code.TOKEN_AUTH_FAILED
