"""What Redis says was sent last: to each user, about each queue. Compared with what this node delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dispatcher.store.connect import Store
from dispatcher.store.keys import key

CHUNK = 500


class UserMark(NamedTuple):
    """The last offset published to a user, its epoch, his current session (empty: none), and those that watch."""

    offset: int
    epoch: str
    session: str
    watching: str

    def has(self, session_id: str, *, watching: bool) -> bool:
        """Whether this session of his counts."""
        return f":{session_id}:" in self.watching if watching else self.session == session_id


class Marks:
    """Reads marks in pipelines. Errors: redis-py's, all of them; then nothing was learnt."""

    def __init__(self, store: Store) -> None:
        self._client = store.client

    async def users(self, users: Sequence[tuple[str, str]]) -> list[UserMark]:
        """Read the marks of `(tenant, user)` pairs, in their order."""
        rows = await self._read("user", users, ("offset", "epoch", "session", "watching"))
        return [UserMark(int(offset or 0), *rest) for offset, *rest in rows]

    async def queues(self, queues: Sequence[tuple[str, str]]) -> list[int]:
        """Read the `queue_seq` of `(tenant, queue)` pairs, in their order (0: none yet)."""
        return [int(seq or 0) for (seq,) in await self._read("queue", queues, ("queue_seq",))]

    async def _read(self, facet: str, ids: Sequence[tuple[str, str]], fields: tuple[str, ...]) -> list[list[str]]:
        rows: list[list[Any]] = []
        for begin in range(0, len(ids), CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for tenant, id in ids[begin : begin + CHUNK]:
                _ = pipeline.hmget(key(tenant, facet, id), list(fields))
            rows += await pipeline.execute()
        return [["" if value is None else str(value) for value in row] for row in rows]
