"""A quantity that is monitored is its settings, a file with what it is compared with and how it is
reported, and a line in each table."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from serinus.api.monitoring import MONITORS, Monitor, Monitoring
from serinus.api.reasons import meaning_of
from serinus.api.status import Monitored
from serinus.plan.monitored import QUANTITIES
from serinus.plan.monitored.compared import Compared
from serinus.plan.monitored.limited import BelowLimit
from serinus.plan.monitored.quantity import Quantity

ROOMS = Path(__file__).parents[2] / "operator" / "serinus"
MAY_NAME_THEM = (
    "api/monitoring.py",
    "plan/monitored",
    "judge/inputs",  # compares what both revisions are asked by the same settings
    "judge/drift/watched.py",  # the same
    "judge/analysis.py",
    "judge/modes.py",
    "plan/analysis.py",
)
MODULES = [
    path.relative_to(ROOMS).as_posix()
    for path in sorted(ROOMS.rglob("*.py"))
    if not path.relative_to(ROOMS).as_posix().startswith(MAY_NAME_THEM)
]
FIELDS = {to_snake(key) for key in MONITORS}
NAMES = {each.__name__ for each in (*MONITORS.values(), *QUANTITIES.values())}


def test_each_has_a_field_of_its_settings() -> None:
    fields = {name: field.annotation for name, field in Monitoring.model_fields.items()}
    of_all_names = ("interval", "mean_time_between_false_alarms", "retrain")
    of_all = {name: fields[name] for name in of_all_names}
    declared: dict[str, Any] = {to_snake(key): each | None for key, each in MONITORS.items()}
    assert fields == {**of_all, **declared}
    assert set(MONITORS.values()) == set(Monitor.__subclasses__())


def test_each_is_compared_and_reported_by_a_condition_and_a_reason_of_its_own() -> None:
    assert set(QUANTITIES) == set(MONITORS.values())
    assert set(QUANTITIES.values()) == {*Compared.__subclasses__(), *BelowLimit.__subclasses__()}
    assert len({each.condition for each in QUANTITIES.values()}) == len(QUANTITIES)
    assert len({each.amiss for each in QUANTITIES.values()}) == len(QUANTITIES)
    assert all(meaning_of(each.amiss).warns for each in QUANTITIES.values())


@pytest.mark.parametrize("kind", QUANTITIES.values())
def test_what_is_known_of_one_is_written_and_read_beside_the_others(
    kind: type[Quantity],
) -> None:
    status = Monitored()
    for settings, each in QUANTITIES.items():
        begun = each(settings.model_construct()).begun(f"basis of {each.name}")
        status = each.with_known(status, begun)
    read = Monitored.model_validate(status.to_json())
    known = kind.known(read)
    assert known and known.basis == f"basis of {kind.name}"
    without = kind.with_known(read, None)
    assert kind.known(without) is None
    assert all(each.known(without) for each in QUANTITIES.values() if each is not kind)


def named(module: str) -> Iterator[str]:
    """As classes, or as fields of the settings."""
    for node in ast.walk(ast.parse((ROOMS / module).read_text())):
        match node:
            case ast.Name(id=name) if name in NAMES:
                yield name
            case ast.Attribute(value=ast.Name(id="monitoring"), attr=name) if name in FIELDS:
                yield name
            case ast.Attribute(value=ast.Attribute(attr="monitoring"), attr=name) if name in FIELDS:
                yield name


@pytest.mark.parametrize("module", MODULES)
def test_no_other_module_tells_them_apart(module: str) -> None:
    assert list(named(module)) == []
