"""What is measured: each rule on each kind of traffic, by name."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.judge.evidence.kernel import NullHypothesis
from tests.bench.judge.checks import (
    DEFAULTS,
    ERRORS,
    ERRORS_BY_DEFAULT,
    MARGIN,
    Check,
    Passing,
    drift,
    latency,
)
from tests.bench.judge.inputs import asked
from tests.bench.judge.maturing import STEPS, maturing, since_each_weight, since_first_traffic
from tests.bench.judge.measure import Rules, Trial
from tests.bench.judge.mirrors import Mirror
from tests.bench.judge.models import (
    CLASSIC,
    DURATIONS,
    NATIVE,
    Timeline,
    deciles,
    every_other,
    failing,
    lasting,
    mixed,
    routed,
    scoring,
    shares_of,
    steady,
)
from tests.bench.judge.outages import SharedOutage
from tests.bench.judge.promotion import Promotion
from tests.bench.judge.rules import (
    Kayenta,
    Oracle,
    RatioOracle,
    Repeated,
    Rule,
    Threshold,
    chi_square,
    mean_of,
    psi,
    quantile,
    share_of_first,
    t_test,
    z_test,
)
from tests.bench.judge.stability import by_index
from tests.bench.judge.traffic import DAY, HOUR, Floats, Rollouts, Shares, Traffic

ALPHA = 0.01
SERINUS, ORACLE = "Serinus", "oracle"


AS_USUAL, UNMOVED = steady(1.0), steady(0.0)


@dataclass(frozen=True)
class World:
    """Traffic, and what becomes of a base rate, of durations and of scores in it, in both arms."""

    traffic: Traffic
    times: Timeline = AS_USUAL
    """How many times the usual error rate."""
    slower: Timeline = AS_USUAL
    """How many times the usual duration."""
    shift: Timeline = UNMOVED
    """Of scores, in standard deviations."""


def _wave(at: float) -> float:
    """Once a day."""
    return math.sin(2 * math.pi * at / DAY)


WORLDS: Mapping[str, World] = {
    "flat, an hour": World(Traffic()),
    "flat, 24 h": World(Traffic(interval=60.0, lasts=DAY)),
    "diurnal, 24 h": World(
        Traffic(interval=60.0, lasts=DAY, load=lambda at: 1 + _wave(at) / 2),
        times=lambda at: 1 + _wave(at) / 2,
        slower=lambda at: 1 + _wave(at) / 4,
        shift=lambda at: _wave(at) / 2,
    ),
    "ramp with trend": World(
        Traffic(weight=lambda at: 0.05 + 0.45 * at / HOUR),
        times=lambda at: 1 + at / HOUR,
        slower=lambda at: 1 + at / HOUR / 2,
        shift=lambda at: at / HOUR / 2,
    ),
    "bursts of 5": World(Traffic(burst=5)),
    "pods that differ": World(Traffic(pods_differ=True)),
}
"""In which nothing is wrong with the candidate."""

SCORES = deciles()
_CLASSIC_UP_TO = np.array(
    [[float(end <= bound) for bound in (*CLASSIC, math.inf)] for end in DURATIONS]
)
_SECONDS = np.sqrt(np.array([0.001, *DURATIONS[:-1]]) * np.array([*DURATIONS[:-1], 2.0]))
"""What a request of each sort took, about."""
_SCORE = np.array(
    [SCORES[0] - 0.4, *np.convolve(SCORES[:-1], [0.5, 0.5], "valid"), SCORES[-2] + 0.4]
)
"""What a prediction of each sort scored, about."""


def error_rules(usual: float, traffic: Traffic) -> Rules:
    """For errorRate. Who sets the limits knows the usual error rate."""
    return {
        DEFAULTS: ERRORS_BY_DEFAULT.rule,
        SERINUS: ERRORS.rule,
        "Argo Rollouts, limit": lambda _: Threshold(
            share_of_first, lambda c, _: c > 2 * usual, window=300, every=60, allowed=3
        ),
        "Argo Rollouts, ratio": lambda _: Threshold(
            share_of_first, lambda c, s: c > 1.5 * s, window=300, every=60, allowed=3
        ),
        "Flagger": lambda _: Threshold(
            share_of_first, lambda c, _: c > 2 * usual, window=60, every=60, allowed=4
        ),
        "Kayenta": lambda _: Kayenta(share_of_first, _pace(traffic)),
        "z": lambda _: Repeated(z_test, ALPHA),
        "z, Bonferroni": lambda _: Repeated(z_test, ALPHA / traffic.looks),
    }


def _pace(traffic: Traffic) -> float:
    """Seconds between Kayenta's judgements."""
    return 60.0 if traffic.lasts < DAY else 300.0


