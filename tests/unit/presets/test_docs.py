"""docs/presets.md says what the presets say."""

import re
from pathlib import Path

import pytest
import yaml

from serinus.api.analysis import Analysis
from serinus.api.checks import Check, LabelMatcher
from serinus.api.presets import PRESETS
from serinus.api.validation import problems
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision
from serinus.manifests.service import service

TEXT = (Path(__file__).parents[3] / "docs" / "presets.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def row(name: str) -> str:
    """The table's row of a preset, as its data has it."""
    preset = PRESETS[name]
    latencies = ", ".join(f"`{of}`" for of in preset.latencies)
    checks = ", ".join(told(check) for check in preset.checks)
    return f"| {name} | {checks} | {errors(name)} | {latencies} |"


def told(check: Check) -> str:
    of = check.latency.of if check.latency else None
    return f"{check.kind} of {of}" if of else check.kind


def errors(name: str) -> str:
    settings = PRESETS[name].error_rate
    if settings.successes:
        return f"`{settings.requests.metric}` minus `{settings.successes}`"
    among = settings.failures or settings.requests.metric
    which = f" with `{conditions(settings.failed)}`" if settings.failed else ""
    other = f" and `{settings.requests.metric}`" if settings.failures else ""
    return f"`{among}`{which}{other}"


def conditions(matchers: list[LabelMatcher]) -> str:
    """A bar ends a cell of a table unless it is escaped."""
    shown = ",".join(f'{each.label}{each.operator}"{each.value}"' for each in matchers)
    return shown.replace("|", r"\|")


def test_the_table_has_a_row_for_each_preset_and_no_other() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    assert rows == [row(name) for name in PRESETS]


def test_the_example_of_grpc_makes_a_service_that_speaks_http_2() -> None:
    (example,) = (yaml.safe_load(text) for text in EXAMPLES if "name: grpc" in text)
    assert problems("default", "fraud", example) == []
    made = service(Owner("default", "fraud", "uid"), "fraud", None, Revision.of(example, 1))
    (port,) = made["spec"]["ports"]
    assert (port["targetPort"], port["appProtocol"]) == ("grpc", "kubernetes.io/h2c")


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_valid(example: str) -> None:
    analysis = Analysis.model_validate(yaml.safe_load(example)["rollout"]["analysis"])
    assert analysis.preset in PRESETS
    assert analysis.checks
