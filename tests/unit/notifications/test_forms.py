"""The documents that endpoints get, against the limits that those document."""

import json
from typing import Any

import pytest

from serinus.api.notifications import NoticeKind
from serinus.api.status import Notice
from serinus.notifications.forms import FORMS, Subject, body

SUBJECT = Subject("shop", "fraud", "https://serinus.example.com/rollouts/shop/fraud")
SHORT = Notice(id="1" * 32, kind="RolledBack", at=0.0, reason="CheckFailed", message="Worse.")
HOSTILE = "<!channel> <https://evil|here> & [here](https://evil) **bold** "


def full(message: str, version: str = "v1") -> Notice:
    return SHORT.replace(message=message, revision="b8c3n2k5", version=version)


def texts(document: Any) -> list[str]:
    """Every string in a document."""
    if isinstance(document, dict):
        return [text for value in document.values() for text in texts(value)]
    if isinstance(document, list):
        return [text for value in document for text in texts(value)]
    return [document] if isinstance(document, str) else []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("message", ["", "&" * 1024, "\U0001f600" * 1024, "\0\n\u2028\ud800"])
def test_any_message_has_a_document_that_endpoints_take(form: Any, message: str) -> None:
    long = Subject("n" * 63, "m" * 253)
    sent = body(form, long, full(message))
    assert json.loads(sent) and len(sent) < 20_000, (
        "Teams takes 28 kB, and 20 kB are recommended for webhooks"
    )


def test_slack_has_no_text_that_is_too_long_or_empty() -> None:
    for message in ("", "&" * 1024, "a" * 1024):
        document = FORMS["Slack"](Subject("n" * 63, "m" * 253), full(message))
        head, *others = document["blocks"]
        assert 1 <= len(head["text"]["text"]) <= 150
        assert all(1 <= len(text) <= 3000 for text in texts(others))


def test_slack_reads_no_mention_or_link_in_what_tenants_wrote() -> None:
    document = FORMS["Slack"](SUBJECT, full(HOSTILE, version="<!here>"))
    link = "<https://serinus.example.com/rollouts/shop/fraud|Open the dashboard>"
    written = [text for text in texts(document) if text != link]
    assert link in texts(document)
    assert not [text for text in written if "<" in text or ">" in text]
    assert any("&lt;!channel&gt; " in text and "&amp;" in text for text in written)


def test_an_escaped_character_is_not_cut_in_two() -> None:
    document = FORMS["Slack"](SUBJECT, full("<" * 1024))
    text = document["blocks"][1]["text"]["text"]
    assert text.endswith("&lt;…")
    assert text.removesuffix("…").replace("&lt;", "") == ""


def test_teams_reads_no_markdown_in_what_tenants_wrote() -> None:
    document = FORMS["Teams"](SUBJECT, full(HOSTILE, version="[v](https://evil)"))
    [attachment] = document["attachments"]
    for block in attachment["content"]["body"]:
        assert block["type"] == "RichTextBlock", "a TextBlock and a FactSet are read as Markdown"
        assert {run["type"] for run in block["inlines"]} == {"TextRun"}


def test_without_a_page_there_is_no_link() -> None:
    for form in FORMS.values():
        assert "url" not in json.dumps(form(Subject("shop", "fraud"), SHORT)).replace("Url", "")


@pytest.mark.parametrize(
    "kind",
    ["Started", "StepPassed", "Paused", "Stalled", "Promoted", "RolledBack", "Cancelled"],
)
def test_a_cloud_event_has_the_required_attributes(kind: NoticeKind) -> None:
    """As the specification of CloudEvents 1.0 names them."""
    event = FORMS["CloudEvents"](SUBJECT, SHORT.replace(kind=kind))
    assert event["specversion"] == "1.0"
    assert all(event[name] for name in ("id", "source", "type"))
    assert all(name.islower() and name.isalnum() for name in event)
    assert event["type"] == f"dev.serinus.rollout.{kind.lower()}"
    assert event["time"] == "1970-01-01T00:00:00.000Z"
