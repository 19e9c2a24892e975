"""Evidence in words: figures short enough to read, and never claiming more than was shown."""

import math
from typing import Final

from serinus.api.baseline import Dispersion

ENOUGH_PODS: Final = 3
"""Of the candidate, for their mean to tell more than one of them."""


def in_counts(events: float, requests: float) -> str:
    """`41/2045 (2.0%)`; of no requests there is no share to tell."""
    return f"{count(events)}/{count(requests)} ({percent(events / requests)})"


def percent(share: float) -> str:
    """0.0204 -> `2.0%`, 0.00012 -> `0.012%`, 0.876 -> `88%`."""
    value = 100 * share
    if value == 0:
        return "0%"
    digits = 0 if value >= 10 else 1 if value >= 1 else 1 - math.floor(math.log10(value))
    return f"{value:.{digits}f}%"


def latency(duration: float) -> str:
    """Seconds in three digits: 0.0251 -> `25.1ms`, 2.5 -> `2.5s`."""
    return f"{duration:.3g}s" if duration >= 1 else f"{duration * 1000:.3g}ms"


def confidence(risk: float) -> str:
    """0.01 -> `with 99% anytime-valid confidence`."""
    return f"with {100 * (1 - risk):.10g}% anytime-valid confidence"


def allowed(ratio: float, offset: float, of: str = "stable's") -> str:
    """`1.5 times stable's + 1%`."""
    times = "" if ratio == 1 else f"{ratio:g} times "
    return f"{times}{of}" + (f" + {100 * offset:g}%" if offset else "")


def forecast(to_pass: float | None, to_fail: float | None, whole: str = "requests") -> str:
    """What will come of it if it goes on like this, in candidate's `whole`."""
    known = [(wait, word) for wait, word in ((to_fail, "Fails"), (to_pass, "Passes")) if wait]
    if not known:
        return "It neither passes nor fails if it goes on like this."
    wait, word = min(known)
    return f"{word} after {_more(wait, whole)} if it goes on like this."


def varied(what: str, dispersion: Dispersion) -> str:
    """What of stable's history makes the evidence grow slower; nothing where nothing does."""
    message = ""
    if dispersion.over_time > 1:
        times = f"{dispersion.over_time:.1f} times the variance of independent ones"
        message += f" Stable's {what} came in bursts ({times}), so each counts for less."
    if dispersion.between_pods:
        message += f" Stable's pods may differ by {percent(dispersion.between_pods)} in {what}."
    return message


def tolerated(dispersion: Dispersion, times: float, pods: int) -> str:
    """What pods that differ cost: so many times stable's share pass for chance, with so many pods
    of the candidate."""
    if not (dispersion.between_pods and times):
        return ""
    of = f"{pods} candidate pod" if pods == 1 else f"{pods} candidate pods"
    message = f" So {times:.3g} times stable's is tolerated from {of}"
    return message + ("." if pods >= ENOUGH_PODS else f"; {ENOUGH_PODS} or more would tell sooner.")


def _more(requests: float, whole: str) -> str:
    """Two digits of it are honest."""
    step = 10 ** max(math.floor(math.log10(requests)) - 1, 0) if requests >= 1 else 1
    rounded = max(math.ceil(requests / step) * step, 1)
    return f"about {rounded} more candidate {whole if rounded > 1 else whole.removesuffix('s')}"


def count(count: float) -> str:
    return f"{count:.0f}" if count >= 10 or count == int(count) else f"{count:.1f}"