def latency_rules(traffic: Traffic) -> Rules:
    """For latency."""
    stable = shares_of(lasting())
    p99 = quantile(0.99, np.array([*CLASSIC, math.inf]), _CLASSIC_UP_TO)
    classic = latency(DURATIONS, CLASSIC, stable)
    return {
        DEFAULTS: classic.by_default(Latency()).rule,
        f"{SERINUS}, native": latency(DURATIONS, NATIVE, stable).rule,
        f"{SERINUS}, classic": classic.rule,
        "Argo Rollouts, p99 ratio": lambda _: Threshold(
            p99, lambda c, s: c > 1.2 * s, window=300, every=60, allowed=3
        ),
        "Flagger, p99 limit": lambda _: Threshold(
            p99, lambda c, _: c > 0.5, window=60, every=60, allowed=4
        ),
        "Kayenta, mean": lambda _: Kayenta(mean_of(_SECONDS), _pace(traffic)),
        "t": lambda _: Repeated(t_test(_SECONDS), ALPHA),
        "t, Bonferroni": lambda _: Repeated(t_test(_SECONDS), ALPHA / traffic.looks),
    }


def drift_rules(traffic: Traffic) -> Rules:
    """For predictionDrift."""
    return {
        DEFAULTS: drift(SCORES).by_default(PredictionDrift()).rule,
        SERINUS: drift(SCORES).rule,
        "PSI > 0.1": lambda _: Threshold(
            lambda counts: counts, lambda c, s: psi(c, s) > 0.1, window=300, every=60, allowed=0
        ),
        "PSI > 0.25": lambda _: Threshold(
            lambda counts: counts, lambda c, s: psi(c, s) > 0.25, window=300, every=60, allowed=0
        ),
        "Kayenta, mean score": lambda _: Kayenta(mean_of(_SCORE), _pace(traffic)),
        "chi-square": lambda _: Repeated(chi_square, ALPHA),
        "chi-square, Bonferroni": lambda _: Repeated(chi_square, ALPHA / traffic.looks),
    }


RARE: Mapping[str, tuple[Traffic, Timeline, int]] = {
    "flat, an hour": (Traffic(), steady(0.01), 40_000),
    "flat, 24 h": (Traffic(lasts=DAY), steady(0.01), 40_000),
    "diurnal, 24 h": (
        Traffic(lasts=DAY, load=lambda at: 1 + _wave(at) / 2),
        lambda at: 0.01 * (1 + _wave(at) / 2),
        40_000,
    ),
    "ramp with trend": (
        Traffic(weight=lambda at: 0.05 + 0.45 * at / HOUR),
        lambda at: 0.01 * (1 + at / HOUR),
        40_000,
    ),
}
"""What is measured by `rare` instead: traffic, error rate of both arms, and number of runs."""


def trials() -> dict[str, tuple[Trial | Promotion | SharedOutage | Mirror, int]]:
    """By name, each with its number of runs."""
    false = _false(), _outages(), _mirrors(), _quiet(), _few(), _family()
    single = _detection(), _near_oracle(), _single(), _promotions()
    parts = *false, *single, _strata(), _immature(), _unlike()
    return dict(trial for part in parts for trial in part)


