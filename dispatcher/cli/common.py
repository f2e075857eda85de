"""What the verbs share: settings, a store for as long as a command takes, and exit codes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from dispatcher import logs, settings
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import TENANT_PATTERN, Actor, Page, Role
from dispatcher.sentences import sentences
from dispatcher.settings import PREFIX, Settings, SettingsError
from dispatcher.store.connect import Store, connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.store.wire import why

REFUSED = 1
WRONG_USAGE = 2
NO_STORE = 3
NO_ANSWER = frozenset({Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN})

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound=BaseModel)


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
    except ValidationError as error:
        found = sentences(error.errors(include_url=False, include_input=False))
        fail(f"what the store holds is damaged ({found}); `dispatcher doctor` says where", REFUSED)
    except BrokenPipeError:
        # Who reads has seen enough (`| head`): the command line ends without a word.
        raise
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
    return f"the store {scheme}://{rest.rpartition('@')[2].partition('?')[0]}: {why(error)}. {error.code.title}"


def on_engine(work: Callable[[Dispatcher], Awaitable[ResultT]]) -> ResultT:
    """Do `work` with an engine on the store of the settings."""

    async def with_engine(store: Store) -> ResultT:
        return await work(engine_on(store))

    return on_store(with_engine)


def engine_on(store: Store) -> Dispatcher:
    """Make an engine for one command: nobody is told of the timers it arms, the nodes look for themselves."""
    return Dispatcher(Runner(store, Scripts()))


def operator(tenant: str) -> Actor:
    """Return who acts on the command line: whoever may reach the store may do everything in it. The audit says `cli`.

    Raises `DispatcherError`: no tenant has such a name.
    """
    if not re.fullmatch(TENANT_PATTERN, tenant):
        raise DispatcherError(Code.TOKEN_APPIDNOTEXIST, f"there is no tenant {tenant}")
    return Actor(tenant=tenant, user_id="cli", roles=frozenset({Role.ADMIN}))


async def all_pages(page: Callable[[str], Awaitable[Page[ItemT]]]) -> list[ItemT]:
    """Read a list to its end: `page` takes a cursor, the first one empty."""
    items: list[ItemT] = []
    cursor: str | None = ""
    while cursor is not None:
        part = await page(cursor)
        items += part.items
        cursor = part.cursor
    return items


def read_members(
    model: type[ModelT],
    members: Sequence[str],
    value: Callable[[str, str], Any],
    given: Mapping[str, Any] | None = None,
) -> ModelT:
    """Read MEMBER=VALUE pairs, and what is `given` already, as a model, or end with what is wrong.

    `value` reads the text of a member; what it cannot it leaves to the model to refuse.
    """
    values = dict(given or {})
    for member in members:
        name, equals, text = member.partition("=")
        if not equals:
            fail(f"not MEMBER=VALUE: {member}", WRONG_USAGE)
        if name in values:
            fail(f"{name} is given twice", WRONG_USAGE)
        values[name] = value(name, text)
    return as_model(model, values)


def as_model(model: type[ModelT], values: Mapping[str, Any]) -> ModelT:
    """Make a model of its members, or end with what is wrong with them."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fail(sentences(error.errors(include_url=False, include_input=False)), WRONG_USAGE)


def show_json(value: Any) -> None:
    """Print a value for machines; models as the doors show them."""
    typer.echo(json.dumps(_plain(value), ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], none: str) -> None:
    """Print rows in columns, numbers to the right; where there are no rows, say `none` on standard error."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        typer.echo(none, err=True)
        return
    numeric = [all(row[column].isdigit() or row[column] == "-" for row in cells) for column in range(len(head))]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]
    for row in [list(head), *cells]:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        typer.echo("  ".join(padded).rstrip())


def show_fields(value: BaseModel, first: Sequence[str] = ()) -> None:
    """Print a model's members for people, one a line, and those of an object inside as if they were its own."""
    members = value.model_dump(mode="json", exclude_unset=True)
    fields: dict[str, Any] = {name: members[name] for name in first}
    for name, member in members.items():
        fields |= member if isinstance(member, dict) else {name: member}
    width = max(len(name) for name in fields)
    for name, field in fields.items():
        typer.echo(f"{name:{width}}  {_for_people(name, field)}")


def _for_people(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_at"):
        return f"{moment(value)} UTC"
    if isinstance(value, list):
        return ", ".join(_for_people(name, item) for item in value) or "-"
    if isinstance(value, dict):
        return " ".join(f"{inner}={_for_people(inner, item)}" for inner, item in value.items())
    return "-" if value in (None, "") else str(value)


def moment(ms: int) -> str:
    """Write a time (epoch ms) for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d}"
