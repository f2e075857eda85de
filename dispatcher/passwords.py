"""Passwords of people: argon2 with its library's defaults, beside the event loop.

A hash takes some 50 ms of a core and 64 MiB, so a few threads make them, and no endless line waits for these.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from dispatcher.errors import Code, DispatcherError

AT_ONCE_MAX = 2
UNDER_WAY_MAX = 100

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="argon2")
_under_way: set[asyncio.Future[object]] = set()


async def hashed(password: str) -> str:
    """Hash a password for keeping. Errors: UNAVAILABLE (too many are under way)."""
    return str(await _beside(lambda: _hasher.hash(password)))


async def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether a password is the one of a hash; without a hash it is not, after the same time.

    Errors: UNAVAILABLE (too many are under way).
    """
    return bool(await _beside(lambda: _verify(password, password_hash)))


async def digest(text: bytes, salt: str) -> str:
    """Return a digest, in hex, of a text that holds a password: always the same, and as slow to guess as a hash.

    Errors: UNAVAILABLE (too many are under way).
    """
    salt_bytes = hashlib.sha256(salt.encode()).digest()[: _hasher.salt_len]
    return str(await _beside(lambda: _digest(text, salt_bytes)))


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys(), password)
        return password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """Return a hash that no password has."""
    return _hasher.hash(secrets.token_hex())


def _digest(text: bytes, salt: bytes) -> str:
    costs = (_hasher.time_cost, _hasher.memory_cost, _hasher.parallelism, _hasher.hash_len)
    return hash_secret_raw(text, salt, *costs, Type.ID).hex()


async def _beside(work: Callable[[], object]) -> object:
    if len(_under_way) >= UNDER_WAY_MAX:
        raise DispatcherError(Code.UNAVAILABLE, "too many passwords are being checked")
    future = asyncio.get_running_loop().run_in_executor(_threads, work)
    _under_way.add(future)
    future.add_done_callback(_under_way.discard)
    return await future
