"""A node stops its parts in the order in which they need each other."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from api.app import Node
from api.gateway import Gateway
from dispatcher.events.hub import Hub
from dispatcher.metrics.metrics import Metrics
from dispatcher.settings import Settings
from dispatcher.store.base import Store
from dispatcher.ticker import Ticker


async def test_what_needs_another_part_stops_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []

    def noted(owner: type[Any], name: str) -> None:
        stop = getattr(owner, name)

        async def stopping(self: Any, *args: Any) -> None:
            await stop(self, *args)
            stopped.append(owner.__name__)

        monkeypatch.setattr(owner, name, stopping)

    for owner, name in ((Metrics, "stop"), (Gateway, "stop"), (Hub, "stop"), (Ticker, "stop"), (Store, "close")):
        noted(owner, name)
    node = Node(Settings(node_id="a", metrics_token=SecretStr("m" * 20)))
    async with node.running():
        assert node.ticker.alive
    order = [stopped.index(name) for name in ("Metrics", "Gateway", "Hub", "Store")]
    assert order == sorted(order)
    assert stopped.index("Ticker") < stopped.index("Store")
