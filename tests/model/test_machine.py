"""Model and dispatcher agree, whatever is done in whatever order, on every kind of store."""

from __future__ import annotations

import asyncio
import secrets

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from dispatcher.store.connect import connect
from tests.model.machine_watches import WatchMachine
from tests.model.sides import Sides


def test_model_and_dispatcher_agree(url: str) -> None:
    async def open_sides() -> Sides:
        return Sides(await connect(url), f"t-{secrets.token_hex(6)}")

    soaks = settings.get_current_profile_name() == "soak"
    with asyncio.Runner() as runner:

        class Lane(WatchMachine):
            def __init__(self) -> None:
                super().__init__(runner, open_sides)

        run_state_machine_as_test(Lane, settings=settings.get_profile("soak" if soaks else "model"))
