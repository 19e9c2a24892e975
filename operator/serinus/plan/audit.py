"""What checks in audit mode would have done, in sentences for the decisions."""

from typing import Final

from serinus.api.quantities import spoken
from serinus.api.status import Candidate, CheckStatus

_LONGEST: Final = 960
"""Characters of a decision's message, without its beginning."""


def would_have(check: CheckStatus) -> str:
    """What the failure of a check in audit mode would have caused."""
    return "would have held the rollout" if check.tests_routing else "would have rolled back"


def first_failure(check: CheckStatus, candidate: Candidate) -> str:
    """The same with the weight and the time; empty if it has not failed."""
    first = check.first_fail
    if first is None:
        return ""
    by = f"with copies of {first.mirrored:g}%" if first.mirrored else f"at {first.weight:g}%"
    return f"{would_have(check)} {by}, after {spoken(first.at - candidate.since)}"


def with_audit(message: str, candidate: Candidate) -> str:
    """The message of a decision, and what each check in audit mode says to it. Where there is no
    room for both, the message is cut."""
    audit = " ".join(_sentence(check, candidate) for check in candidate.audited)
    if not audit:
        return message
    return f"{message[: max(_LONGEST - len(audit), 0)]} {audit}".strip()


def _sentence(check: CheckStatus, candidate: Candidate) -> str:
    if failed := first_failure(check, candidate):
        return f"Check {check.name} (audit) {failed}."
    if check.verdict == "Pass":
        return f"Check {check.name} (audit) passed."
    return f"Check {check.name} (audit) had not passed: {check.verdict}."
