"""`serinus simulate --compare`: some policies side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from serinus.api.baseline import Baseline
from serinus.api.quantities import fraction, spoken
from serinus.api.scenario import Scenario
from serinus.api.steps import Step
from serinus.cli.files import GivenManifest, InputError
from serinus.cli.terminal import table
from serinus.simulation.outcomes import spread
from serinus.simulation.policies import Policy, policies
from serinus.simulation.simulate import Run, Simulation

FACTORS: Final = (2, 5, 100)
"""How many times stable's errors a bad candidate has."""
_PROMOTED: Final = "Promoted"

Simulate = Callable[[GivenManifest, Scenario], Sequence[Run]]


@dataclass(frozen=True, slots=True)
class BadCandidates:
    """Of a policy, what became of candidates with so many times stable's errors."""

    times: int
    promoted: float
    """Share of the rollouts."""
    failed: tuple[float, float]
    """Requests of clients that failed: median and 95th percentile."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a policy comes to."""

    policy: str
    weights: list[int]
    """Percent, in the first of the rollouts."""
    seconds: tuple[float, float]
    """Until a candidate as good as stable is promoted: median and 95th percentile."""
    promoted: float
    """Share of those rollouts."""
    rolled_back: float
    """The same, falsely."""
    bad: list[BadCandidates]


def compared(
    manifest: GivenManifest, scenario: Scenario, seed: int, simulate: Simulate
) -> list[Compared]:
    """Each policy with a candidate as good as stable, and with bad ones. Raises InputError if the
    scenario says already how the candidate differs, or stable has no errors."""
    if scenario.candidate != Scenario().candidate:
        raise InputError("--compare: sets the candidate's errors itself; leave out what sets them")
    if scenario.stable.routes:
        raise InputError("--compare: sets the errors of all requests; leave routes out")
    if not fraction(scenario.stable.errors):
        raise InputError("--compare: bad candidates have some times stable's errors, which are 0%")
    return [
        _of(policy, manifest, scenario, seed, simulate)
        for policy in policies(manifest.spec.rollout)
    ]


def _of(
    policy: Policy, manifest: GivenManifest, scenario: Scenario, seed: int, simulate: Simulate
) -> Compared:
    given = replace(manifest, spec=manifest.spec.replace(rollout=policy.rollout))
    good = simulate(given, scenario)
    promoted = [run for run in good if run.outcome == _PROMOTED]
    rolled_back = sum(run.outcome == "RolledBack" for run in good)
    return Compared(
        policy=policy.name,
        weights=_weights(given, scenario, seed),
        seconds=spread([run.after for run in promoted or good]),
        promoted=len(promoted) / len(good),
        rolled_back=rolled_back / len(good),
        bad=[_bad(times, given, scenario, simulate) for times in FACTORS],
    )


def _bad(
    times: int, manifest: GivenManifest, scenario: Scenario, simulate: Simulate
) -> BadCandidates:
    share = min(times * fraction(scenario.stable.errors), 1.0)
    errors = f"{100 * share:.6f}".rstrip("0").rstrip(".") + "%"
    candidate = scenario.candidate.replace(errors=errors)
    runs = simulate(manifest, scenario.replace(candidate=candidate))
    promoted = sum(run.outcome == _PROMOTED for run in runs)
    failed = spread([run.requests * share for run in runs])
    return BadCandidates(times, promoted / len(runs), failed)


def _weights(manifest: GivenManifest, scenario: Scenario, seed: int) -> list[int]:
    rollout = manifest.spec.rollout
    found = None
    if rollout.step_choice is not None:
        simulation = Simulation(manifest.owner, manifest.spec, manifest.revision, scenario)
        found = simulation.past(Random(f"{seed}/past 0")).found
    chosen = found.weights if isinstance(found, Baseline) else []
    return chosen or Step.weights_of(rollout.steps)


def compared_table(rows: Sequence[Compared]) -> str:
    """For people; medians, with the 95th percentile."""
    heads = ["POLICY", "WEIGHTS", "PROMOTED", "TIME (95%)", "ROLLED BACK"]
    heads += [f"{times}X: FAILED (95%)" for times in FACTORS] + [f"{FACTORS[0]}X: PROMOTED"]
    return table(heads, [_row(each) for each in rows])


def _row(each: Compared) -> list[str]:
    median, most = each.seconds
    return [
        each.policy,
        ", ".join(f"{weight}%" for weight in each.weights) or "none",
        f"{100 * each.promoted:.0f}%",
        f"{spoken(median)} ({spoken(most)})",
        f"{100 * each.rolled_back:.1f}%",
        *(f"{bad.failed[0]:.0f} ({bad.failed[1]:.0f})" for bad in each.bad),
        f"{100 * each.bad[0].promoted:.0f}%",
    ]


def compared_json(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    """For scripts."""
    return [
        {
            "policy": each.policy,
            "weights": each.weights,
            "promoted": each.promoted,
            "secondsMedian": each.seconds[0],
            "seconds95": each.seconds[1],
            "rolledBack": each.rolled_back,
            "bad": [
                {
                    "times": bad.times,
                    "promoted": bad.promoted,
                    "failedRequestsMedian": bad.failed[0],
                    "failedRequests95": bad.failed[1],
                }
                for bad in each.bad
            ],
        }
        for each in rows
    ]
