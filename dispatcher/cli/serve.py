"""`dispatcher serve`: one node."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Annotated

import structlog
import typer

from dispatcher import logs, settings
from dispatcher.cli.common import failures, open_store
from dispatcher.errors import DispatcherError
from dispatcher.serving import APP, Server, bind, uvicorn_options
from dispatcher.settings import MAKE_A_KEY, PREFIX, Settings, SettingsError
from dispatcher.store.fitness import examine

log = structlog.get_logger(__name__)


def _epilog() -> str:
    rows = settings.described()
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {name:{width}}  {text}{f' [{default}]' if default else ''}" for name, default, text in rows]
    return "\n".join(
        [
            "\b",
            "Settings, from the environment [default]:",
            *lines,
            "",
            "\b",
            "Examples:",
            "  dispatcher serve",
            "  DISPATCHER_REDIS_URL=redis://127.0.0.1:6379 \\",
            f"    DISPATCHER_TOKEN_KEYS=$({MAKE_A_KEY}) \\",
            "    dispatcher serve --host 0.0.0.0 --port 8080",
        ]
    )


EPILOG = _epilog()


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = None,
) -> None:
    """Serve HTTP and WebSockets over the store of DISPATCHER_REDIS_URL. Any number of nodes may share one store."""
    import uvicorn
    from uvicorn.importer import import_from_string

    with failures():
        read = settings.load()
        # Asked for here, because inside uvicorn it would end as a traceback.
        read.signing_keys()
        logs.configure(read)
        for name, meant in settings.misspelt().items():
            # Not refused: an environment may hold what is somebody else's.
            log.warning("settings.unknown", name=name, meant=meant)
        if read.embedded:
            typer.echo(
                "The embedded store is empty and forgets everything at the end. `dispatcher demo` serves it with a"
                " tenant to try; for work set DISPATCHER_REDIS_URL.",
                err=True,
            )
        else:
            asyncio.run(_refuse_unfit(read))
        if read.metrics_port:
            # Tried here, for the same reason as the keys.
            bind(read.metrics_host, read.metrics_port).close()

        class Listening(Server):
            """Says where it listens: uvicorn does not, where the socket is given."""

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                log.info("node.listening", address=address)

        with bind(read.host if host is None else host, read.port if port is None else port) as taken:
            name, number = taken.getsockname()[:2]
            address = f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
            app = import_from_string(APP)()
            server = Listening(uvicorn.Config(app, **uvicorn_options(read)), app.drain)
            # Raised again by uvicorn once it has stopped as it should.
            with suppress(KeyboardInterrupt):
                server.run(sockets=[taken])


async def _refuse_unfit(read: Settings) -> None:
    """Raise `SettingsError` where the service cannot work on a server of the store.

    What else is wrong with it the node says itself: it may start before its store does, and then answers 503 until
    that is there.
    """
    store = await open_store(read)
    try:
        findings = await examine(store)
    except DispatcherError:
        return
    finally:
        await store.close()
    for finding in findings:
        if finding.unfit:
            raise SettingsError(f"{PREFIX}REDIS_URL: {finding.server}: {finding.text}")
