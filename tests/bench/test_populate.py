"""The bench's big tenant is one that the scripts could have made."""

from __future__ import annotations

from redis import Redis

from dispatcher.doctor import check
from dispatcher.store.connect import connect
from dispatcher.store.scripts import Scripts
from tests.bench.populate import Size, populate, serve_more
from tests.bench.world import pipelined
from tests.servers import any_binary, running, server

SIZE = Size(queues=20, agents=200, waiting=500)


async def test_a_populated_tenant_is_sound_and_works() -> None:
    binary = any_binary()
    assert binary is not None
    with running(server(binary)) as instance, Redis(port=instance.port, protocol=2) as client:
        product = populate(client, Scripts(), SIZE)
        store = await connect(instance.url)
        assert await check(store, product.tenant) == []
        for served in (1, 5):
            if served > 1:
                serve_more(client, product, SIZE, served)
                assert await check(store, product.tenant) == []
            for kind, queues in (("busy", range(1, 11)), ("able", range(11, 21))):
                agents = [f"agent-{kind}-{number}" for number in range(100)]
                customers = [f"new-{kind}-{served}-{number}" for number in range(50)]
                product.open_sessions(customers)
                product.turn_to([str(q) for q in queues], agents, customers, kind == "busy")
                product.round(lambda _, calls: pipelined(client, calls))
            assert await check(store, product.tenant) == []
        await store.close()