Named = Iterator[tuple[str, tuple[Trial | Promotion | SharedOutage | Mirror, int]]]


def _false() -> Named:
    """Nothing is wrong with the candidate."""
    for name, world in WORLDS.items():
        models = _models(world)
        rules = (
            error_rules(0.01, world.traffic),
            latency_rules(world.traffic),
            drift_rules(world.traffic),
        )
        for (check, model), of_check in zip(models.items(), rules, strict=True):
            trial = Trial(of_check, world.traffic, model, model)
            yield f"false/{check}/{name}", (trial, _runs(world.traffic))


def _runs(traffic: Traffic) -> int:
    """What tells a chance of rollbacks from 1%; the nearer, the more. A day has most looks, and few
    rollbacks; those of errorRate are measured by `rare`."""
    if traffic.pods_differ:
        return 4000
    return 1000 if traffic.lasts == DAY else 2000


def _models(world: World) -> dict[str, Shares]:
    return {
        "errorRate": failing(lambda at: 0.01 * world.times(at)),
        "latency": lasting(world.slower),
        "predictionDrift": scoring(SCORES, world.shift),
    }


BURSTS: Mapping[str, Traffic] = {
    "of 2": Traffic(burst=2),
    "of 5": Traffic(burst=5),
    "of 20": Traffic(burst=20),
    "of 100": Traffic(burst=100),
    "of 5, 1,000 requests/s": Traffic(burst=5, per_second=1000.0),
}
POLICIES = {"tolerance 1.0": ERRORS, "defaults": ERRORS_BY_DEFAULT}


def _quiet() -> Named:
    """Bursts that begin with the rollout, of which stable's hour told nothing."""
    for name, traffic in BURSTS.items():
        rules = {each: check.rule_after_quiet_hour for each, check in POLICIES.items()}
        model = failing(steady(0.01))
        yield f"quiet/errorRate/{name}", (Trial(rules, traffic, model, model), 4000)
        rules = {SERINUS: latency(DURATIONS, NATIVE, shares_of(lasting())).rule_after_quiet_hour}
        yield f"quiet/latency/{name}", (Trial(rules, traffic, lasting(), lasting()), 1000)
        rules = {SERINUS: drift(SCORES).rule_after_quiet_hour}
        model = scoring(SCORES)
        yield f"quiet/predictionDrift/{name}", (Trial(rules, traffic, model, model), 1000)


FEW_PODS = (1, 2, 3, 4)
"""Of stable, beside one of the candidate."""


def _few() -> Named:
    """Pods of stable that are too few to show how pods differ."""
    slow, shares = latency(DURATIONS, NATIVE, shares_of(lasting())), drift(SCORES)
    checks = (
        {DEFAULTS: ERRORS_BY_DEFAULT, SERINUS: ERRORS},
        {DEFAULTS: slow.by_default(Latency()), SERINUS: slow},
        {DEFAULTS: shares.by_default(PredictionDrift()), SERINUS: shares},
    )
    for pods in FEW_PODS:
        differ = Traffic(pods=(1, pods), pods_differ=True)
        for (name, model), each in zip(_models(World(differ)).items(), checks, strict=True):
            rules = {rule: check.rule_after_history for rule, check in each.items()}
            runs = 4000 if name == "errorRate" else 1000
            yield f"few/{name}/{pods}", (Trial(rules, differ, model, model), runs)
    for pods in (*FEW_PODS, 5):
        alike = Traffic(pods=(1, pods), lasts=2 * HOUR)
        for rate in FOUND_OF_FEW:
            models = failing(steady(rate)), failing(steady(0.01))
            rules = {rule: check.rule_after_history for rule, check in checks[0].items()}
            trial = _until_half(rules, alike, *models)
            yield f"few/found/{rate:g}/{pods}", (trial, 1000)


