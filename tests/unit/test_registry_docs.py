"""docs/registry.md: its examples are read, and its tables have every value."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from serinus.api.registry import AskOutcome, Registry, ToldOutcome
from serinus.api.status import Notice
from serinus.api.template import of_template
from serinus.api.validation import followed, followed_model, typed
from serinus.notifications.forms import Subject
from serinus.registries.connection import MOST_BYTES, TIMEOUT
from serinus.registries.credentials import CERTIFICATES, PASSWORD, TOKEN, USERNAME
from serinus.registries.mlflow import SCHEMES
from serinus.registries.poller import AGAIN_AFTER, AT_ONCE, LONGEST_RETRY_AFTER, LONGEST_WAIT
from serinus.registries.webhook import PATH, SIGNING_KEY, TOLERANCE
from serinus.registries.writer import tags
from tests.support.documents import fenced
from tests.support.following import following
from tests.support.registries import FakeMLflow

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "registry.md").read_text(encoding="utf-8")
DEPLOYMENT, VALUES, WRITABLE, TOLD_BACK = (yaml.safe_load(each) for each in fenced(TEXT, "yaml"))


def section(title: str) -> str:
    [found] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_example_of_a_spec_follows_what_the_values_set_up() -> None:
    metadata, spec = DEPLOYMENT["metadata"], DEPLOYMENT["spec"]
    _, problems = typed(metadata["namespace"], metadata["name"], spec)
    assert not problems and not [*of_template(spec["template"], "spec.template")]
    reference = followed(spec)
    assert reference is not None
    [company] = [each for each in VALUES["registries"] if each["name"] == reference.registry]
    assert metadata["namespace"] in company["namespaces"]


async def test_the_example_is_followed() -> None:
    reference = followed(DEPLOYMENT["spec"])
    assert reference is not None
    async with FakeMLflow() as mlflow:
        mlflow.put("fraud", "7")
        mlflow.point("fraud", "champion", "7")
        [company, _] = VALUES["registries"]
        given = {name: company[name] for name in ("name", "namespaces")}
        async with following(mlflow.configured("MLflow", **given)) as under_test:
            version = (await under_test.answer(reference)).version
            assert version is not None and version.version == "7"


def test_what_is_told_back_is_configured_as_the_page_says() -> None:
    [company] = WRITABLE["registries"]
    given = {name: value for name, value in company.items() if name != "secret"}
    registry = Registry.model_validate(given)
    model = followed_model(TOLD_BACK["spec"])
    assert model is not None and model.tell_back is not None
    assert model.tell_back.on_rollback is not None
    assert model.tell_back.on_rollback.set_alias in registry.rollback_aliases
    notice = Notice(id="a", kind="Promoted", at=1.0, reason="Promoted")
    assert set(tags(Subject("shop", "fraud"), notice)) == set(
        re.findall(r"^\| `(serinus[.]\w+)`", section("Reporting outcomes to MLflow"), re.MULTILINE)
    )


def test_the_tables_have_every_value_and_every_key() -> None:
    rows = set(re.findall(r"`([\w.-]+)`", " ".join(re.findall(r"^\| (`.*?) \|", TEXT, re.M))))
    fields = {str(each.alias) for each in Registry.model_fields.values()}
    assert fields - {"folder"} | {"secret"} <= rows
    assert {TOKEN, USERNAME, PASSWORD, CERTIFICATES, SIGNING_KEY} <= rows
    assert {key for each in VALUES["registries"] for key in each} <= rows


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_that_pods_can_read_is_told(scheme: str) -> None:
    assert f"`{scheme}`" in TEXT


def test_the_numbers_are_those_of_the_code() -> None:
    asked = " ".join(section("What Serinus requests").split())
    bad, webhooks = section("When the registry fails"), section("Webhooks")
    assert AT_ONCE == 4 and "four requests" in asked
    assert TIMEOUT == 10 and "take 10 seconds" in asked
    assert MOST_BYTES == 1 << 20 and "up to a mebibyte long" in asked
    assert LONGEST_WAIT == 300 and "up to 5 minutes" in bad
    assert LONGEST_RETRY_AFTER == 900 and "up to 15 minutes" in bad
    assert AGAIN_AFTER == 10 and "ten seconds" in webhooks
    assert TOLERANCE == 300 and "five minutes" in webhooks
    assert f"`POST {PATH.replace('{name}', '<name>')}`" in webhooks


def test_every_outcome_is_in_the_table_of_metrics() -> None:
    metrics = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    for outcome in (*get_args(AskOutcome), *get_args(ToldOutcome)):
        assert f"`{outcome}`" in metrics
