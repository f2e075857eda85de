"""Where a node listens."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dispatcher.serving import bind


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_answers_of_several_writes_are_not_held_back(host: str) -> None:
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    with bind(host, 0) as listener:
        async with await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=listener):
            _, client = await asyncio.open_connection(*listener.getsockname()[:2])
            writer = await accepted
            connection: socket.socket = writer.get_extra_info("socket")
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            for one in (client, writer):
                one.close()
                await one.wait_closed()
