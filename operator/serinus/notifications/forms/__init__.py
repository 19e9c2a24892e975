"""The forms in which an endpoint is notified: a function each, from a notice to a document."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from serinus.api.notifications import Form
from serinus.api.status import Notice
from serinus.notifications.forms import cloudevents, slack, teams
from serinus.notifications.forms.subject import Subject

FORMS: Final[Mapping[Form, Callable[[Subject, Notice], dict[str, Any]]]] = {
    "CloudEvents": cloudevents.document,
    "Slack": slack.document,
    "Teams": teams.document,
}
CONTENT_TYPES: Final[Mapping[Form, str]] = {
    "CloudEvents": "application/cloudevents+json; charset=utf-8",
    "Slack": "application/json",
    "Teams": "application/json",
}


def body(form: Form, subject: Subject, notice: Notice) -> bytes:
    """The document as it is sent. Not escaped to ASCII, which may make it three times as large."""
    text = json.dumps(FORMS[form](subject, notice), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


__all__ = ["CONTENT_TYPES", "FORMS", "Subject", "body"]
