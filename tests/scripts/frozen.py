"""A tenant's keys at one moment, read in one go, so that looking at everything after every call stays cheap."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

from dispatcher.store import keys
from dispatcher.store.connect import Store

_TYPES = {key.facet: key.type for key in keys.TENANT_KEYS}
_READS = {
    "HASH": lambda pipe, name: pipe.hgetall(name),
    "ZSET": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    "STREAM": lambda pipe, name: pipe.xrange(name),
    "STRING": lambda pipe, name: pipe.get(name),
}


class Frozen:
    """All keys of a tenant with their content and `pttl` (ms; -1: for ever). The doctor may read it like a store."""

    def __init__(self, contents: dict[str, Any], ttls: dict[str, int]) -> None:
        self.contents = contents
        self.ttls = ttls

    @classmethod
    async def read(cls, store: Store, tenant: str) -> Frozen:
        """Read every key of a tenant, but for when a node ticked last. Nothing else may change it meanwhile."""
        names = sorted([name async for name in store.client.scan_iter(match=f"acd:{{{tenant}}}:*", count=10_000)])
        pipe: Any = store.client.pipeline(transaction=False)
        for name in names:
            parsed = keys.parse(name)
            _READS.get(_TYPES.get(parsed[1], "") if parsed else "", _READS["STRING"])(pipe, name)
            pipe.pttl(name)
        replies = await pipe.execute() if names else []
        contents = dict(zip(names, replies[::2], strict=True))
        contents.get(keys.key(tenant, "meta"), {}).pop("ticked_at", None)
        return cls(contents, dict(zip(names, replies[1::2], strict=True)))

    @property
    def store(self) -> Store:
        """Itself, as the doctor wants it."""
        return cast(Store, self)

    @property
    def client(self) -> Frozen:
        return self

    def same_as(self, other: Frozen) -> bool:
        """Whether every key has the same content, and a lifetime or none as before; the clock does not count."""
        return self._comparable() == other._comparable()

    def facets(self) -> set[str]:
        """Return the facets that have keys."""
        return {parsed[1] for name in self.contents if (parsed := keys.parse(name))}

    def _comparable(self) -> dict[str, tuple[Any, bool]]:
        return {
            name: (content, self.ttls[name] >= 0)
            for name, content in self.contents.items()
            if not name.endswith("}:clock")
        }

    # What a reader of keys asks of a client

    async def scan_iter(self, match: str, count: int) -> AsyncIterator[str]:
        for name in self.contents:
            yield name

    async def hgetall(self, name: str) -> dict[str, str]:
        content: dict[str, str] = self.contents.get(name, {})
        return content

    async def zrange(self, name: str, first: int, last: int, *, withscores: bool) -> list[tuple[str, float]]:
        assert (first, last, withscores) == (0, -1, True)
        content: list[tuple[str, float]] = self.contents.get(name, [])
        return content

    async def get(self, name: str) -> str | None:
        content: str | None = self.contents.get(name)
        return content

    async def xrange(
        self, name: str, min: str = "-", max: str = "+", count: int | None = None
    ) -> list[tuple[str, dict[str, str]]]:
        content: list[tuple[str, dict[str, str]]] = self.contents.get(name, [])
        ids = [id for id, _ in content]
        # Only what the log's reader asks for: everything, or what is after an entry it has seen.
        after = min.removeprefix("(")
        first = 0 if after in ("-", "0-0") else ids.index(after) + 1
        return content[first:][:count]

    async def exists(self, name: str) -> int:
        return int(name in self.contents)

    async def xinfo_stream(self, name: str) -> dict[str, int]:
        length = len(self.contents[name])
        return {"length": length, "entries-added": length}

    async def ttl(self, name: str) -> int:
        return -(-self.ttls[name] // 1000) if self.ttls[name] > 0 else self.ttls[name]
