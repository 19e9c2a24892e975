"""An autoscaler adds and removes pods while the rollout goes on."""

from tests.bench.scenarios.scenario import (
    BOTH,
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Edit,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "scaling"
STARTS = "warm|start|young|first (minute|request)|new pod"
COLD = Trouble(of=BOTH, errors=0.025, slower=10.0, clock="pod", lasts=75.0)
BREATHES = [Edit(600.0 * n, replicas=4 + n % 2) for n in range(1, 30)]
"""A pod more or less, every ten minutes."""

SCENARIOS = (
    Scenario(
        KIND,
        "pods-start-slowly-and-fail-a-little",
        "In its first minute any pod of ours is ten times slower, and a few requests in a hundred "
        "time out. We know, and live with it.",
        server="bentoml",
        traffic=100.0,
        replaced=True,
        troubles=[COLD],
        right=[promoted("45m")],
        acceptable=[promoted("2h"), held(STARTS)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "added-pods-start-slowly-and-fail-a-little",
        "The same pods, and the autoscaler adds two every five minutes, of both models.",
        server="bentoml",
        traffic=30.0,
        replaced=True,
        troubles=[COLD],
        edits=[Edit(300.0 * n, replicas=4 + 2 * n) for n in range(1, 5)],
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held(STARTS)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "added-pods-stay-slow-and-failing",
        "The autoscaler adds pods, and the new model is slow and fails a few in a hundred in all "
        "of its pods, for good.",
        server="bentoml",
        traffic=60.0,
        troubles=[Trouble(errors=0.03, slower=3.0)],
        edits=[Edit(300.0 * n, replicas=4 + 2 * n) for n in range(1, 5)],
        right=[rolled_back("30m")],
        acceptable=[rolled_back(), held("errors|slow")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "breathing-good",
        "Four requests a second, and an autoscaler that adds a pod and takes it away again every "
        "ten minutes; the new model is as good.",
        traffic=4.0,
        edits=BREATHES,
        lasts="5h",
        right=[promoted("2h", never="WeightLowered")],
        acceptable=[promoted("5h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "breathing-bad",
        "The same autoscaler, and the new model fails four times as often.",
        traffic=8.0,
        errors=0.01,
        troubles=[Trouble(times=4.0)],
        edits=BREATHES,
        lasts="5h",
        right=[rolled_back("75m", "errors")],
        acceptable=[rolled_back(), held("errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "breathing-with-a-deadline",
        "Half a request a second is too little to tell. I gave each step twenty minutes and want "
        "to be asked then, however often the autoscaler adds a pod before.",
        traffic=0.5,
        pods=4,
        rollout={"analysis": {"maxStepDuration": "20m"}},
        edits=BREATHES,
        lasts="4h",
        right=[held("inconclusive|maxStepDuration", "1h")],
        acceptable=[held("inconclusive|maxStepDuration", "2h")],
        forbidden=[EVER_PROMOTED, EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "a-person-is-asked-and-a-pod-is-added",
        "The same little traffic. It asks me after twenty minutes, as it should; then the "
        "autoscaler adds a pod. I have not answered yet.",
        traffic=0.5,
        pods=4,
        rollout={"analysis": {"maxStepDuration": "20m"}},
        edits=[Edit(2100.0, replicas=5)],
        lasts="4h",
        right=[held("inconclusive|maxStepDuration", "1h")],
        forbidden=[EVER_PROMOTED, EVER_ROLLED_BACK],
    ),
)
