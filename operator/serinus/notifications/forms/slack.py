"""A message for an incoming webhook of Slack."""

from typing import Any, Final

from serinus.api.status import Notice
from serinus.notifications.forms.subject import Subject, figures, title

_TITLE: Final = 150
_TEXT: Final = 3000
"""Most characters that Slack takes."""
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""What Slack would read as mentions and links, also in the names and messages of tenants."""


def document(subject: Subject, notice: Notice) -> dict[str, Any]:
    """The message in blocks, and as a text for the notifications of the desktop."""
    head, message = title(subject, notice), notice.message or notice.reason
    blocks = [
        {"type": "header", "text": _plain(head, _TITLE)},
        {"type": "section", "text": _plain(message, _TEXT)},
        {"type": "context", "elements": [_plain(figures(notice), _TEXT)]},
    ]
    if subject.page:
        link = {"type": "mrkdwn", "text": f"<{_escaped(subject.page, _TEXT)}|Open the dashboard>"}
        blocks.append({"type": "section", "text": link})
    return {"text": _escaped(f"{head}. {message}", _TEXT), "blocks": blocks}


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, most), "emoji": False}


def _escaped(text: str, most: int) -> str:
    """With at most so many characters; an escaped one is not cut in two."""
    parts = [_ESCAPED.get(character, character) for character in text]
    if sum(map(len, parts)) <= most:
        return "".join(parts)
    while sum(map(len, parts)) > most - 1:
        parts.pop()
    return f"{''.join(parts)}…"
