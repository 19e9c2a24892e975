"""HTML from views."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined

from serinus import __version__
from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.status import Phase
from serinus.page.drawing import begins_late, evidence_chart, rate_chart, weight_chart
from serinus.page.known import Row
from serinus.page.look_history import LookHistory
from serinus.views.limits import limits
from serinus.views.looks import weights
from serinus.views.reading import Live
from serinus.views.remedies import remedies
from serinus.views.rollout import named, rollout_view
from serinus.views.urgency import Urgency

STATIC: Final = Path(__file__).parent / "static"
NOTHING: Final = "There are no ModelDeployments that you may see."
PHASES: Final = tuple(reversed(get_args(Phase)))


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are shown."""

    words: str = ""
    """Each is a part of namespace/name, or of a version."""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the content."""

    base: str
    """The relative URL of the list of all rollouts, which ends with a slash."""
    login: bool
    """Whether viewers log in, and so can log out."""
    warning: str = ""
    """That the content may be out of date."""
    shown: str = ""
    """The fingerprint of what is shown, which the stream of events begins at."""


def digest() -> str:
    """Differs if a static file does."""
    files = sorted(path for path in STATIC.rglob("*") if path.is_file())
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("serinus.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["rfc3339"] = rfc3339
    found.filters["spoken"] = spoken
    found.globals |= {"version": __version__, "static": f"static/{digest()}"}
    for name in found.list_templates():
        found.get_template(name)  # compiled before the first viewer waits for it
    return found


_TEMPLATES: Final = _environment()


def rows(
    found: Iterable[Row], wanted: RowFilter, now: float, base: str, nothing: str = NOTHING
) -> Iterator[str]:
    """The list, in pieces, in the order given. `nothing`: what is said if it is empty."""
    found = list(found)
    return _TEMPLATES.get_template("rows.html").generate(
        base=base,
        rows=[row for row in found if _matches(row, wanted)],
        phases=Counter(row.view.phase for row in found),
        names=PHASES,
        outage=Urgency.OUTAGE,
        whole=len(found),
        nothing=nothing,
        now=now,
    )


def listed(rows: str, wanted: RowFilter, now: float, around: Around) -> str:
    """The page around the list."""
    return _rendered("list.html", around, rows=rows, names=PHASES, wanted=wanted, now=now)


def rollout(live: Live, history: LookHistory, now: float) -> Iterator[str]:
    """One rollout, in pieces."""
    status = live.status
    view, timeline = rollout_view(live.spec, status, now), status.timeline
    names = [each.name for each in view.checks] or _checks_of(history)
    return _TEMPLATES.get_template("one.html").generate(
        live=live,
        view=view,
        former=status.former,
        timeline=timeline,
        weight=weight_chart(weights(timeline, status, now), view.roles) if timeline else None,
        checks={each.name: each for each in view.checks},
        labels={
            **{name: named(name, mode) for name, mode in history.modes.items()},
            **{each.name: named(each.name, each.mode) for each in view.checks},
        },
        charts=[
            (name, rate_chart(history, name, view.roles), evidence_chart(history, name))
            for name in names
        ],
        limits=limits(live.spec),
        remedies=remedies(live),
        late=begins_late(history, timeline.measured_since if timeline else None),
        seen=bool(history.times),
        now=now,
    )


def shown(rollout: str, namespace: str, name: str, now: float, around: Around) -> str:
    """The page around one rollout."""
    return _rendered(
        "rollout.html", around, rollout=rollout, namespace=namespace, name=name, now=now
    )


def message_page(title: str, message: str, around: Around, *, form: bool = False) -> str:
    """A page that says one thing; with the form to log in if wanted."""
    return _rendered("message.html", around, title=title, message=message, form=form)


def _matches(row: Row, wanted: RowFilter) -> bool:
    view = row.view
    text = f"{row.namespace}/{row.name} {view.stable} {view.candidate}".casefold()
    words = wanted.words.casefold().split()
    return wanted.phase in ("", view.phase) and all(word in text for word in words)


def _checks_of(history: LookHistory) -> Sequence[str]:
    """Of a rollout that has ended, whose checks the status no longer has."""
    return list(dict.fromkeys(curve.check for curve in history.curves))


def _rendered(template: str, around: Around, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(values | asdict(around))
