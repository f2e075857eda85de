"""The words of tenants and of their people's accounts: what their commands take and answer, as in `model`."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr

from dispatcher.model import (
    SERVED_QUEUES_MAX,
    Flag,
    Model,
    Name,
    QueueCreate,
    QueueId,
    QueuePatch,
    QueueStatus,
    Role,
    SomeSeconds,
    UserId,
)

ORIGINS_MAX = 100


def _is_origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+", text):
        raise ValueError("must be '*', or as browsers send it, like https://shop.example or http://localhost:3000")
    return text


def _is_time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("must be a time zone's IANA name, like Europe/Berlin") from error
    return text


def _has_length(least: int, most: int) -> Callable[[SecretStr], SecretStr]:
    """Return a check of a secret's length, in characters, that does not repeat it."""

    def check(secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if not least <= len(text) <= most:
            raise ValueError(f"must have {least} to {most} characters")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise ValueError("is not valid Unicode")
        return secret

    return check


def _is_empty_or_password(secret: SecretStr) -> SecretStr:
    return _is_password(secret) if secret.get_secret_value() else secret


_is_password = _has_length(8, 128)

Origin = Annotated[str, Field(max_length=255), AfterValidator(_is_origin)]
TimeZone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_is_time_zone)]
Secret = Annotated[SecretStr, AfterValidator(_has_length(1, 256))]
"""One that somebody shows: it may be wrong, and it may be too short to be right."""
Password = Annotated[SecretStr, AfterValidator(_is_password)]
LegacySecret = Annotated[SecretStr, AfterValidator(_is_empty_or_password)]
Roles = Annotated[frozenset[Role], Field(min_length=1)]
Queues = Annotated[frozenset[QueueId], Field(max_length=SERVED_QUEUES_MAX)]


class CustomerReach(StrEnum):
    """Whom a customer may call, message and see: the other party of his contact or call, or everybody."""

    ASSIGNED = "assigned"
    ALL = "all"


class TenantPatch(Model):
    """A change of a tenant's options: only the members given are changed.

    `origins`: the values of `Origin` whose pages may come (`*`: any). `legacy_login`: the separate secret of pages
    that log in with its MD5, 8 to 128 characters; empty turns that off.
    """

    customer_grace: SomeSeconds | None = None
    agent_grace: SomeSeconds | None = None
    time_zone: TimeZone | None = None
    origins: Annotated[tuple[Origin, ...], Field(max_length=ORIGINS_MAX)] | None = None
    customer_reach: CustomerReach | None = None
    legacy_login: LegacySecret | None = None


class TenantOptions(Model):
    """A tenant's options. Of the legacy secret only whether there is one; `former_secret`: whether two are valid."""

    created_at: int
    customer_grace: int
    agent_grace: int
    time_zone: str
    origins: tuple[str, ...]
    customer_reach: CustomerReach
    legacy_login: bool
    former_secret: bool


class LegacyQueueCreate(QueueCreate):
    """A queue as the older Web API makes it. `is_global` is kept for who asks, and decides nothing."""

    is_global: Flag = False


class LegacyQueuePatch(QueuePatch):
    """A change of a queue as the older Web API makes it."""

    is_global: Flag | None = None


class QueueRecord(Model):
    """What is kept of a queue beside its policy, and its counts.

    `wait_num_max`: the most that waited at once; `waited_ms_max`: the longest that one waited who waits no more.
    """

    queue_id: str
    created_at: int
    updated_at: int
    is_global: bool
    wait_num_max: int
    waited_ms_max: int
    status: QueueStatus


class AccountCreate(Model):
    """What makes a person's account. Without `name` it is the id; `queues` limits what an agent serves and requests."""

    user_id: UserId
    name: Name | None = None
    roles: Roles
    queues: Queues | None = None
    password: Password


class AccountPatch(Model):
    """A change of an account: only the members given are changed. `queues` that is null takes the limit off."""

    name: Name | None = None
    roles: Roles | None = None
    queues: Queues | None = None
    password: Password | None = None


class Account(Model):
    """A person's account; without `queues` nothing limits what he serves."""

    user_id: str
    name: str
    roles: tuple[Role, ...]
    queues: tuple[str, ...] | None = None
    created_at: int
