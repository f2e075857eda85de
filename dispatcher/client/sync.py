"""The same client for programs without asyncio: each method waits for its answer.

    with SyncClient.connect("http://127.0.0.1:8000", token) as client:
        client.start_queuing("1")
        matched = client.wait_for("contact.matched")

The connection lives on a thread of its own, so it beats and reconnects while the program does something else. Every
method may be called from any thread; arguments, results and errors are those of `Client` and `Http`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from copy import copy
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from dispatcher.client.client import Client
from dispatcher.client.http import Http
from dispatcher.model import Event, Snapshot

P = ParamSpec("P")
AnswerT = TypeVar("AnswerT")
FaceT = TypeVar("FaceT", bound=Client | Http)


class _Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dispatcher client", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """Wait for a coroutine. Interrupted (Ctrl-C), it is cancelled."""
        if not self._thread.is_alive():
            # A closed client says so itself.
            return asyncio.run(coroutine)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread, once whoever still waits for a closed client has been told."""
        self.run(_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


class _Face(Generic[FaceT]):
    """What stands before a client and the loop it lives on."""

    def __init__(self, client: FaceT, loop: _Loop) -> None:
        self._client: FaceT = client
        self._loop = loop
        self._is_open = True

    def close(self) -> None:
        """Close the connection, and end its thread. Closing again does nothing."""
        if self._is_open:
            self._is_open = False
            self._loop.run(self._client.close())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _of_client(
    method: Callable[Concatenate[Client, P], Coroutine[Any, Any, AnswerT]],
) -> Callable[Concatenate[SyncClient, P], AnswerT]:
    def waiting(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AnswerT:
        return self._loop.run(method(self._client, *args, **kwargs))

    waiting.__doc__ = method.__doc__
    return waiting


def _of_http(
    method: Callable[Concatenate[Http, P], Coroutine[Any, Any, AnswerT]],
) -> Callable[Concatenate[SyncHttp, P], AnswerT]:
    def waiting(self: SyncHttp, /, *args: P.args, **kwargs: P.kwargs) -> AnswerT:
        return self._loop.run(method(self._client, *args, **kwargs))

    waiting.__doc__ = method.__doc__
    return waiting


class SyncClient(_Face[Client]):
    """A person's live connection; see `Client`."""

    @classmethod
    def connect(
        cls, url: str, token: str, *, timeout_s: float = 30.0, heartbeat_s: float = 10.0, backoff_s: float = 0.5
    ) -> Self:
        """Connect to a node and say hello. Errors as `Client.connect`."""
        loop = _Loop()
        try:
            connecting = Client.connect(url, token, timeout_s=timeout_s, heartbeat_s=heartbeat_s, backoff_s=backoff_s)
            return cls(loop.run(connecting), loop)
        except BaseException:
            loop.close()
            raise

    @property
    def client_id(self) -> str:
        """The 128 random bits under which this client's commands are remembered, as hex."""
        return self._client.client_id

    @property
    def state(self) -> Snapshot:
        """Where the person stands."""
        return self._client.state

    def events(self) -> Iterator[Event]:
        """Iterate over all events, as `Client.events` does."""
        following = aiter(self._client.events())
        while self._is_open:
            try:
                yield self._loop.run(_next(following))
            except StopAsyncIteration:
                return

    wait_for = _of_client(Client.wait_for)
    ping = _of_client(Client.ping)
    me = _of_client(Client.me)
    renew = _of_client(Client.renew)
    list_queues = _of_client(Client.list_queues)
    get_queue_status = _of_client(Client.get_queue_status)
    watch_queues = _of_client(Client.watch_queues)
    watch_agents = _of_client(Client.watch_agents)
    watch_users = _of_client(Client.watch_users)
    unwatch_users = _of_client(Client.unwatch_users)
    get_user_status = _of_client(Client.get_user_status)
    send_cmd = _of_client(Client.send_cmd)
    call = _of_client(Client.call)
    accept_call = _of_client(Client.accept_call)
    reject_call = _of_client(Client.reject_call)
    hangup = _of_client(Client.hangup)
    start_queuing = _of_client(Client.start_queuing)
    stop_queuing = _of_client(Client.stop_queuing)
    get_queuing_info = _of_client(Client.get_queuing_info)
    start_service = _of_client(Client.start_service)
    stop_service = _of_client(Client.stop_service)
    set_dnd = _of_client(Client.set_dnd)
    list_contacts = _of_client(Client.list_contacts)
    request_assignment = _of_client(Client.request_assignment)
    accept = _of_client(Client.accept)
    reject = _of_client(Client.reject)
    start = _of_client(Client.start)
    complete = _of_client(Client.complete)
    transfer = _of_client(Client.transfer)


async def _next(following: Any) -> Event:
    event: Event = await anext(following)
    return event


class SyncHttp(_Face[Http]):
    """The rows of the HTTP table; see `Http`."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        super().__init__(Http(url, token, timeout_s=timeout_s), _Loop())

    def under(self, key: str) -> Self:
        """Return this door with an Idempotency-Key on every POST, as `Http.under` does. Close the first one only."""
        door = copy(self)
        door._client = self._client.under(key)
        return door

    login = _of_http(Http.login)
    create_token = _of_http(Http.create_token)
    me = _of_http(Http.me)
    list_queues = _of_http(Http.list_queues)
    create_queue = _of_http(Http.create_queue)
    get_queue = _of_http(Http.get_queue)
    update_queue = _of_http(Http.update_queue)
    delete_queue = _of_http(Http.delete_queue)
    get_queue_status = _of_http(Http.get_queue_status)
    list_contacts = _of_http(Http.list_contacts)
    list_queue_agents = _of_http(Http.list_queue_agents)
    start_queuing = _of_http(Http.start_queuing)
    get_contact = _of_http(Http.get_contact)
    stop_queuing = _of_http(Http.stop_queuing)
    start = _of_http(Http.start)
    complete = _of_http(Http.complete)
    transfer = _of_http(Http.transfer)
    list_agents = _of_http(Http.list_agents)
    get_agent = _of_http(Http.get_agent)
    set_capacity = _of_http(Http.set_capacity)
    start_service = _of_http(Http.start_service)
    stop_service = _of_http(Http.stop_service)
    set_dnd = _of_http(Http.set_dnd)
    request_assignment = _of_http(Http.request_assignment)
    accept = _of_http(Http.accept)
    reject = _of_http(Http.reject)
    call = _of_http(Http.call)
    accept_call = _of_http(Http.accept_call)
    reject_call = _of_http(Http.reject_call)
    hangup = _of_http(Http.hangup)
    get_user_status = _of_http(Http.get_user_status)
    send_cmd = _of_http(Http.send_cmd)
    create_account = _of_http(Http.create_account)
    delete_account = _of_http(Http.delete_account)
    get_tenant = _of_http(Http.get_tenant)
    list_accounts = _of_http(Http.list_accounts)
    login_with_password = _of_http(Http.login_with_password)
    update_account = _of_http(Http.update_account)
    update_tenant = _of_http(Http.update_tenant)
