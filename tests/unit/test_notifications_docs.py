"""docs/notifications.md: its examples are what is sent, and its code verifies a signature."""

import json
import re
import time
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from serinus.api.notifications import USUAL_KINDS, Form, NoticeKind
from serinus.api.status import Notice
from serinus.notifications.attempts import AttemptOutcome
from serinus.notifications.forms import FORMS, Subject
from serinus.notifications.signature import key, signed

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
SUBJECT = Subject("shop", "fraud", "https://serinus.example.com/rollouts/shop/fraud")
NOTICE = Notice(
    id="9b2f41cf3b6c4f7c8a4f0d0c5d1e6a72",
    kind="RolledBack",
    at=1795593940.0,
    reason="CheckFailed",
    revision="b8c3n2k5",
    version="v3",
    stable="a7k2m9qx",
    weight=20.0,
    seconds=340.0,
    message="Check errors: Candidate errors 12/225 (5.3%), stable 42/4275 (0.98%); worse than "
    "tolerated (1.1 times stable's + 0.1%). False-alarm risk at most 1% per rollout, all looks and "
    "checks included.",
)


def section(title: str) -> str:
    [found] = re.findall(rf"^#+ {title}\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def block(language: str, text: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("form", get_args(Form))
def test_each_example_is_what_is_sent(form: Form) -> None:
    assert FORMS[form](SUBJECT, NOTICE) == json.loads(block("json", section(form)))


def test_the_link_leads_to_a_page_of_the_dashboard() -> None:
    route = f"/rollouts/{SUBJECT}".replace("shop/fraud", "{namespace}/{name}")
    assert SUBJECT.page.endswith(f"/rollouts/{SUBJECT}")
    assert f'add_get("{route}"' in (ROOT / "operator/serinus/page/server.py").read_text("utf-8")


def test_the_message_of_the_example_is_one_of_the_judge() -> None:
    evidence = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert NOTICE.message.removeprefix("Check errors: ") in evidence


def test_the_code_verifies_a_signature_and_refuses_others() -> None:
    names: dict[str, Any] = {}
    exec(block("python", section("Verifying a signature")), names)
    verified, secret = names["verified"], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    other, body, now = "whsec_" + "A" * 32, b'{"a":1}', int(time.time())
    headers = signed([key(other), key(secret)], "id", now, body)
    assert verified(secret, headers, body) and verified(other, headers, body)
    assert not verified("whsec_" + "B" * 32, headers, body)
    assert not verified(secret, headers, b'{"a":2}')
    assert not verified(secret, {**headers, "webhook-id": "other"}, body)
    assert not verified(secret, signed([key(secret)], "id", now - 600, body), body)


def test_every_event_and_outcome_is_told() -> None:
    assert re.findall(r"^\| `(\w+)` \| .*$", TEXT.partition("| event |")[2], re.MULTILINE) == [
        *get_args(NoticeKind)
    ]
    assert all(f"`{outcome}`" in TEXT for outcome in get_args(AttemptOutcome))
    assert set(get_args(NoticeKind)) - set(USUAL_KINDS) == {"StepPassed"}


def test_the_values_are_yaml_with_the_keys_of_the_table() -> None:
    [values] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    keys = {key for each in yaml.safe_load(values)["notifications"] for key in each}
    table = set(re.findall(r"^\| `(\w+)` \|", section("Setting it up"), re.MULTILINE))
    assert keys | {"allowHttp"} <= table
