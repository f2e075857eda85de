"""What the verbs share: settings, a store for as long as a command takes, and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import typer

from dispatcher import logs, settings
from dispatcher.errors import Code, DispatcherError
from dispatcher.settings import PREFIX, Settings, SettingsError
from dispatcher.store.connect import Store, connect

REFUSED = 1
WRONG_USAGE = 2
NO_STORE = 3
NO_ANSWER = frozenset({Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN})

ResultT = TypeVar("ResultT")


def fail(text: str, exit_code: int) -> NoReturn:
    """Say what is wrong, on standard error, and end."""
    typer.echo(f"dispatcher: {text}", err=True)
    raise typer.Exit(exit_code)


@contextmanager
def failures() -> Iterator[None]:
    """Turn the errors of the settings, the engine and the network into a sentence and an exit code."""
    try:
        yield
    except SettingsError as error:
        fail(str(error), WRONG_USAGE)
    except DispatcherError as error:
        fail(error.detail, NO_STORE if error.code in NO_ANSWER else REFUSED)
    except OSError as error:
        fail(error.strerror or str(error), REFUSED)


async def open_store(read: Settings) -> Store:
    """Open the store of the settings. Raises `SettingsError`: its URL is malformed."""
    try:
        return await connect(read.redis_url, timeout=read.command_timeout_s)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}REDIS_URL: {error}") from error


def on_store(work: Callable[[Store], Awaitable[ResultT]]) -> ResultT:
    """Do `work` on the store of the settings, which must be a real one: the embedded one is inside another process."""

    async def with_store(read: Settings) -> ResultT:
        store = await open_store(read)
        try:
            # Something plain first: why it fails is known here, but not of what runs by itself.
            await store.tenants()
            return await work(store)
        except DispatcherError as error:
            if error.code in NO_ANSWER and error.__cause__ is not None:
                raise DispatcherError(error.code, _no_answer(read.redis_url, error)) from error
            raise
        finally:
            await store.close()

    with failures():
        read = settings.load()
        if read.embedded:
            raise SettingsError(
                f"{PREFIX}REDIS_URL is not set, and the embedded store lives only inside `dispatcher serve`. "
                "To try things without a Redis: dispatcher demo"
            )
        logs.configure(read.model_copy(update={"log_level": "error"}))
        return asyncio.run(with_store(read))


def _no_answer(url: str, error: DispatcherError) -> str:
    """Say which store does not answer (without its password), and why as far as it is known, on one line."""
    scheme, _, rest = url.partition("://")
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    # The text of a failed connection is the event loop's own; its number has plainer words.
    number = (cause.errno if isinstance(cause, OSError) else None) or 0
    why = (os.strerror(number) if number > 0 else " ".join(str(cause).split()) or type(cause).__name__).rstrip(".")
    return f"the store {scheme}://{rest.rpartition('@')[2].partition('?')[0]}: {why}. {error.code.title}"


def show_json(value: Any) -> None:
    """Print a value for machines."""
    typer.echo(json.dumps(value, ensure_ascii=False))