FOUND_OF_FEW = (0.02, 0.05, 0.2)
"""Error rates of candidates, where pods are alike."""
_FAILING, _FEW = ERRORS.tolerating(1.1, 0.001), np.array([0.01, 0.99])
SCRAPES = (5.0, 15.0, 30.0, 60.0)
_OUTAGES: Mapping[str, Callable[[float], SharedOutage]] = {
    "errorRate: all requests fail": partial(SharedOutage, _FAILING, _FEW, np.array([1.0, 0.0])),
    "errorRate: all fail, 3 of 10 pods at 25%": partial(
        SharedOutage,
        ERRORS.tolerating(1.1, 0.001),
        _FEW,
        np.array([1.0, 0.0]),
        pods=(3, 7),
        weight=0.25,
    ),
    "errorRate: 30% fail": partial(SharedOutage, _FAILING, _FEW, np.array([0.3, 0.7])),
    "latency: ten times slower": partial(
        SharedOutage,
        latency(DURATIONS, CLASSIC, shares_of(lasting())).tolerating(1.1, 0.005),
        shares_of(lasting()),
        shares_of(lasting(steady(10.0))),
    ),
    "predictionDrift: 90% in one range, two minutes": partial(
        SharedOutage,
        drift(SCORES).tolerating(1.25, 0.01),
        np.full(10, 0.1),
        np.array([*[0.1 / 9] * 9, 0.9]),
        lasts=120.0,
    ),
}
"""By the seconds between scrapes of a pod; tolerances are the defaults."""


def _outages() -> Named:
    """What both arms share fails, and nothing is wrong with the candidate."""
    for name, outage in _OUTAGES.items():
        for scrapes in SCRAPES:
            yield f"outage/{name}/{scrapes:g}", (outage(scrapes), 2000)


OUTAGES = tuple(_OUTAGES)

MIRRORED = (100, 50, 20)
"""Percentages that are copied."""
TOGETHER: Mapping[str, tuple[float, int]] = {
    "none on the same requests": (0.0, 1),
    "half on the same": (0.5, 1),
    "all on the same": (1.0, 1),
    "all on the same, in bursts of 5": (1.0, 5),
}
"""Of stable's failures, the share that the candidate has too, and how many come in a row."""
FOUND_BY_COPIES = (0.02, 0.05)


def _mirrors() -> Named:
    """Copies of requests, which both arms may fail together."""
    for percent in MIRRORED:
        for name, (together, burst) in TOGETHER.items():
            yield f"mirror/{name}/{percent}", (Mirror(ERRORS, percent, together, burst), 4000)
        for rate in FOUND_BY_COPIES:
            found = Mirror(ERRORS, percent, 0.5, own=rate)
            yield f"mirror/found/{rate:g}/{percent}", (found, 1000)


FAMILY = ("errorRate", "feedback", "latency", "predictionDrift")


def _family() -> Named:
    """Four checks that share the budget."""
    quarter = ALPHA / len(FAMILY)
    checks: Mapping[str, Check] = {
        "errorRate": ERRORS,
        "feedback": ERRORS,
        "latency": latency(DURATIONS, NATIVE, shares_of(lasting())),
        "predictionDrift": drift(SCORES),
    }
    for name in ("flat, an hour", "ramp with trend"):
        world = WORLDS[name]
        models = _models(world)
        models["feedback"] = failing(partial(_tenfold, world.times))
        for check in FAMILY:
            trial = Trial(
                {SERINUS: checks[check].sharing(quarter).rule},
                world.traffic,
                models[check],
                models[check],
            )
            yield f"family/{check}/{name}", (trial, 3000)


ERROR_EFFECTS = ((0.01, 0.015), (0.01, 0.02), (0.01, 0.05), (0.001, 0.005))
"""Error rates of stable and candidate."""
SLOWER = (1.1, 1.2, 1.5)
SHIFTS = {0.06: 0.2496, 0.25: 0.5129, 1.0: 1.0562}
"""By population stability index over ten deciles, by how many standard deviations scores move."""


