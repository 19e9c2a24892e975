"""CloudEvents 1.0, structured JSON."""

from typing import Any, Final

from serinus.api.base import rfc3339
from serinus.api.status import Notice
from serinus.notifications.forms.subject import Subject

SOURCE: Final = "/apis/serinus.dev/v1alpha1/modeldeployments"


def document(subject: Subject, notice: Notice) -> dict[str, Any]:
    """The event; the page and what is unknown are left out of the data."""
    data = {
        "kind": notice.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        "reason": notice.reason,
        "message": notice.message,
        "revision": notice.revision,
        "version": notice.version,
        "stable": notice.stable,
        "weight": notice.weight,
        "seconds": round(notice.seconds, 3),
        "url": subject.page,
    }
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": SOURCE,
        "type": f"dev.serinus.rollout.{notice.kind.lower()}",
        "subject": str(subject),
        "time": rfc3339(notice.at),
        "datacontenttype": "application/json",
        "data": {key: value for key, value in data.items() if value not in ("", None)},
    }
