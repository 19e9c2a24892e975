"""The kinds of check, and what leads each to its verdicts."""

from collections.abc import Mapping
from functools import partial
from math import inf
from typing import Final

from serinus.api.baseline import Dispersion
from serinus.judge import EffectiveWeight
from serinus.metrics.queries import ExpressionQuery, Series
from tests.evidence.scenes import Kind, Scene
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
    latency,
    requests,
    traffic_share,
)

PODS: Final = ("fraud-7d4f9-2lkqv", "fraud-7d4f9-8wz5c", "fraud-7d4f9-x2x9z")


def first_fails(
    simulated: SimulatedAnalysis, candidate: tuple[int, int], stable: tuple[int, int]
) -> None:
    """The candidate has three pods, which serve alike; all errors are the first one's."""
    failed, served = candidate
    for pod in PODS:
        requests(simulated.candidate, pod, failed if pod == PODS[0] else 0, served // len(PODS))
    requests(simulated.stable, "pod", *stable)


def by_route(simulated: SimulatedAnalysis, times: int) -> None:
    """On one route 1% of stable's requests fail and on the other 10%, and so many times as many of
    the candidate's, which serves more of the latter."""
    for pods, served, worse in (
        (simulated.candidate, (100, 100), times),
        (simulated.stable, (3200, 800), 1),
    ):
        for route, all_, per_cent in zip(("/fast", "/slow"), served, (1, 10), strict=True):
            failed = worse * per_cent * all_ // 100
            pods.add("pod", "model_requests_total", failed, code="500", route=route)
            pods.add("pod", "model_requests_total", all_ - failed, code="200", route=route)


def stable_is_sick(
    simulated: SimulatedAnalysis, candidate: tuple[int, int], stable: tuple[int, int]
) -> None:
    """Stable has three pods, which serve alike; all errors are the first one's."""
    requests(simulated.candidate, "pod", *candidate)
    failed, served = stable
    for pod in PODS:
        requests(simulated.stable, pod, failed if pod == PODS[0] else 0, served // len(PODS))


def a_stable_pod_differs(
    simulated: SimulatedAnalysis, candidate: Mapping[str, int], stable: Mapping[str, int]
) -> None:
    """Stable has three pods, of which the first predicts no birds but cats."""
    of_pods = [{name: count // len(PODS) for name, count in stable.items()} for _ in PODS]
    of_pods[0] = {**of_pods[0], "cat": of_pods[0]["cat"] + of_pods[0]["bird"], "bird": 0}
    for pods, pod, counts in (
        (simulated.candidate, "pod", candidate),
        *((simulated.stable, pod, counts) for pod, counts in zip(PODS, of_pods, strict=True)),
    ):
        for name, count in counts.items():
            pods.add(pod, "model_predictions_total", count, **{"class": name})


def differs_lately(
    simulated: SimulatedAnalysis, candidate: Mapping[str, int], stable: Mapping[str, int]
) -> None:
    """For a quarter of an hour the candidate predicts each class as often."""
    late = simulated.at > SINCE + 900
    simulated.classes(candidate if late else dict.fromkeys(candidate, 10), stable)


ERROR_RATE = Kind(
    "errorRate",
    error_rate,
    SimulatedAnalysis.errors,
    ((0, 0), (0, 0)),
    (
        Scene("Pass", "Neither revision fails.", ((0, 75), (0, 1425))),
        Scene("Pass", "A limit is kept.", ((4, 500), (95, 9500)), settings={"limit": "2%"}),
        Scene(
            "Pass",
            "It fails more often, by no more than stable's pods differ among themselves.",
            ((30, 1000), (400, 19000)),
            looks=30,
            history=(Dispersion(name="errors", between_pods=0.2),),
        ),
        Scene("Fail", "It fails more often.", ((4, 75), (14, 1425))),
        Scene("Fail", "One of its pods fails.", ((4, 75), (14, 1425)), serve=first_fails),
        Scene("Fail", "A limit is broken.", ((12, 100), (228, 1900)), settings={"limit": "5%"}),
        Scene(
            "Inconclusive",
            "It fails far more often, and has just begun to serve.",
            ((15, 75), (14, 1425)),
            looks=3,
        ),
        Scene(
            "Pass",
            "It serves more of a worse route, and is as good on each.",
            (1,),
            serve=by_route,
            exported=(1,),
            stratify=("route",),
        ),
        Scene(
            "Fail",
            "It serves more of a worse route, and is worse on each.",
            (3,),
            serve=by_route,
            exported=(3,),
            stratify=("route",),
        ),
        Scene(
            "Error",
            "The label to compare by is missing from its requests.",
            ((0, 75), (0, 1425)),
            stratify=("route",),
        ),
        Scene(
            "Error",
            "The errors matcher has a value that the label cannot have.",
            ((0, 75), (0, 1425)),
            settings={"errors": [{"label": "code", "value": "5xx"}]},
        ),
        Scene(
            "Fail",
            "It fails far more often, and stable's errors come in bursts.",
            ((20, 100), (100, 1900)),
            history=(Dispersion(name="errors", over_time=5.0),),
        ),
        Scene("Inconclusive", "It is as good as stable so far.", ((1, 100), (19, 1900))),
        Scene("Inconclusive", "It is worse than stable so far.", ((3, 60), (11, 1140))),
        Scene(
            "Inconclusive",
            "One of stable's pods is sick, and hides a candidate that is worse.",
            ((10, 100), (600, 1800)),
            looks=20,
            serve=stable_is_sick,
        ),
        Scene(
            "Inconclusive",
            "It lies between tolerance and margin.",
            ((23, 1000), (380, 19000)),
            settings={"margin": 1.2, "absoluteMargin": "0%"},
        ),
        Scene("Inconclusive", "It has served nothing.", ((0, 0), (14, 1425))),
    ),
)

EVEN = {"cat": 10, "dog": 10, "bird": 10}
STABLE = {"cat": 190, "dog": 190, "bird": 190}
TOO_MANY = {f"customer-{number}": 1 for number in range(200)}
PSI: Final = {"psi": 0.1}
PREDICTION_DRIFT = Kind(
    "predictionDrift",
    drift,
    SimulatedAnalysis.classes,
    (dict.fromkeys(EVEN, 0), dict.fromkeys(EVEN, 0)),
    (
        Scene("Pass", "It predicts the same.", (EVEN, STABLE)),
        Scene("Fail", "It predicts a class more often.", ({**EVEN, "cat": 30}, STABLE)),
        Scene("Pass", "It predicts the same, and a PSI is set.", (EVEN, STABLE), settings=PSI),
        Scene("Fail", "Its PSI is greater.", ({**EVEN, "cat": 30}, STABLE), settings=PSI),
        Scene("Inconclusive", "It predicts the same so far.", (EVEN, STABLE)),
        Scene("Inconclusive", "It has predicted nothing.", ({}, STABLE)),
        Scene(
            "Inconclusive",
            "One of stable's pods predicts differently from the others.",
            (EVEN, STABLE),
            looks=20,
            serve=a_stable_pod_differs,
        ),
        Scene(
            "Fail",
            "It predicts a class more often, but only recently.",
            ({**EVEN, "cat": 30}, STABLE),
            serve=differs_lately,
        ),
        Scene("Error", "The class label holds something else.", (TOO_MANY, STABLE)),
    ),
)

USUAL: Mapping[float, int] = {0.05: 400, 0.1: 300, 0.25: 200, 0.5: 70, 1.0: 25, inf: 5}
SLOWER: Mapping[float, int] = {0.05: 250, 0.1: 300, 0.25: 250, 0.5: 130, 1.0: 50, inf: 20}
TENFOLD = {bound: 10 * count for bound, count in USUAL.items()}
A_FEW = {bound: count // 5 for bound, count in USUAL.items()}
NOTHING = dict.fromkeys(USUAL, 0)
LATENCY = Kind(
    "latency",
    latency,
    SimulatedAnalysis.durations,
    (NOTHING, NOTHING),
    (
        Scene("Pass", "It is as fast as stable.", (USUAL, TENFOLD)),
        Scene(
            "Pass",
            "A limit of 750ms, which is not a bucket bound, is kept.",
            (USUAL, TENFOLD),
            settings={"limit": {"bound": "750ms", "share": "2%"}},
        ),
        Scene("Fail", "It is slower.", (SLOWER, TENFOLD)),
        Scene(
            "Fail",
            "A limit is broken.",
            (USUAL, TENFOLD),
            settings={"limit": {"bound": "500ms", "share": "1%"}},
        ),
        Scene("Inconclusive", "It is as fast so far.", (A_FEW, TENFOLD), looks=2),
        Scene("Inconclusive", "It has served nothing.", ({}, TENFOLD), looks=2),
        Scene(
            "Inconclusive",
            "It is slow, and has just begun to serve.",
            (SLOWER, TENFOLD),
            looks=3,
            settings={"warmUp": "30s"},
            exported=(NOTHING, TENFOLD),
        ),
        Scene("Inconclusive", "Neither revision has served.", ({}, {})),
        Scene(
            "Error",
            "The revisions export other buckets.",
            ({0.3: 500, inf: 500}, TENFOLD),
            exported=({0.3: 0}, NOTHING),
        ),
    ),
)


def just_raised(
    simulated: SimulatedAnalysis, candidate: tuple[int, int], stable: tuple[int, int]
) -> None:
    """The candidate takes a half of the traffic since the first look."""
    simulated.weight = EffectiveWeight(0.5, SINCE)
    simulated.feedback(candidate, stable)


FEEDBACK = Kind(
    "feedback",
    feedback,
    SimulatedAnalysis.feedback,
    ((0, 0), (0, 0)),
    (
        Scene("Pass", "Users like it as much.", ((3, 30), (30, 300))),
        Scene("Fail", "Users like it less.", ((9, 30), (30, 300))),
        Scene("Inconclusive", "Users like it as much so far.", ((2, 20), (30, 300))),
        Scene(
            "Inconclusive",
            "Its weight was just raised.",
            ((2, 20), (30, 300)),
            settings={"after": "10m"},
            serve=just_raised,
        ),
        Scene("NoData", "It has no feedback.", ((0, 0), (30, 300))),
    ),
)

ALIKE = {"north": (80, 100), "south": (16, 20)}
UNFAIR = {"north": (80, 100), "south": (8, 20)}
NOBODY = dict.fromkeys(ALIKE, (0, 0))
TODAY: Final = {group: (9 * favours, 9 * all_) for group, (favours, all_) in UNFAIR.items()}


def beside_stable(
    simulated: SimulatedAnalysis,
    groups: Mapping[str, tuple[int, int]],
    stable: Mapping[str, tuple[int, int]] = TODAY,
) -> None:
    """Stable favours one group."""
    simulated.groups(stable, **groups)


FAIRNESS = Kind(
    "fairness",
    partial(fairness, favourable=[{"label": "class", "value": "approve"}]),
    lambda simulated, groups: simulated.groups(**groups),
    (NOBODY,),
    (
        Scene("Pass", "The groups are favoured alike.", (ALIKE,)),
        Scene("Pass", "There is a tiny group.", ({**ALIKE, "isle": (1, 1)},)),
        Scene("Pass", "All groups but one are tiny.", ({"north": (80, 100), "isle": (1, 1)},)),
        Scene(
            "Pass",
            "It is as unfair as stable, with `against: Stable`.",
            (UNFAIR,),
            settings={"against": "Stable"},
            exported=(NOBODY, NOBODY),
            serve=beside_stable,
        ),
        Scene("Fail", "One group is favoured.", ({**ALIKE, "south": (8, 20)},)),
        Scene(
            "Fail",
            "It is more unfair than stable, with `against: Stable`.",
            ({**UNFAIR, "south": (2, 20)},),
            settings={"against": "Stable"},
            exported=(NOBODY, NOBODY),
            serve=beside_stable,
        ),
        Scene("Inconclusive", "They are favoured alike so far.", (ALIKE,)),
        Scene("NoData", "Only one group is served.", ({"north": (80, 100)},)),
        Scene(
            "Error",
            "There are too many groups.",
            ({f"group-{number}": (8, 10) for number in range(9)},),
            exported=({},),
        ),
    ),
)


def split(simulated: SimulatedAnalysis, candidate: int, stable: int) -> None:
    """At a weight of 5%."""
    simulated.weight = EffectiveWeight(0.05, SINCE)
    simulated.errors((0, candidate), (0, stable))


TRAFFIC_SHARE = Kind(
    "trafficShare",
    traffic_share,
    split,
    (0, 0),
    (
        Scene("Pass", "The split is as requested.", (75, 1425)),
        Scene("Fail", "A fifth goes to the candidate.", (300, 1200)),
        Scene("Inconclusive", "There is little traffic so far.", (5, 95), looks=3),
    ),
)

QUERY: Final = "max(model_drift_psi{$arm})"


def threshold(**settings: object) -> Mapping[str, object]:
    """A gauge that must not be above 0.25 for 30 seconds."""
    return {"name": "psi", "threshold": {"query": QUERY, "max": 0.25, "for": "30s", **settings}}


def reads(simulated: SimulatedAnalysis, value: float | None = None) -> None:
    """What the query says."""
    vector = () if value is None else (Series({}, ((simulated.at, value),)),)
    simulated.values = {ExpressionQuery(QUERY): vector}


THRESHOLD = Kind(
    "threshold",
    threshold,
    reads,
    (),
    (
        Scene("Pass", "The value is in bounds.", (0.1,)),
        Scene("Fail", "The value is out of bounds.", (0.4,)),
        Scene("Inconclusive", "The value just left the bounds.", (0.4,)),
        Scene("Error", "The value is not a number.", (float("nan"),)),
    ),
)

KINDS: Final = (
    ERROR_RATE,
    PREDICTION_DRIFT,
    LATENCY,
    FEEDBACK,
    FAIRNESS,
    TRAFFIC_SHARE,
    THRESHOLD,
)
