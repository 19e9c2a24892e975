"""`serinus simulate`: simulate a rollout with a policy and a scenario."""

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from serinus.api.quantities import PERCENT_PATTERN
from serinus.api.scenario import Scenario
from serinus.cli.comparing import compared, compared_json, compared_table
from serinus.cli.files import GivenManifest, InputError, read_manifest, read_scenario, scenario_of
from serinus.cli.rollouts import audits_table, moments_json, moments_table, shares_table
from serinus.cli.sources import add_output, dumped
from serinus.cli.terminal import progress, show
from serinus.simulation.outcomes import AuditShare, audit_shares, shares
from serinus.simulation.random_scenarios import differs, drawn
from serinus.simulation.simulate import Run, Simulation, asked_for

_MOST_RUNS = 1_000_000
_BATCH = 50
"""Rollouts that are simulated together."""
_SHOWN = 0
"""Number of the rollout whose log is shown."""
EPILOG = f"""\
A scenario is a YAML file in which all fields have defaults:

  requestsPerSecond: 100
  traffic: Steady             # or Diurnal, Bursts, Ramp
  scrapeInterval: 15s
  podsReadyAfter: 20s
  routeAfter: 1s
  misrouted: 0%               # share of the candidate's traffic that goes to stable instead
  podsDiffer: 0%              # relative standard deviation of the pods' error rates
  stable:
    errors: 1%
    errorsAtOnce: 1           # how many requests fail together
    scores: {{mean: 0.4, deviation: 0.2}}
    classes: {{approve: 70%, refuse: 30%}}
    groups: {{north: 60%, south: 40%}}
  candidate:                  # differences from stable
    after: 5m                 # when the differences begin
    errors: 3%
    coldStart: {{lasts: 90s, slower: 10, errors: 20%}}   # after each pod's first request
    denied: {{south: 33%}}      # share of a group's approvals that are denied
  values: {{slow: 0.3}}         # result of each threshold query, by the name of its check

examples:
  serinus simulate -f examples/03-gateway.yaml
  serinus simulate -f examples/03-gateway.yaml --candidate-errors 3% --runs 1000
  serinus simulate -f examples/04-drift.yaml --scenario examples/scenarios/other-scores.yaml
  serinus simulate -f examples/04-drift.yaml --scenario random --runs 1000 -o json
  serinus simulate -f examples/03-gateway.yaml --requests-per-second 10 --compare

Percentages have the same format as in a manifest ({PERCENT_PATTERN}).
"""


