"""Clusters of a single zone, and zones that go bad while something else is."""

from tests.bench.scenarios.scenario import (
    BOTH,
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

KIND = "zones"

SCENARIOS = (
    Scenario(
        KIND,
        "one-zone-young-pods-are-replaced",
        "All our nodes are in one zone. Two nodes are drained while the new pods are young, and "
        "their successors are as cold as any pod of ours in its first minute and a half.",
        server="bentoml",
        traffic=120.0,
        pods=6,
        zones=1,
        replaced=True,
        troubles=[Trouble(of=BOTH, errors=0.12, slower=4.0, clock="pod", lasts=90.0)],
        incidents=[Incident("evicted", 40.0, pods=2), Incident("evicted", 400.0, pods=2)],
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held("start|warm|young|pod")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "one-zone-some-pods-bad",
        "All our nodes are in one zone, and half of them have slow disks: a pod there fails 7% of "
        "its requests in its first two minutes, old model or new.",
        traffic=150.0,
        pods=8,
        zones=1,
        nodes=16,
        troubles=[
            Trouble(of=BOTH, errors=0.07, clock="pod", lasts=120.0, node=f"node-{number}")
            for number in (1, 2, 3, 4, 10, 11, 12, 13)
        ],
        right=[promoted("90m"), held("node-")],
        acceptable=[held("pod|node|start"), promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "one-zone-and-the-model-is-bad",
        "The same two drained nodes, and the new model fails 4% wherever it runs: no zone is to "
        "blame.",
        traffic=120.0,
        pods=6,
        zones=1,
        troubles=[Trouble(errors=0.035)],
        incidents=[Incident("evicted", 40.0, pods=2)],
        right=[rolled_back("20m", "errors")],
        acceptable=[rolled_back(), held("errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "a-zone-is-out-and-stable-suffers-too",
        "Five minutes in, zone b loses an eighth of all requests for forty minutes: pods of both "
        "models are there, and both suffer.",
        traffic=150.0,
        pods=9,
        nodes=9,
        troubles=[
            Trouble(of=BOTH, errors=0.12, zone="zone-b", clock="rollout", after=300.0, lasts=2400.0)
        ],
        right=[promoted("2h"), held("zone-b")],
        acceptable=[held("node-|pod")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "a-zone-is-out-and-the-model-is-bad-everywhere",
        "The same outage, and the new model fails 5% in all zones: the zone is no excuse.",
        traffic=120.0,
        pods=6,
        nodes=12,
        troubles=[
            Trouble(of=BOTH, errors=0.1, zone="zone-b", clock="rollout", after=300.0, lasts=1200.0),
            Trouble(errors=0.05),
        ],
        right=[rolled_back("20m", "errors")],
        acceptable=[rolled_back(), held("errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "a-zone-is-out-with-a-sick-pod-of-stable",
        "An old pod in zone b fails a fifth since this afternoon. Now zone b is out for both.",
        traffic=120.0,
        pods=6,
        nodes=12,
        troubles=[
            Trouble(of=OLD, errors=0.2, node="node-2", clock="rollout", after=-600.0),
            Trouble(of=BOTH, errors=0.1, zone="zone-b", clock="rollout", after=300.0, lasts=1200.0),
        ],
        right=[promoted("2h"), held("zone-b|pod")],
        acceptable=[held()],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
