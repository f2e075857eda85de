from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.client.node import Node, listening


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with listening() as node:
        yield node
