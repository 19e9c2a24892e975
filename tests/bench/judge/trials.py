"""What is measured: each rule on each kind of traffic, by name."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from serinus.judge.evidence.kernel import NullHypothesis
from tests.bench.judge.checks import ERRORS, Check, Passing, drift, latency
from tests.bench.judge.measure import Rules, Trial
from tests.bench.judge.models import (
    CLASSIC,
    DURATIONS,
    NATIVE,
    Timeline,
    deciles,
    failing,
    lasting,
    scoring,
    shares_of,
    steady,
)
from tests.bench.judge.outages import SharedOutage
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
    return {
        f"{SERINUS}, native": latency(DURATIONS, NATIVE, stable).rule,
        f"{SERINUS}, classic": latency(DURATIONS, CLASSIC, stable).rule,
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
    "flat, an hour": (Traffic(), steady(0.01), 100_000),
    "flat, 24 h": (Traffic(lasts=DAY), steady(0.01), 100_000),
    "diurnal, 24 h": (
        Traffic(lasts=DAY, load=lambda at: 1 + _wave(at) / 2),
        lambda at: 0.01 * (1 + _wave(at) / 2),
        100_000,
    ),
    "ramp with trend": (
        Traffic(weight=lambda at: 0.05 + 0.45 * at / HOUR),
        lambda at: 0.01 * (1 + at / HOUR),
        100_000,
    ),
}
"""What is measured by `rare` instead: traffic, error rate of both arms, and number of runs."""


def trials() -> dict[str, tuple[Trial | SharedOutage, int]]:
    """By name, each with its number of runs."""
    return dict([*_false(), *_outages(), *_family(), *_detection(), *_near_oracle(), *_single()])


Named = Iterator[tuple[str, tuple[Trial | SharedOutage, int]]]


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
            yield f"false/{check}/{name}", (trial, _runs(check, world.traffic))


def _runs(check: str, traffic: Traffic) -> int:
    """What tells a chance of rollbacks from 1%; the nearer, the more."""
    if traffic.pods_differ:
        return 6000
    by_rare = check == "errorRate" and traffic.lasts == DAY
    return 1000 if by_rare else 2000


def _models(world: World) -> dict[str, Shares]:
    return {
        "errorRate": failing(lambda at: 0.01 * world.times(at)),
        "latency": lasting(world.slower),
        "predictionDrift": scoring(SCORES, world.shift),
    }


_BY_DEFAULT, _FEW = ERRORS.tolerating(1.1, 0.001), np.array([0.01, 0.99])
SCRAPES = (5.0, 15.0, 30.0, 60.0)
_OUTAGES: Mapping[str, Callable[[float], SharedOutage]] = {
    "errorRate: all requests fail": partial(SharedOutage, _BY_DEFAULT, _FEW, np.array([1.0, 0.0])),
    "errorRate: all fail, 3 of 10 pods at 25%": partial(
        SharedOutage, _BY_DEFAULT, _FEW, np.array([1.0, 0.0]), pods=(3, 7), weight=0.25
    ),
    "errorRate: 30% fail": partial(SharedOutage, _BY_DEFAULT, _FEW, np.array([0.3, 0.7])),
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
            yield f"family/{check}/{name}", (trial, 4000)


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
    for index, shift in SHIFTS.items():
        models = scoring(SCORES, steady(shift)), scoring(SCORES)
        rules = {**drift_rules(traffic), ORACLE: _oracle(*models)}
        yield f"found/predictionDrift/{index}", (_until_half(rules, traffic, *models), 2000)


TIMES = (1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
INTERVALS = (60.0, 15.0, 5.0)


def _near_oracle() -> Named:
    """Beside a sequential test that knows how many times as often the candidate fails."""
    for interval in INTERVALS:
        traffic = Traffic(interval=interval, lasts=4 * HOUR)
        for times in TIMES:
            rules = {SERINUS: ERRORS.rule, ORACLE: _ratio_oracle(times)}
            models = failing(steady(0.01 * times)), failing(steady(0.01))
            yield f"oracle/{interval:g}/{times:g}", (_until_half(rules, traffic, *models), 6000)


TOLERANCES = (1.0, 1.1, 1.25, 1.5)
MARGINS = (
    (0.01, 1.5, 0.0),
    (0.01, 2.0, 0.0),
    (0.001, 2.0, 0.0),
    (0.01, 1.25, 0.0),
    (0.01, 1.5, 0.01),
)
"""Rate of both arms, margin, absolute margin."""
HEALTHY = (0, 1_000, 10_000, 60_000)
"""Candidate requests before it breaks."""


def _single() -> Named:
    """The judge alone."""
    for tolerance in TOLERANCES:
        for times in (2.0, 3.0, 5.0):
            models = failing(steady(0.01 * times)), failing(steady(0.01))
            rules = {SERINUS: ERRORS.tolerating(tolerance).rule}
            trial = _until_half(rules, Traffic(lasts=4 * HOUR), *models)
            yield f"tolerance/{tolerance}/{times:g}", (trial, 4000)
    for rate, margin, absolute in MARGINS:
        model = failing(steady(rate))
        passes = {SERINUS: partial(Passing, margin=NullHypothesis(margin, absolute))}
        trial = _until_half(passes, Traffic(lasts=4 * HOUR), model, model)
        yield f"pass/{rate:g}/{margin}/{absolute:g}", (trial, 16_000)
    for healthy in HEALTHY:
        yield f"late/{healthy}", (_late(healthy / 5.0), 1000)
    slightly = failing(steady(0.0105)), failing(steady(0.01))
    a_day = Traffic(per_second=1000.0, lasts=DAY, interval=60.0)
    yield "trifle", (Trial({SERINUS: ERRORS.tolerating(1.1).rule}, a_day, *slightly), 1000)
    for interval in (15.0, 5.0, 1.0):
        models = scoring(SCORES, steady(SHIFTS[0.25])), scoring(SCORES)
        trial = _until_half({SERINUS: drift(SCORES).rule}, Traffic(interval=interval), *models)
        yield f"drift/{interval:g}", (trial, 2000)


def _late(breaks: float) -> Trial:
    """Errors go from 1% to 5% so many seconds after the start."""
    return Trial(
        {SERINUS: ERRORS.tolerating(1.1).rule},
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
