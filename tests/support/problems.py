"""Problems as a pass finds them."""

from serinus.api.reasons import About, Reason
from serinus.plan.problems import Problem, Severity


def of_the_route(text: str, severity: Severity = Severity.WAIT) -> Problem:
    """Why the split is not in effect, or, as a note, in what it differs."""
    return Problem(Reason.AWAITING_ROUTE, severity, About.ROUTE, text)


def of_the_requests(text: str, severity: Severity = Severity.OUTAGE) -> Problem:
    """Another object gets all of them, or, as a note, some of them."""
    return Problem(Reason.ROUTE_CONTESTED, severity, About.REQUESTS, text)


def of_the_pods(text: str, about: About = About.PODS) -> Problem:
    """Why they are not there."""
    severity = Severity.REPAIR if about is About.PODS else Severity.WAIT
    return Problem(Reason.AWAITING_PODS, severity, about, text)


def of_the_history(text: str) -> Problem:
    """A revision that is not kept."""
    return Problem(Reason.HISTORY_LOST, Severity.NOTE, About.HISTORY, text)


def name_taken(text: str, about: About = About.ROUTE) -> Problem:
    """An object of another owner has the name of one of ours."""
    return Problem(Reason.NAME_TAKEN, Severity.INTERVENTION, about, text)


def withdrawn(text: str) -> Problem:
    """The candidate's traffic was withdrawn without a status."""
    return Problem(Reason.WEIGHT_LOWERED, Severity.WAIT, About.WITHDRAWAL, text)


def overridden(text: str) -> Problem:
    """Something else changes a Deployment after each write."""
    return Problem(Reason.CHANGED_BY_OTHERS, Severity.NOTE, About.CHILDREN, text)
