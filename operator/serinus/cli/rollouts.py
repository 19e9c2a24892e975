"""The tables of simulate and replay, and the timeline as data."""

from collections.abc import Iterable
from typing import Any

from serinus.api.quantities import spoken
from serinus.cli.terminal import table
from serinus.simulation.outcomes import AuditShare, OutcomeShare
from serinus.simulation.rollout_log import LogEntry

_OUTCOMES = {"Promoted": "promoted", "RolledBack": "rolled back", "Held": "held"}


def moments_table(moments: Iterable[LogEntry]) -> str:
    """The timeline, with reasons."""
    rows = [(_time(m.after), f"{m.weight:.0f}%", m.reason, m.message) for m in moments]
    return table(("TIME", "WEIGHT", "REASON", "MESSAGE"), rows)


def moments_json(moments: Iterable[LogEntry]) -> list[dict[str, Any]]:
    """The timeline for scripts."""
    return [
        {"after": round(m.after, 3), "weight": m.weight, "reason": m.reason, "message": m.message}
        for m in moments
    ]


def shares_table(shares: Iterable[OutcomeShare]) -> str:
    """Outcomes of rollouts; times and requests are medians, with the 95th percentile."""
    rows = [
        (
            _OUTCOMES[share.outcome],
            share.reason,
            f"{100 * share.chance:.1f}% ({_range(share.between)})",
            f"{_time(share.after[0])} ({_time(share.after[1])})",
            f"{share.requests[0]:.0f} ({share.requests[1]:.0f})",
        )
        for share in shares
    ]
    heads = ("OUTCOME", "REASON", "PROBABILITY", "TIME (95%)", "CANDIDATE REQUESTS (95%)")
    return table(heads, rows)


def audits_table(shares: Iterable[AuditShare]) -> str:
    """How often checks in audit mode failed; empty without such checks."""
    rows = [
        (
            share.check,
            f"{100 * share.chance:.1f}% ({_range(share.between)})",
            f"{_time(share.after[0])} ({_time(share.after[1])})" if share.after else "-",
        )
        for share in shares
    ]
    heads = ("CHECK (AUDIT)", "WOULD HAVE FAILED", "TIME (95%)")
    return table(heads, rows) if rows else ""


def _range(between: tuple[float, float]) -> str:
    return " to ".join(f"{100 * chance:.1f}%" for chance in between)


def _time(after: float) -> str:
    return spoken(after) if after >= 1 else "0s"
