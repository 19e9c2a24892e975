"""The scenarios, by kind.

What is right, acceptable and forbidden was written before the operator was run on them, and is not
to be changed to what it does.
"""

from tests.bench.scenarios.nights import (
    edits,
    feedback,
    guards,
    hanging,
    inputs,
    interruptions,
    models,
    monitors,
    nodes,
    outages,
    quiet,
    readings,
    routes,
    scaling,
    slow,
    starts,
    unusual,
    verdicts,
    zones,
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
    *hanging.SCENARIOS,
    *verdicts.SCENARIOS,
    *zones.SCENARIOS,
    *readings.SCENARIOS,
    *scaling.SCENARIOS,
    *interruptions.SCENARIOS,
    *edits.SCENARIOS,
    *slow.SCENARIOS,
    *monitors.SCENARIOS,
)
"""Their names differ."""