@dataclass(frozen=True)
class Result:
    """One run, and whether its candidate differed from stable."""

    run: Run
    differs: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "-f", "--filename", required=True, help="the ModelDeployment; - reads standard input"
    )
    parser.add_argument("--scenario", help="file with the scenario, or random")
    parser.add_argument(
        "--requests-per-second",
        type=float,
        help="requests per second to both revisions together (default: 100)",
    )
    parser.add_argument(
        "--stable-errors", help="share of stable's requests that fail (default: 1%%)"
    )
    parser.add_argument(
        "--candidate-errors",
        help="share of the candidate's requests that fail (default: same as stable)",
    )
    parser.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="CHECK=NUMBER",
        help="result of the query of a threshold check",
    )
    parser.add_argument("--runs", type=_runs, default=100, help="number of rollouts (default: 100)")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the random numbers (default: 1)"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="compare some policies: time to promotion, false rollbacks, and requests of clients "
        "that fail until a candidate with 2, 5 or 100 times stable's errors is rolled back",
    )
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Simulate and print. Raises InputError for invalid input."""
    manifest = read_manifest(options.filename)
    if not manifest.spec.replicas:
        raise InputError(
            f"{options.filename}: spec.replicas: is 0, so nothing serves; set it to the number of "
            "pods that are to be simulated"
        )
    scenario = _scenario(options, manifest)
    try:
        _simulation(manifest, scenario)
    except ValueError as error:
        raise InputError(f"{options.scenario or 'scenario'}: {error} (--value)") from None
    if options.compare:
        _compare(options, manifest, scenario)
        return
    one = partial(simulated, manifest, scenario, options.scenario == "random", options.seed)
    results = _on_all_cores(one, _batches(options.runs))
    if options.output:
        print(dumped(_as_json(manifest, scenario, results), options.output))
        return
    message = f" ({manifest.version})" if manifest.version else ""
    show(f"One rollout of {manifest.owner.name}, revision {manifest.revision}{message}:\n")
    show(moments_table(results[0].run.moments))
    for title, alike in _by_truth(results, options.scenario == "random"):
        show(f"\n{len(alike)} rollouts{title}:\n")
        show(shares_table(shares(result.run for result in alike)))
        if audits := audits_table(_audits(manifest, alike)):
            show(f"\n{audits}")


def _compare(options: argparse.Namespace, manifest: GivenManifest, scenario: Scenario) -> None:
    if options.scenario == "random":
        raise InputError("--compare: needs one scenario, not a random one")

    def runs(given: GivenManifest, of: Scenario) -> list[Run]:
        one = partial(simulated, given, of, False, options.seed)
        return [result.run for result in _on_all_cores(one, _batches(options.runs))]

    rows = compared(manifest, scenario, options.seed, runs)
    if options.output:
        found = {"name": manifest.owner.name, "runs": options.runs}
        print(dumped({**found, "policies": compared_json(rows)}, options.output))
        return
    show(f"{options.runs} rollouts of {manifest.owner.name} with each policy and candidate:\n")
    show(compared_table(rows))


def simulated(
    manifest: GivenManifest, scenario: Scenario, at_random: bool, seed: int, numbers: range
) -> list[Result]:
    """The rollouts with these numbers; their random numbers depend only on the seed and the number.

    With a given scenario they share one simulated hour before the rollout, which is slow to draw.
    """
    if at_random:
        return [_at_random(manifest, scenario, seed, number) for number in numbers]
    simulation = _simulation(manifest, scenario)
    past = simulation.past(Random(f"{seed}/past {numbers.start}"))
    runs = (
        simulation.run(Random(f"{seed}/{number}"), past, explained=number == _SHOWN)
        for number in numbers
    )
    return [Result(run, differs(scenario)) for run in runs]


def _at_random(manifest: GivenManifest, known: Scenario, seed: int, number: int) -> Result:
    rng = Random(f"{seed}/{number}")
    scenario = drawn(rng, known)
    simulation = _simulation(manifest, scenario)
    run = simulation.run(rng, simulation.past(rng), explained=number == _SHOWN)
    return Result(run, differs(scenario))


def _simulation(manifest: GivenManifest, scenario: Scenario) -> Simulation:
    return Simulation(manifest.owner, manifest.spec, manifest.revision, scenario)


def _batches(runs: int) -> list[range]:
    return [range(first, min(first + _BATCH, runs)) for first in range(0, runs, _BATCH)]


def _on_all_cores(one: Callable[[range], list[Result]], batches: Sequence[range]) -> list[Result]:
    processes = min(os.cpu_count() or 1, len(batches))
    if processes == 1:
        return _collected(map(one, batches), batches)
    with ProcessPoolExecutor(processes) as pool:
        return _collected(pool.map(one, batches), batches)


def _collected(found: Iterable[list[Result]], batches: Sequence[range]) -> list[Result]:
    """The results of all batches; shows how many there are while it waits for more."""
    results: list[Result] = []
    try:
        progress(f"0 of {batches[-1].stop} rollouts")
        for batch in found:
            results += batch
            progress(f"{len(results)} of {batches[-1].stop} rollouts")
    finally:
        progress("")
    return results


def _runs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_RUNS}")
    return int(text)


def _scenario(options: argparse.Namespace, manifest: GivenManifest) -> Scenario:
    from_file = options.scenario not in (None, "random")
    written = read_scenario(options.scenario) if from_file else {}
    if from_file:
        scenario_of(written, options.scenario)  # what is in the file is blamed on the file
    if options.requests_per_second is not None:
        written["requestsPerSecond"] = options.requests_per_second
    if options.stable_errors is not None:
        written["stable"] = {**(written.get("stable") or {}), "errors": options.stable_errors}
    if options.candidate_errors is not None:
        candidate = written.get("candidate") or {}
        written["candidate"] = {**candidate, "errors": options.candidate_errors}
    if options.value:
        written["values"] = {**(written.get("values") or {}), **_values(options, manifest)}
    return scenario_of(written, options.scenario if from_file else "options")


def _values(options: argparse.Namespace, manifest: GivenManifest) -> dict[str, float]:
    found = dict(map(_value, options.value))
    known = asked_for(manifest.spec.rollout.analysis)
    there = f"there are: {', '.join(known)}" if known else "there is none"
    for name in found:
        if name not in known:
            raise InputError(
                f"--value {name}: no threshold check of {options.filename} has this name; {there}"
            )
    return found


def _value(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise InputError(f"--value {text}: write it like slow=0.3") from None


def _by_truth(results: Sequence[Result], at_random: bool) -> list[tuple[str, list[Result]]]:
    if not at_random:
        return [("", list(results))]
    groups = [
        (" of candidates as good as stable", [r for r in results if not r.differs]),
        (" of candidates that differ from stable", [r for r in results if r.differs]),
    ]
    return [(title, alike) for title, alike in groups if alike]


def _audits(manifest: GivenManifest, results: Sequence[Result]) -> list[AuditShare]:
    names = [check.name for check in manifest.spec.rollout.analysis.audited]
    return audit_shares(names, [result.run for result in results])


def _as_json(
    manifest: GivenManifest, scenario: Scenario, results: Sequence[Result]
) -> dict[str, Any]:
    return {
        "name": manifest.owner.name,
        "revision": manifest.revision,
        "scenario": scenario.to_json(),
        "timeline": moments_json(results[0].run.moments),
        "runs": len(results),
        "outcomes": [
            {
                "outcome": share.outcome,
                "reason": share.reason,
                "runs": share.runs,
                "chance": share.chance,
                "between": share.between,
                "secondsMedian": share.after[0],
                "seconds95": share.after[1],
                "candidateRequestsMedian": share.requests[0],
                "candidateRequests95": share.requests[1],
            }
            for share in shares(result.run for result in results)
        ],
        "audits": [
            {
                "check": share.check,
                "runs": share.runs,
                "chance": share.chance,
                "between": share.between,
                "secondsMedian": share.after and share.after[0],
                "seconds95": share.after and share.after[1],
            }
            for share in _audits(manifest, results)
        ],
    }
