"""An Adaptive Card for a webhook of Workflows in Teams."""

from collections.abc import Mapping
from typing import Any, Final

from serinus.api.notifications import NoticeKind
from serinus.api.status import Notice
from serinus.notifications.forms.subject import Subject, figures, title

_COLOURS: Final[Mapping[NoticeKind, str]] = {
    "Paused": "Warning",
    "Stalled": "Attention",
    "RolledBack": "Attention",
    "Promoted": "Good",
}


def document(subject: Subject, notice: Notice) -> dict[str, Any]:
    """The card. Its texts are runs, which are not read as Markdown: they have names and messages of
    tenants."""
    colour = _COLOURS.get(notice.kind, "Default")
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [
            _text(title(subject, notice), size="Large", weight="Bolder", color=colour),
            _text(notice.message or notice.reason),
            _text(figures(notice), size="Small", isSubtle=True),
        ],
    }
    if subject.page:
        link = {"type": "Action.OpenUrl", "title": "Open the dashboard", "url": subject.page}
        card["actions"] = [link]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
