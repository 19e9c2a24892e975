"""Manifests that are edited while the rollout or its guard goes on, and rollouts without steps."""

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Edit,
    Scenario,
    Trouble,
    held,
    kept,
    promoted,
    rolled_back,
    taken_back,
)

KIND = "edits"
DRIFT = {"name": "drift", "predictionDrift": {}}
ERRORS = {"name": "errors", "errorRate": {}}
MISSPELT = {
    "name": "errors",
    "errorRate": {
        "requests": {"metric": "requests_total"},
        "errors": [{"label": "code", "operator": "=~", "value": "5.."}],
    },
}
LONGER = [Edit(12000.0, {"guard": {"duration": "28h"}}, clock="promotion")]
"""A guard of four hours, made 28 after three hours and twenty minutes."""

SCENARIOS = (
    Scenario(
        KIND,
        "a-check-is-added-good",
        "Two pods of each model, of which some always fail twice as often as others. Five minutes "
        "in, I add the check of errors that I had forgotten.",
        traffic=20.0,
        pods=2,
        errors=0.02,
        spread=0.35,
        rollout={"analysis": {"checks": [DRIFT]}},
        edits=[Edit(300.0, {"analysis": {"checks": [DRIFT, ERRORS]}})],
        lasts="3h",
        right=[promoted("2h")],
        acceptable=[promoted("3h"), held("errors|pod")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "a-metric-is-corrected-good",
        "The same two pods. The check read a metric that nobody exports, and the message said so; "
        "ten minutes in, I correct its name.",
        traffic=40.0,
        pods=2,
        errors=0.02,
        spread=0.35,
        rollout={"analysis": {"checks": [DRIFT, MISSPELT]}},
        edits=[Edit(600.0, {"analysis": {"checks": [DRIFT, ERRORS]}})],
        lasts="3h",
        right=[promoted("2h")],
        acceptable=[promoted("3h"), held("errors|pod")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "a-check-is-added-bad",
        "The same two pods and the same edit, and the new model fails five times as often.",
        traffic=20.0,
        pods=2,
        errors=0.02,
        spread=0.35,
        troubles=[Trouble(times=5.0)],
        rollout={"analysis": {"checks": [DRIFT]}},
        edits=[Edit(300.0, {"analysis": {"checks": [DRIFT, ERRORS]}})],
        lasts="3h",
        right=[rolled_back("1h", "errors")],
        acceptable=[rolled_back(), held("errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "no-steps-and-a-guard-good",
        "One pod, no steps and a guard: the simplest thing that there is. One pod fails a little "
        "more than another, as ever.",
        traffic=40.0,
        pods=1,
        errors=0.02,
        spread=0.25,
        rollout={"steps": []},
        guard="2h",
        lasts="3h",
        right=[kept()],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "no-steps-and-a-guard-bad",
        "The same, and the new model fails five times as often from the promotion on.",
        traffic=40.0,
        pods=1,
        errors=0.02,
        spread=0.25,
        rollout={"steps": []},
        guard="2h",
        troubles=[Trouble(times=5.0)],
        lasts="3h",
        right=[taken_back("20m"), rolled_back("20m")],
        acceptable=[taken_back(), rolled_back()],
        forbidden=[kept()],
    ),
    Scenario(
        KIND,
        "a-guard-is-made-longer-and-then-errors-come",
        "All is well, so I let the guard go on over the weekend. After eight hours 5% of the "
        "answers are errors.",
        traffic=60.0,
        guard="4h",
        edits=LONGER,
        troubles=[Trouble(errors=0.045, clock="promotion", after=28800.0)],
        lasts="16h",
        right=[taken_back("8h15m")],
        acceptable=[taken_back("9h")],
        forbidden=[kept()],
    ),
    Scenario(
        KIND,
        "a-guard-is-made-longer-good",
        "The same weekend, and nothing is wrong.",
        traffic=60.0,
        guard="4h",
        edits=LONGER,
        lasts="8h",
        right=[kept()],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
