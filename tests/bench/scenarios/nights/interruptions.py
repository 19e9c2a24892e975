"""The operator is away for a while, or stable's pods are."""

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    OLD,
    Incident,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "interruptions"
PSI = {
    "analysis": {
        "checks": [
            {"name": "errors", "errorRate": {}},
            {
                "name": "psi",
                "threshold": {"query": "max(model_psi{$arm})", "max": 0.25, "for": "5m"},
            },
        ]
    }
}
HALVES = {"steps": [{"setWeight": 50}, {"pause": {"duration": "3h"}}]}
GONE = [
    Incident("unready", 600.0, lasts=1e6, of=OLD),
    Incident("unready", 600.0, lasts=20.0, of=OLD, pods=9),
]
"""All pods of stable for a moment, and one of ten for good."""

SCENARIOS = (
    Scenario(
        KIND,
        "a-threshold-is-passed-twice-around-an-upgrade",
        "The drift gauge spikes for half a minute now and then, hence my `for: 5m`. The operator "
        "was upgraded between two of the spikes, and was away for a quarter of an hour.",
        traffic=20.0,
        rollout=PSI,
        troubles=[Trouble(gauge=0.4, after=90.0, lasts=45.0, every=960.0)],
        incidents=[Incident("operator down", 120.0, lasts=920.0)],
        right=[promoted("90m")],
        acceptable=[promoted("2h"), held("psi")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "a-threshold-is-passed-for-good-around-an-upgrade",
        "The same upgrade, and the gauge is far too high before it, during it and after it.",
        traffic=20.0,
        rollout=PSI,
        troubles=[Trouble(gauge=0.4, after=90.0)],
        incidents=[Incident("operator down", 120.0, lasts=920.0)],
        right=[rolled_back("40m", "psi")],
        acceptable=[rolled_back(), held("psi")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "stable-blinks-and-then-the-new-model-crashes",
        "For twenty seconds no pod of the old model was ready, and one of its ten never came back. "
        "Ten minutes later the new model begins to crash, pod after pod, at half of the traffic.",
        traffic=60.0,
        pods=10,
        rollout=HALVES,
        incidents=GONE,
        dies_every=600.0,
        dies_after=1200.0,
        lasts="150m",
        right=[rolled_back("75m")],
        acceptable=[rolled_back("2h")],
        forbidden=[EVER_PROMOTED, held()],
    ),
    Scenario(
        KIND,
        "stable-blinks-and-the-new-model-is-good",
        "The same twenty seconds and the same lost pod, and the new model is as good.",
        traffic=60.0,
        pods=10,
        rollout={"steps": [{"setWeight": 50}, {"pause": {"duration": "1h"}}]},
        incidents=GONE,
        lasts="4h",
        right=[promoted("2h")],
        acceptable=[promoted("4h"), held("pod|ready")],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
