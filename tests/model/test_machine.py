"""Model and dispatcher agree, whatever is done in whatever order."""

from __future__ import annotations

import asyncio
import os
import secrets

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from dispatcher.store.connect import connect
from tests.model.machine import Machine
from tests.model.sides import Sides

EXAMPLES = 30
STEPS = 50
PHASES = [Phase.explicit, Phase.generate] if os.environ.get("NOSHRINK") else list(Phase)


async def _open_sides() -> Sides:
    return Sides(await connect(""), f"t-{secrets.token_hex(6)}")


async def _close_sides(sides: Sides) -> None:
    await sides.store.close()


def test_model_and_dispatcher_agree() -> None:
    with asyncio.Runner() as runner:
        lane = type(
            "Lane",
            (Machine,),
            {
                "open_sides": staticmethod(_open_sides),
                "close_sides": staticmethod(_close_sides),
                "run": staticmethod(runner.run),
            },
        )
        run_state_machine_as_test(
            lane,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                print_blob=True,
                phases=PHASES,
                suppress_health_check=list(HealthCheck),
            ),
        )
