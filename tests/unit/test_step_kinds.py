"""A kind of step is a file of settings, a file with what it does, and a line in each table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.alias_generators import to_snake

from serinus.api.steps import KINDS, Step
from serinus.plan.stepping import given_at
from serinus.plan.steps import STEP_KINDS, kind_of, shown
from serinus.plan.steps.kind import Gate, StepKind

ROOMS = Path(__file__).parents[2] / "operator" / "serinus"
MAY_NAME_KINDS = (
    "api/steps",
    "plan/steps",
    "cli/conversion.py",  # writes steps
)
MODULES = [
    path.relative_to(ROOMS).as_posix()
    for path in sorted(ROOMS.rglob("*.py"))
    if not path.relative_to(ROOMS).as_posix().startswith(MAY_NAME_KINDS)
]
FIELDS = {to_snake(kind) for kind in KINDS}
NAMES = {"setWeight", *(each.__name__ for each in STEP_KINDS.values())}


def test_every_kind_does_something_and_has_a_field() -> None:
    assert set(STEP_KINDS) == set(KINDS)
    assert set(Step.model_fields) == FIELDS
    of_all = {*StepKind.__subclasses__(), *Gate.__subclasses__()} - {Gate}
    assert set(STEP_KINDS.values()) == of_all


def kinds_named(module: str) -> Iterator[str]:
    """As classes, fields of a step, or the one key that is no other word."""
    for node in ast.walk(ast.parse((ROOMS / module).read_text())):
        match node:
            case ast.Name(id=name) | ast.Constant(value=str(name)) if name in NAMES:
                yield name
            case ast.Attribute(value=ast.Name(id="step"), attr=name) if name in FIELDS:
                yield name


@pytest.mark.parametrize("module", MODULES)
def test_no_other_module_tells_kinds_apart(module: str) -> None:
    assert list(kinds_named(module)) == []


STEPS = {
    "preview": Step.model_validate({"preview": {"headers": [{"name": "x-try", "value": "1"}]}}),
    "mirror": Step.model_validate({"mirror": {"percent": 20}}),
    "setWeight": Step.model_validate({"setWeight": 20}),
    "pause": Step.model_validate({"pause": {"duration": "10m"}}),
    "approval": Step.model_validate({"approval": {}}),
    "job": Step.model_validate(
        {"job": {"template": {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}}}
    ),
}


def test_a_view_of_a_step_has_the_fields_of_every_kind() -> None:
    assert set(STEPS) == set(KINDS)
    assert len({tuple(shown(step)) for step in STEPS.values()}) == 1
    assert len({kind_of(step).text(given_at([step], 0)) for step in STEPS.values()}) == len(KINDS)


def test_a_step_that_no_command_may_skip_says_what_it_waits_for() -> None:
    gates = [kind for kind in map(kind_of, STEPS.values()) if isinstance(kind, Gate)]
    assert [kind.must for kind in gates] == ["must be approved"]
