"""How often a child is written: at once when something is new, ever more slowly when nothing helps.

A child is written again and again without an end where the API server fails, and where something
else changes it: a mutating webhook that is not idempotent makes another object of it each time, and
each is news that begins another pass.
"""

import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from serinus.controller.queue import RETRY_AFTER_LONGEST
from serinus.manifests.owner import Manifest

FAILED_FIRST: Final = 0.1
FAILED_LONGEST: Final = 30.0
CHANGED_FIRST: Final = 1.0
CHANGED_LONGEST: Final = 300.0
ROUTE_LONGEST: Final = 5.0
"""Longest wait for what splits the traffic: a rollback may depend on it."""
EMPTIED_LONGEST: Final = 5.0
"""Longest wait for a Deployment that somebody scales to 0 again and again."""
AT_ONCE: Final = 2.0
"""Seconds after a write within which no person changes it: then something does each time."""
OVERRIDDEN_AFTER: Final = 3
"""Writes of the same, one after another, that did not last, after which something else is said to
change it."""
LASTS_AFTER: Final = 60.0
"""Seconds after which a write has lasted; a later change is another matter."""
FORGOTTEN_AFTER: Final = 600.0
"""Seconds without a write after which what was is of no account; more than the longest wait."""


@dataclass(slots=True)
class _Attempt:
    digest: int
    """Stands for what was to be written: something else is tried at once."""
    last: float
    writes: int = 0
    """Writes that succeeded."""
    written: float = 0.0
    """When the last one did."""
    undone: int = 0
    """Writes, one after another, that did not last."""
    as_wanted: bool = True
    """Nothing is known to have changed it since."""
    failures: int = 0
    """Failures since."""
    not_before: float = 0.0
    message: str = ""
    """Why the last one failed, or what it was changed to."""


class Pace:
    """The children of one ModelDeployment, and when each may be written again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._attempts: dict[tuple[str, str], _Attempt] = {}

    def wait(self, manifest: Manifest) -> float:
        """Seconds until it may be written; 0 if now."""
        known = self._known(manifest)
        return 0.0 if known is None else max(0.0, known.not_before - self._now())

    def failure(self, manifest: Manifest) -> str:
        """Why it could not be written, as long as that is so; else empty."""
        known = self._known(manifest)
        return known.message if known is not None and known.failures else ""

    def wrote(self, manifest: Manifest, *, longest: float = CHANGED_LONGEST) -> None:
        """It was written. Should it be changed by then: once more at once, later more slowly."""
        known = self._attempt(manifest)
        known.writes, known.failures = known.writes + 1, 0
        known.written, known.as_wanted = known.last, True
        slow = CHANGED_FIRST * 2 ** min(known.writes - 2, 20) if known.writes > 1 else 0.0
        known.not_before = self._now() + min(slow, longest)

    def failed(
        self,
        manifest: Manifest,
        why: str,
        *,
        retry_after: float | None = None,
        longest: float = RETRY_AFTER_LONGEST,
    ) -> None:
        """It could not be written, and may be in a while."""
        known = self._attempt(manifest)
        known.failures, known.message = known.failures + 1, why
        slow = FAILED_FIRST * 2 ** min(known.failures - 1, 20)
        wait = min(max(min(slow, FAILED_LONGEST), retry_after or 0.0), longest)
        known.not_before = self._now() + wait * random.uniform(1.0, 1.2)

    def changed(self, manifest: Manifest, how: str, *, longest: float = CHANGED_LONGEST) -> None:
        """It is not, or no longer, as it was written. Unless that was so at once, it may be written
        again in `longest` seconds, if not sooner."""
        known = self._known(manifest)
        if known is None or known.failures:
            return
        known.message = how
        if known.as_wanted:
            known.undone = 0 if self._has_lasted(known) else known.undone + 1
            known.as_wanted = False
            if self._now() - known.written > AT_ONCE:
                known.not_before = min(known.not_before, self._now() + longest)

    def unchanged(self, manifest: Manifest) -> None:
        """It is as it is wanted, whoever saw to that."""
        if (known := self._known(manifest)) is not None:
            known.as_wanted = True

    def overridden(self, manifest: Manifest) -> str:
        """How something else changes it again and again; empty if nothing does."""
        known = self._known(manifest)
        if known is None or known.failures or known.undone < OVERRIDDEN_AFTER:
            return ""
        return "" if known.as_wanted and self._has_lasted(known) else known.message

    def _has_lasted(self, known: _Attempt) -> bool:
        return self._now() - known.written > LASTS_AFTER

    def forget_all_but(self, manifests: Iterable[Manifest]) -> None:
        """Only these are wanted any more."""
        kept = {_name(manifest) for manifest in manifests}
        now = self._now()
        self._attempts = {
            name: attempt
            for name, attempt in self._attempts.items()
            if name in kept and now - attempt.last <= FORGOTTEN_AFTER
        }

    def _known(self, manifest: Manifest) -> _Attempt | None:
        known = self._attempts.get(_name(manifest))
        if known is None or known.digest != _digest(manifest):
            return None
        return None if self._now() - known.last > FORGOTTEN_AFTER else known

    def _attempt(self, manifest: Manifest) -> _Attempt:
        known = self._known(manifest)
        if known is None:
            known = self._attempts[_name(manifest)] = _Attempt(_digest(manifest), 0.0)
        known.last = self._now()
        return known


def _name(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _digest(manifest: Manifest) -> int:
    return hash(json.dumps(manifest, sort_keys=True))
