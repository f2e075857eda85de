"""The demo from its start to Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
from pydantic import SecretStr

from dispatcher.client import Http
from dispatcher.demo.guide import Access, guide
from dispatcher.demo.people import TOKEN_S, Crowd
from dispatcher.demo.scene import QUEUES, VISITING_AGENTS, VISITING_SUPERVISORS
from dispatcher.demo.service import Service, serving
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Role
from dispatcher.tenancy import TenantPatch

TENANT = "demo"

Echo = Callable[[str], None]


async def run(host: str, port: int, simulated: bool = True, echo: Echo = click.echo) -> None:
    """Serve a demo tenant with four queues, and people in them if `simulated`, until SIGINT, SIGTERM or cancelled.

    On the embedded store, or that of DISPATCHER_REDIS_URL (in a tenant of its own). `echo` shows a text.
    Raises OSError (the port is taken), SettingsError, DispatcherError.
    """
    stop = asyncio.Event()
    with _ended_by_signals(stop):
        async with serving(host, port) as service:
            tenant, secret = await _create_tenant(service)
            async with await _admin(service.url, tenant, secret) as admin:
                for queue in QUEUES:
                    await admin.create_queue(queue)
                md5 = await _open_to_pages(admin)
                access = await _access(service.url, tenant, secret, md5, admin)
                service.entrance.people = partial(_people, admin, simulated)
                echo(guide(access, embedded=service.node.settings.embedded, simulated=simulated))
                await _stay(service, Crowd(service.url, admin) if simulated else None, stop)
            echo("The demo ends.")


async def _stay(service: Service, crowd: Crowd | None, stop: asyncio.Event) -> None:
    """Play until told to stop, or until the service ends."""
    stopping = asyncio.create_task(stop.wait(), name="demo stop")
    playing = asyncio.create_task(crowd.play() if crowd else stop.wait(), name="demo people")
    try:
        await asyncio.wait({stopping, playing, service.task}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            await playing
    finally:
        stopping.cancel()
        playing.cancel()
        await asyncio.gather(stopping, playing, return_exceptions=True)


async def _create_tenant(service: Service) -> tuple[str, str]:
    """Make the tenant; on a Redis that has one already, another one beside it."""
    try:
        return TENANT, await service.node.dispatcher.create_tenant(TENANT)
    except DispatcherError as error:
        if error.code is not Code.PARAM_ERR:
            raise
    tenant = f"{TENANT}-{secrets.token_hex(3)}"
    return tenant, await service.node.dispatcher.create_tenant(tenant)


async def _admin(url: str, tenant: str, secret: str) -> Http:
    async with Http(url) as http:
        login = await http.login(tenant, secret, "demo", roles=[Role.ADMIN], ttl_s=TOKEN_S)
    return Http(url, login.token)


async def _open_to_pages(admin: Http) -> str:
    """Let pages of any site come, who need a token still, and pages of old; return what these log in with."""
    legacy = secrets.token_urlsafe(16)
    await admin.update_tenant(TenantPatch(origins=("*",), legacy_login=SecretStr(legacy)))
    return hashlib.md5(legacy.encode(), usedforsecurity=False).hexdigest()


async def _access(url: str, tenant: str, secret: str, md5: str, admin: Http) -> Access:
    supervisor = await admin.create_token("you", [Role.SUPERVISOR], name="You", ttl_s=TOKEN_S)
    customer = await admin.create_token("guest", [Role.CUSTOMER], name="Guest", ttl_s=TOKEN_S)
    agent = await admin.create_token("ann", [Role.AGENT], name="Ann", ttl_s=TOKEN_S)
    boss = await admin.create_token("boss", [Role.ADMIN], name="Boss", ttl_s=TOKEN_S)
    return Access(url, tenant, secret, md5, supervisor.token, customer.token, agent.token, boss.token)


async def _people(admin: Http, simulated: bool) -> dict[str, Any]:
    """Make who may come in at the start page: for each visitor a customer of his own, agents, supervisors."""
    guest = f"guest-{secrets.token_hex(3)}"
    people = {
        "visit": [(guest, "Guest", Role.CUSTOMER)],
        "desk": [(*agent, Role.AGENT) for agent in VISITING_AGENTS],
        "console": VISITING_SUPERVISORS,
    }
    return {
        "simulated": simulated,
        "people": {
            page: [
                {"name": name, "token": (await admin.create_token(user_id, [role], name=name, ttl_s=TOKEN_S)).token}
                for user_id, name, role in some
            ]
            for page, some in people.items()
        },
    }


@contextlib.contextmanager
def _ended_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop`, for as long as this lasts."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
