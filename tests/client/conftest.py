from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.client.node import Node, listening


@pytest.fixture(params=["async", "sync"])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    async with listening(request.param) as node:
        yield node
