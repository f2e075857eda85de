"""How long the random tests of this folder run: `--hypothesis-profile=soak` for long (`make soak`)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.model.scene import Scene

# An example begins with a tenant, queues and people, and a step takes as long as the store does: no health checks.
_common = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck), stateful_step_count=50)
# Shrinking would take longer than one test may; what failed is kept, and the soak profile shrinks it.
settings.register_profile(
    "model", _common, max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False
)
settings.register_profile("soak", _common, max_examples=5_000, stateful_step_count=80)


@pytest.fixture
def scene() -> Scene:
    """An empty reference model."""
    return Scene()
