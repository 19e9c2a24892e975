"""The scenarios, by kind.

What is right, acceptable and forbidden was written before the operator was run on them, and is not
to be changed to what it does.
"""

from tests.bench.scenarios.nights import (
    feedback,
    guards,
    inputs,
    models,
    nodes,
    outages,
    quiet,
    routes,
    starts,
    unusual,
)
from tests.bench.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *quiet.SCENARIOS,
    *starts.SCENARIOS,
    *routes.SCENARIOS,
    *nodes.SCENARIOS,
    *inputs.SCENARIOS,
    *outages.SCENARIOS,
    *models.SCENARIOS,
    *guards.SCENARIOS,
    *feedback.SCENARIOS,
    *unusual.SCENARIOS,
)
"""Their names differ."""
