"""A kind of check is declared, judged and simulated; what else differs, its settings say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from serinus.api.analysis import Analysis
from serinus.api.checks import KINDS, Check, Settings
from serinus.api.spec import Rollout
from serinus.api.validation import problems
from serinus.judge.checks import CHECKS
from serinus.simulation.exports import EXPORTED
from tests.evidence.kinds import KINDS as SHOWN
from tests.unit.judge.promises import PROMISES

ROOMS = Path(__file__).parents[2] / "operator" / "serinus"
MAY_NAME_KINDS = (
    "api/checks",
    "judge/checks",
    "simulation/exports.py",
    "api/analysis.py",  # the checks of who names none
    "api/monitoring.py",  # what is monitored of stable has such names too
    "api/scenario.py",  # a model has a latency, and feedback
)
MODULES = [
    path.relative_to(ROOMS).as_posix()
    for path in sorted(ROOMS.rglob("*.py"))
    if not path.relative_to(ROOMS).as_posix().startswith(MAY_NAME_KINDS)
]
FIELDS = {to_snake(kind) for kind in KINDS}
NAMES = {*KINDS, *(settings.__name__ for settings in KINDS.values())}


def leaves(of: type[Settings]) -> Iterator[type[Settings]]:
    below = of.__subclasses__()
    for each in below:
        yield from leaves(each)
    if not below:
        yield of


def test_the_table_has_every_kind() -> None:
    assert set(KINDS.values()) == set(leaves(Settings))


def test_each_kind_has_a_field_of_its_settings() -> None:
    fields = {name: field.annotation for name, field in Check.model_fields.items()}
    declared: dict[str, Any] = {to_snake(kind): settings | None for kind, settings in KINDS.items()}
    of_every_kind = {name: fields[name] for name in ("name", "mode", "weight", "preset")}
    assert fields == {**of_every_kind, **declared}


def test_each_kind_is_judged() -> None:
    assert set(CHECKS) == set(KINDS.values())


def test_it_is_known_of_each_kind_how_it_is_simulated() -> None:
    assert set(EXPORTED) == set(KINDS.values())


def test_the_guarantees_of_each_kind_that_has_any_are_proven() -> None:
    proven = {type(promise.check) for promise in PROMISES.values()}
    assert proven == {CHECKS[settings] for settings in KINDS.values() if settings.has_guarantee}


def test_each_kind_shows_what_it_says() -> None:
    assert {kind.name for kind in SHOWN} == set(KINDS)


def kinds_named(module: str) -> Iterator[str]:
    """As classes, keys of a manifest, or fields of a check."""
    for node in ast.walk(ast.parse((ROOMS / module).read_text())):
        match node:
            case ast.Name(id=name) | ast.Constant(value=str(name)) if name in NAMES:
                yield name
            case ast.Attribute(value=ast.Name(id="check"), attr=name) if name in FIELDS:
                yield name


@pytest.mark.parametrize("module", MODULES)
def test_no_other_module_tells_kinds_apart(module: str) -> None:
    assert list(kinds_named(module)) == []


def kinds_in(text: str | None) -> set[str]:
    return {kind for kind in KINDS if re.search(rf"\b{kind}\b", text or "")}


def refusal(**rollout: Any) -> str:
    """What is said of a rollout with a check that can do little."""
    analysis = {"checks": [{"name": "x", "threshold": {"query": "max(a{$arm})", "max": 1}}]}
    container = {"name": "m", "image": "i", "ports": [{"containerPort": 80}]}
    spec = {
        "template": {"spec": {"containers": [container]}},
        "rollout": {**rollout, "analysis": {**analysis, **rollout.get("analysis", {})}},
    }
    return " ".join(str(each) for each in problems("default", "fraud", spec))


def test_what_tells_of_strata_names_each_kind_that_compares_them() -> None:
    compare = {kind for kind, settings in KINDS.items() if settings.compares_strata}
    assert kinds_in(Analysis.model_fields["stratify"].description) == compare
    assert kinds_in(refusal(analysis={"stratify": ["route"]})) == compare


def test_what_tells_of_a_guard_names_each_kind_that_it_leaves_out() -> None:
    left_out = {kind for kind, each in KINDS.items() if not each.serves_a_guard(1800)}
    assert kinds_in(Rollout.model_fields["guard"].description) == left_out
    without = refusal(
        guard={"duration": "30m"}, analysis={"checks": [{"name": "slow", "latency": {}}]}
    )
    assert left_out <= kinds_in(without)
