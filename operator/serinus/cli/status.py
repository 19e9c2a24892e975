"""`serinus status`: the state of ModelDeployments, as text or JSON."""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict
from typing import Any, Final

from serinus.api.quantities import spoken
from serinus.api.spec import Spec
from serinus.api.validation import read_status, readable
from serinus.cli.files import InputError, read_documents
from serinus.cli.tables import table
from serinus.cluster import ApiError
from serinus.cluster.client import connect, current_namespace
from serinus.views.rollout import ArmView, RolloutView, StepView, rollout_view

_EPILOG = """\
All data comes from the status. The operator writes decisions at once, and evidence within half a
minute.

examples:
  serinus status                        # all in the namespace, one per line
  serinus status loan                   # steps, checks, decisions, what the rollout waits for
  serinus status loan --watch
  serinus status loan -o json
  kubectl get mdep loan -o yaml | serinus status -f -
"""
_EVERY: Final = 1.0
"""Seconds between two looks with --watch."""
_BAR: Final = 20
_DECISIONS: Final = 5


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "status",
        help="show the state of ModelDeployments: weights, checks, decisions",
        description="Shows the state of one ModelDeployment, or of all in a namespace.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="name of the ModelDeployment (default: all)")
    parser.add_argument(
        "-n", "--namespace", help="namespace (default: that of the kubeconfig's context)"
    )
    parser.add_argument(
        "-f",
        "--filename",
        help="read the output of kubectl get -o yaml from a file instead of the cluster; - reads "
        "standard input",
    )
    parser.add_argument("-w", "--watch", action="store_true", help="print again on each change")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    if options.filename and options.watch:
        raise InputError("--watch: cannot be used with -f")
    if options.filename:
        _print(_of_file(options.filename, options.name), options)
        return
    try:
        asyncio.run(_of_cluster(options))
    except ApiError as error:
        raise InputError(str(error)) from None
    except KeyboardInterrupt:
        return


def _of_file(path: str, name: str | None) -> list[dict[str, Any]]:
    found = []
    for each in read_documents(path):
        listed = each.get("items") if isinstance(each, dict) else None
        found += listed if isinstance(listed, list) else [each]
    found = [
        each for each in found if isinstance(each, dict) and each.get("kind") == "ModelDeployment"
    ]
    if name is not None:
        found = [each for each in found if (each.get("metadata") or {}).get("name") == name]
    if not found:
        raise InputError(f"{path}: contains no ModelDeployment{f' {name}' if name else ''}")
    return found


async def _of_cluster(options: argparse.Namespace) -> None:
    namespace = options.namespace or current_namespace()
    async with connect() as cluster:
        before: list[dict[str, Any]] | None = None
        while True:
            if options.name is None:
                found = await cluster.list("ModelDeployment", namespace)
            else:
                found = [await cluster.get("ModelDeployment", namespace, options.name)]
            if found != before:
                if options.watch and sys.stdout.isatty():
                    print("\033[2J\033[H", end="")
                _print(found, options)
            before = found
            if not options.watch:
                return
            await asyncio.sleep(_EVERY)