def _tenfold(times: Timeline, at: float) -> float:
    return 0.1 * times(at)


def _detection() -> Named:
    """The candidate is worse from its first request on."""
    traffic = Traffic()
    for stable, candidate in ERROR_EFFECTS:
        rules = {
            **error_rules(stable, traffic),
            ORACLE: _ratio_oracle(candidate / stable),
        }
        models = failing(steady(candidate)), failing(steady(stable))
        yield (
            f"found/errorRate/{stable:g}/{candidate:g}",
            (_until_half(rules, traffic, *models), 4000),
        )
    for times in SLOWER:
        models = lasting(steady(times)), lasting()
        rules = {**latency_rules(traffic), ORACLE: _oracle(*models)}
        yield f"found/latency/{times}", (_until_half(rules, traffic, *models), 2000)
    yield from _soon()
    for index, shift in SHIFTS.items():
        models = scoring(SCORES, steady(shift)), scoring(SCORES)
        rules = {**drift_rules(traffic), ORACLE: _oracle(*models)}
        yield f"found/predictionDrift/{index}", (_until_half(rules, traffic, *models), 2000)
    yield from _small()


SMALL: Mapping[str, Shares] = {
    "all scores shifted": scoring(SCORES, steady(0.4583)),
    "scores spread wider": scoring(SCORES, spread=1.5112),
    "every other range": every_other(len(SCORES), 0.4323),
}
"""Candidates with a PSI of 0.2, by what it is made of."""
PSI = 0.05
BY_PSI = f"{SERINUS}, psi: {PSI:g}"


def _small() -> Named:
    """The same PSI, made of one shift or of many small ones."""
    by_psi: Rules = {BY_PSI: partial(by_index, PSI, drift(SCORES))}
    for name, candidate in SMALL.items():
        rules = {
            DEFAULTS: drift(SCORES).by_default(PredictionDrift()).rule,
            **by_psi,
            ORACLE: _oracle(candidate, scoring(SCORES)),
        }
        yield f"small/{name}", (_until_half(rules, Traffic(), candidate, scoring(SCORES)), 1000)
    equal = Trial(by_psi, Traffic(), scoring(SCORES), scoring(SCORES))
    yield "small/nothing", (equal, 1000)


SOON: Mapping[str, Shares] = {
    **{f"+ {100 * (times - 1):.0f}%": lasting(steady(times)) for times in SLOWER},
    "3% five times as slow": mixed((0.97, lasting()), (0.03, lasting(steady(5.0)))),
}
"""Candidates by how much slower they are."""
OFTEN = 5.0
"""Seconds between looks, at which no single look decides anything."""


def _soon() -> Named:
    """Slower responses, looked at more often, beside a test that knows how much slower they are."""
    native = latency(DURATIONS, NATIVE, shares_of(lasting()))
    for name, candidate in SOON.items():
        rules: Rules = {
            DEFAULTS: native.by_default(Latency()).rule,
            SERINUS: native.rule,
            ORACLE: _oracle(candidate, lasting()),
        }
        trial = _until_half(rules, Traffic(interval=OFTEN), candidate, lasting())
        yield f"soon/{name}", (trial, 2000)


