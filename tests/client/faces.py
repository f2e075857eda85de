"""The two faces of the SDK as one: the waiting client, with methods that a test can await."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

from dispatcher.client import Client, Http, SyncClient, SyncHttp

_END = object()


class Waiting:
    """A SyncClient or SyncHttp that looks like its fellow: each call waits on a thread."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(found, *args, **kwargs)

        return call

    async def events(self) -> AsyncIterator[Any]:
        """Follow the events."""
        following = self._client.events()
        while (event := await asyncio.to_thread(next, following, _END)) is not _END:
            yield event


async def connect(face: str, url: str, token: str, **options: Any) -> Any:
    """Connect with one of the faces: `async` or `sync`."""
    if face == "async":
        return await Client.connect(url, token, **options)
    return Waiting(await asyncio.to_thread(SyncClient.connect, url, token, **options))


def http(face: str, url: str) -> Any:
    """Open HTTP with one of the faces."""
    return Http(url) if face == "async" else Waiting(SyncHttp(url))
