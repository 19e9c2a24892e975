"""Stable's history before a rollout -> what each check goes by from its first look on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline, CheckBaseline, Dispersion
from serinus.judge import words
from serinus.judge.analysis import kind_of, questions_of
from serinus.judge.dispersion import LEAST_BLOCKS
from serinus.judge.history import minutes
from serinus.judge.look import Look
from serinus.judge.questions import Answer, Counters, Unreadable

History = Mapping[Counters, Answer]
"""Stable's samples, a minute apart."""


def asks_of_history(analysis: Analysis) -> tuple[Counters, ...]:
    """What to ask of stable; nothing where no check compares counts."""
    return tuple(one for one in questions_of(analysis) if isinstance(one, Counters))


def learn(analysis: Analysis, history: History, at: float) -> Baseline | Unreadable:
    """What the checks go by; `at` is when the history was read, Unix seconds.

    Little or no history is no error: requests are then taken for independent, and that is said.
    """
    for counters, answer in history.items():
        # what is no native histogram is asked for as a classic one too
        if isinstance(answer, Unreadable) and not counters.native:
            return answer
    looks = [look for look in minutes(history) if _served(look)]
    known = [(check, kind_of(check).learn(looks)) for check in analysis.checks]
    return Baseline(
        measured_at=at,
        message=_told(looks, [(check.name, found) for check, found in known]),
        checks=[found.model_copy(update={"policy": check.digest}) for check, found in known],
    )


def _served(look: Look) -> bool:
    return any(look.growth(counters)[1].pods for counters in look.stable)


def _told(looks: Sequence[Look], known: Iterable[tuple[str, CheckBaseline]]) -> str:
    if len(looks) < LEAST_BLOCKS:
        return (
            f"Stable's last hour has {len(looks) or 'no'} minutes with requests, too few to tell "
            "whether errors come in bursts or pods differ."
        )
    told = " ".join(_varied(known))
    return told or "In its last hour stable's requests were independent, and its pods alike."


def _varied(known: Iterable[tuple[str, CheckBaseline]]) -> Iterator[str]:
    """A sentence for each check whose counts varied more than by chance."""
    for name, found in known:
        if found.dispersions:
            worst = max(found.dispersions, key=_badness)
            yield f"Check {name}:{words.varied('counts', worst)}"


def _badness(dispersion: Dispersion) -> float:
    return dispersion.over_time + dispersion.between_pods