def _print(found: list[dict[str, Any]], options: argparse.Namespace) -> None:
    now = time.time()
    views = [(_name(live), _view(live, now)) for live in found]
    if options.output == "json":
        shown = [{**name, **_as_json(view)} for name, view in views]
        print(json.dumps(shown[0] if options.name else shown, indent=2), flush=True)
    elif options.name or (options.filename and len(views) == 1):
        [(name, view)] = views
        print(as_text(f"{name['namespace']}/{name['name']}", view, now), flush=True)
    elif not views:
        print("No ModelDeployments found.", file=sys.stderr)
    else:
        rows = [(name["name"], *_cells(view)) for name, view in views]
        heads = ("NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "MESSAGE")
        print(table(heads, rows), flush=True)


def _name(live: dict[str, Any]) -> dict[str, str]:
    metadata = live.get("metadata") or {}
    return {
        "namespace": metadata.get("namespace", "default"),
        "name": metadata.get("name", "?"),
    }


def _view(live: dict[str, Any], now: float) -> RolloutView:
    """Parts that this version cannot read are left out."""
    status, _ = read_status(live.get("status") or {})
    known, _ = readable(Spec, live.get("spec") or {}, "spec")
    try:
        spec = Spec.model_validate(known)
    except ValueError:
        spec = None  # then there are no steps to show
    return rollout_view(spec, status, now)


def _as_json(view: RolloutView) -> dict[str, Any]:
    """The view, with times in the format of the status."""
    return {
        "phase": view.phase,
        "message": view.message,
        "stable": view.stable and asdict(view.stable),
        "candidate": view.candidate and asdict(view.candidate),
        "wanted": view.wanted,
        "promoting": view.promoting,
        "steps": [asdict(step) for step in view.steps],
        "checks": [asdict(check) for check in view.checks],
        "wait": view.wait and asdict(view.wait),
        "rejected": view.rejected and view.rejected.to_json(),
        "retiring": list(view.retiring),
        "decisions": [each.to_json() for each in view.decisions],
        "conditions": [each.to_json() for each in view.conditions],
    }


# as text


def as_line(view: RolloutView) -> str:
    """Phase, revisions, weight, step, verdicts and the reason for waiting, in one line."""
    stable = _version(view.stable) if view.stable else "-"
    if view.candidate is None:
        return f"{view.phase:<11} {stable} {_bar(0)}"
    checks = " ".join(f"{check.name}:{check.verdict}" for check in view.checks)
    where = "promoting" if view.promoting else f"step {_step(view.steps)}" if view.steps else ""
    arms = f"{stable} {_bar(view.candidate.weight)} {_weight(view)} {_version(view.candidate)}"
    parts = (f"{view.phase:<11}", arms, where, checks, view.wait.reason if view.wait else "")
    return " ".join(filter(None, parts))


def as_text(name: str, view: RolloutView, now: float) -> str:
    """The complete view as text."""
    blocks = [f"{name}: {view.phase}\n{view.message}".rstrip()]
    arms = [("stable", view.stable), ("candidate", view.candidate)]
    rows = [
        (role, arm.revision, arm.version or "-", str(arm.ready), f"{arm.weight:g}%")
        for role, arm in arms
        if arm is not None
    ]
    if rows:
        blocks.append(table(("ROLE", "REVISION", "VERSION", "READY PODS", "TRAFFIC"), rows))
    if view.steps:
        marks = {"done": "✓", "current": "→", "pending": " "}
        steps = [f"  {marks[step.state]} {_of_step(step)}" for step in view.steps]
        blocks.append("\n".join(["STEPS", *steps]))
    if view.wait is not None:
        left = f", {spoken(view.wait.left)} left" if view.wait.left is not None else ""
        since = f" for {spoken(view.wait.seconds)}" if view.wait.seconds >= 1 else ""
        blocks.append(f"WAITING{since}{left}: {view.wait.reason}")
    if view.checks:
        heads = ("CHECK", "VERDICT", "CANDIDATE REQUESTS", "STABLE REQUESTS", "EVIDENCE")
        checks = [
            (each.name, each.verdict, f"{each.candidate:.0f}", f"{each.stable:.0f}", each.message)
            for each in view.checks
        ]
        blocks.append(table(heads, checks))
    if view.conditions:
        conditions = [f"  {each.type}={each.status}: {each.message}" for each in view.conditions]
        blocks.append("\n".join(["CONDITIONS", *conditions]))
    if view.decisions:
        past = [
            (f"{spoken(max(now - each.at, 0))} ago", each.reason, each.message)
            for each in view.decisions[:_DECISIONS]
        ]
        blocks.append(table(("DECIDED", "REASON", "MESSAGE"), past))
    return "\n\n".join(blocks)


def _cells(view: RolloutView) -> tuple[str, ...]:
    step = ""
    if view.steps:
        step = "promoting" if view.promoting else f"{_step(view.steps)}/{len(view.steps)}"
    return (
        view.phase,
        _version(view.stable) if view.stable else "-",
        _version(view.candidate) if view.candidate else "-",
        _weight(view) if view.candidate else "-",
        step or "-",
        view.message,
    )


def _version(arm: ArmView) -> str:
    return arm.version or arm.revision


def _weight(view: RolloutView) -> str:
    actual = view.candidate.weight if view.candidate else 0.0
    wanted = "" if view.wanted in (None, actual) else f"->{view.wanted:g}"
    return f"{actual:g}{wanted}%"


def _step(steps: tuple[StepView, ...]) -> int:
    """The number of the current step, from 1."""
    return min(sum(step.state == "done" for step in steps) + 1, len(steps))


def _of_step(step: StepView) -> str:
    if step.pause is None:
        return f"{step.weight}%"
    return f"pause at {step.weight}% " + (f"for {step.pause}" if step.pause else "until a command")


def _bar(percent: float) -> str:
    """Stable's share and the candidate's, as a line of blocks."""
    candidate = round(_BAR * percent / 100)
    return "░" * (_BAR - candidate) + "█" * candidate