TIMES = (1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
INTERVALS = (60.0, 15.0, 5.0)
USUAL_INTERVAL = Traffic().interval


def _near_oracle() -> Named:
    """Beside a sequential test that knows how many times as often the candidate fails."""
    for interval in INTERVALS:
        traffic = Traffic(interval=interval, lasts=4 * HOUR)
        for times in TIMES:
            rules = {SERINUS: ERRORS.rule, ORACLE: _ratio_oracle(times)}
            if interval == USUAL_INTERVAL:
                rules[DEFAULTS] = ERRORS_BY_DEFAULT.rule
            models = failing(steady(0.01 * times)), failing(steady(0.01))
            yield f"oracle/{interval:g}/{times:g}", (_until_half(rules, traffic, *models), 6000)


TOLERANCES: Mapping[str, Check] = {
    "1.1 + 0.1%, half of the budget (defaults)": ERRORS_BY_DEFAULT,
    **{str(tolerance): ERRORS.tolerating(tolerance) for tolerance in (1.0, 1.1, 1.25, 1.5)},
}
MARGINS = (
    (0.01, MARGIN.ratio, MARGIN.offset),
    (0.001, MARGIN.ratio, MARGIN.offset),
    (0.01, 1.5, 0.0),
    (0.01, 2.0, 0.0),
    (0.001, 2.0, 0.0),
    (0.01, 1.25, 0.0),
)
"""Rate of both arms, margin, absolute margin; the first ones are the default."""
ENTRIES = (1, 3, 6)
"""How often the weight of a step takes effect in half an hour."""
AT_MARGIN = (0.001, 0.01)
"""Error rates of stable, of candidates at the default margin."""
HEALTHY = (0, 1_000, 10_000, 60_000)
"""Candidate requests before it breaks."""


def _single() -> Named:
    """The judge alone."""
    for tolerance, check in TOLERANCES.items():
        for times in (2.0, 3.0, 5.0):
            models = failing(steady(0.01 * times)), failing(steady(0.01))
            trial = _until_half({SERINUS: check.rule}, Traffic(lasts=4 * HOUR), *models)
            yield f"tolerance/{tolerance}/{times:g}", (trial, 4000)
    for rate, margin, absolute in MARGINS:
        model = failing(steady(rate))
        passes = {SERINUS: partial(Passing, margin=NullHypothesis(margin, absolute))}
        trial = _until_half(passes, Traffic(lasts=4 * HOUR), model, model)
        yield f"pass/{rate:g}/{margin}/{absolute:g}", (trial, 16_000)
    for stable in AT_MARGIN:
        models = failing(steady(MARGIN.ratio * stable + MARGIN.offset)), failing(steady(stable))
        for entries in ENTRIES:
            passes = {SERINUS: partial(Passing, margin=MARGIN, entries=entries)}
            trial = Trial(passes, Traffic(lasts=HOUR / 2), *models)
            yield f"entries/{stable:g}/{entries}", (trial, 8000)
    for healthy in HEALTHY:
        yield f"late/{healthy}", (_late(healthy / 5.0), 1000)
    slightly = failing(steady(0.0105)), failing(steady(0.01))
    a_day = Traffic(per_second=1000.0, lasts=DAY, interval=60.0)
    yield "trifle", (Trial({SERINUS: ERRORS.tolerating(1.1).rule}, a_day, *slightly), 1000)
    models = scoring(SCORES, steady(SHIFTS[0.25])), scoring(SCORES)
    each_second = _until_half({SERINUS: drift(SCORES).rule}, Traffic(interval=1.0), *models)
    yield "drift/1", (each_second, 2000)


PROMOTED = {(0.001, 0.005): 0.01, (0.0001, 0.003): 0.11, (0.005, 0.01): 0.08}
"""Error rates of stable and candidate, and how many may be promoted."""


def _promotions() -> Named:
    """A bad candidate in steps."""
    for stable, candidate in PROMOTED:
        yield f"promoted/{stable:g}/{candidate:g}", (Promotion(stable, candidate), 8000)


POOLED, WITHIN = "all requests together", "within each route"
USUAL_ROUTES = ((0.8, 0.01), (0.2, 0.1))
"""Of stable: share and error rate of each route."""
ROUTES = {
    "alike, the same mix": USUAL_ROUTES,
    "alike, another mix": ((0.5, 0.01), (0.5, 0.1)),
    "twice the errors on each, the same mix": ((0.8, 0.02), (0.2, 0.2)),
    "twice the errors on each, another mix": ((0.5, 0.02), (0.5, 0.2)),
    "twice the errors on each, and a better mix": ((0.97, 0.02), (0.03, 0.2)),
    "twice the errors on the second, the same mix": ((0.8, 0.01), (0.2, 0.2)),
}
"""Of the candidate."""


def _strata() -> Named:
    """Two routes, on one of which more fails."""
    for name, routes in ROUTES.items():
        rules: Rules = {
            POOLED: ERRORS.in_strata(2).rule,
            WITHIN: ERRORS.rule_within,
            f"{POOLED}, defaults": ERRORS_BY_DEFAULT.in_strata(2).rule,
            f"{WITHIN}, defaults": ERRORS_BY_DEFAULT.rule_within,
        }
        models = routed(*routes), routed(*USUAL_ROUTES)
        if name.startswith("alike"):
            yield f"strata/{name}", (Trial(rules, Traffic(), *models), 2000)
        else:
            yield f"strata/{name}", (_until_half(rules, Traffic(), *models), 2000)


FEEDBACK = {"tolerance 1.0": ERRORS, "defaults": ERRORS.tolerating(1.1, 0.01)}
LEFT_OUT: Mapping[str, Callable[[Callable[[Rollouts], Rule]], Callable[[Rollouts], Rule]]] = {
    "nothing": lambda rule: rule,
    "after the first traffic": since_first_traffic,
    "after each change of the weight": since_each_weight,
}
"""Feedback that the judge does not count."""
RAISED = STEPS[1][0]


def _immature() -> Named:
    """Negative feedback arrives sooner than the rest, while the weight rises."""
    candidates: Mapping[str, Timeline] = {
        "alike": steady(0.2),
        "twice as much": steady(0.4),
        "twice as much from 25% on": lambda at: 0.4 if at > RAISED else 0.2,
    }
    for name, bad in candidates.items():
        traffic, candidate, stable = maturing(bad, steady(0.2))
        rules = {
            f"{left_out}, {policy}": of_age(check.rule)
            for policy, check in FEEDBACK.items()
            for left_out, of_age in LEFT_OUT.items()
        }
        counts_from = RAISED if name.endswith("25% on") else 0.0
        trial = Trial(rules, traffic, candidate, stable, counts_from)
        yield f"immature/{name}", (trial, 2000)


ALIKE = ("flat, an hour", "bursts of 5")
"""Worlds in which both arms are asked alike."""


def _unlike() -> Named:
    """What the arms are asked."""
    rules = {SERINUS: asked(SCORES)}
    for name in ALIKE:
        world = WORLDS[name]
        yield f"alike/{name}", (Trial(rules, world.traffic, scoring(SCORES), scoring(SCORES)), 200)
    for index, shift in SHIFTS.items():
        models = scoring(SCORES, steady(shift)), scoring(SCORES)
        yield f"unlike/{index}", (_until_half(rules, Traffic(), *models), 100)


def _late(breaks: float) -> Trial:
    """Errors go from 1% to 5% so many seconds after the start."""
    return Trial(
        {DEFAULTS: ERRORS_BY_DEFAULT.rule, SERINUS: ERRORS.tolerating(1.1).rule},
        Traffic(lasts=breaks + 2 * HOUR),
        failing(lambda at: 0.05 if at > breaks else 0.01),
        failing(steady(0.01)),
        counts_from=breaks,
        until_decided=0.55,
    )


def _until_half(rules: Rules, traffic: Traffic, candidate: Shares, stable: Shares) -> Trial:
    """More than the median needs is not run."""
    return Trial(rules, traffic, candidate, stable, until_decided=0.55)


def _ratio_oracle(times: float) -> Callable[[Rollouts], Rule]:
    return lambda _: RatioOracle(times, ALPHA)


def _oracle(candidate: Shares, stable: Shares) -> Callable[[Rollouts], Rule]:
    shares: tuple[Floats, Floats] = shares_of(candidate), shares_of(stable)
    return lambda _: Oracle(shares[0], shares[1], ALPHA)
