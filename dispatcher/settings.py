"""Every setting, its unit and its default. Each is the variable `DISPATCHER_<NAME>` of the environment."""

from __future__ import annotations

import os
import re
import secrets
from difflib import get_close_matches
from importlib import metadata
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from dispatcher.sentences import dotted, sentences

KEY_LENGTH_MIN = 32
MAKE_A_KEY = "python -c 'import secrets; print(secrets.token_hex(32))'"
PREFIX = "DISPATCHER_"

_NODE_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"
_REDIS_SCHEMES = ("redis://", "rediss://", "redis+sentinel://", "redis+cluster://")


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which one, and what to do."""


def _is_redis_url(url: str) -> str:
    if url and not url.startswith(_REDIS_SCHEMES):
        raise ValueError(f"must begin with one of {' '.join(_REDIS_SCHEMES)}, or be empty for the embedded store")
    scheme, _, rest = url.partition("://")
    hosts, _, path = rest.rpartition("@")[2].partition("?")[0].partition("/")
    for host in hosts.split(","):
        try:
            urlsplit(f"//{host}").port  # noqa: B018
        except ValueError as error:
            raise ValueError(f"not a host and port: {host}") from error
    db = path.partition("/")[2] if scheme.endswith("+sentinel") else path
    if db and not re.fullmatch("[0-9]{1,5}", db):
        raise ValueError(f"a database is a number, not {db}")
    return url


class Settings(BaseSettings):
    """What a node is told from outside. A tenant's options (graces, origins …) are elsewhere: in its `meta`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    redis_url: Annotated[
        str,
        AfterValidator(_is_redis_url),
        Field(description="the store: redis://, rediss://, redis+sentinel:// or redis+cluster://; empty: embedded"),
    ] = ""
    token_keys: SecretStr = Field(
        default=SecretStr(""),
        description="keys that sign tokens, comma separated: the first signs, all verify. Needed on a real Redis",
    )
    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="the port to listen on; 0: a free one")
    node_id: str = Field(
        default_factory=lambda: secrets.token_hex(4),
        pattern=_NODE_PATTERN,
        description="the name of this node, different for each one; empty: random",
    )
    command_timeout_s: float = Field(
        default=5.0, gt=0, le=60, description="seconds after which a command to Redis is given up"
    )
    logins_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="logins that one address may try in a tenant in a minute"
    )
    passwords_per_minute: int = Field(
        default=10, ge=1, le=1_000_000, description="logins with a password that may be tried for one user in a minute"
    )
    body_bytes_max: int = Field(
        default=262_144, ge=65_536, le=16_777_216, description="bytes that the body of an HTTP request may have"
    )
    forwarded_allow_ips: str = Field(
        default="127.0.0.1",
        description="proxies, comma separated, whose X-Forwarded-For is believed (logins are limited by address)",
    )
    drain_s: int = Field(
        default=5,
        ge=0,
        le=3600,
        description="at the end: seconds over which sockets are closed, and again what open requests get",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="a port of its own for GET /metrics, open to all who reach it; 0: none"
    )
    metrics_host: str = Field(default="127.0.0.1", description="the address of that port")
    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="the bearer token that opens GET /metrics on the main port; empty: closed"
    )
    metrics_queues: int = Field(
        default=100, ge=0, le=10_000, description="queues with metrics of their own; the rest are added up as `other`"
    )
    access_log: bool = Field(default=False, description="true: a line in the log for every HTTP request")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="what is logged")
    log_format: Literal["auto", "text", "json"] = Field(
        default="auto", description="how: text, or JSON lines; auto: text on a terminal"
    )

    @property
    def embedded(self) -> bool:
        """Whether the store lives inside this process, and dies with it."""
        return not self.redis_url

    @property
    def measures(self) -> bool:
        """Whether anybody may read this node's metrics; else they are not taken."""
        return bool(self.metrics_port or self.metrics_token.get_secret_value())

    def signing_keys(self) -> tuple[str, ...]:
        """Return the keys of tokens, the signing one first; the embedded store makes one. Raises `SettingsError`."""
        keys = tuple(part.strip() for part in self.token_keys.get_secret_value().split(",") if part.strip())
        if not keys and self.embedded:
            return (secrets.token_hex(32),)
        if not keys:
            raise SettingsError(f"{PREFIX}TOKEN_KEYS is needed on a real Redis. Make a key with: {MAKE_A_KEY}")
        if any(len(key) < KEY_LENGTH_MIN for key in keys):
            raise SettingsError(
                f"{PREFIX}TOKEN_KEYS: each key needs at least {KEY_LENGTH_MIN} characters. Make one with: {MAKE_A_KEY}"
            )
        return keys


def version() -> str:
    """Return the version of this program; 0 where it runs from a checkout and is not installed."""
    try:
        return metadata.version("dispatcher")
    except metadata.PackageNotFoundError:
        return "0"


def load() -> Settings:
    """Read the settings from the environment. Raises `SettingsError`, naming the variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise SettingsError(sentences(wrong, lambda place: f"{PREFIX}{dotted(place)}".upper())) from error


def misspelt() -> dict[str, str]:
    """Return the variables that look like a setting and are none, each with the one that was meant."""
    known = [name.upper() for name in Settings.model_fields]
    given = [name.removeprefix(PREFIX) for name in sorted(os.environ) if name.startswith(PREFIX)]
    near = {name: get_close_matches(name, known, 1, 0.85) for name in given if name not in known}
    return {PREFIX + name: PREFIX + meant[0] for name, meant in near.items() if meant}


def described() -> list[tuple[str, str, str]]:
    """List every setting as (variable, default, what it is), in the order of the class."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory else field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        rows.append((PREFIX + name.upper(), str(default), field.description or ""))
    return rows
