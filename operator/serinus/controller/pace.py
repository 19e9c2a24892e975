"""How often a child is written: at once if something is new, with increasing delays if it does not
last.

A child would be written without end if the API server fails, or if something else changes it: a
mutating webhook that is not idempotent changes the object after each write, and each change causes
another pass.
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
"""Longest delay for objects that split the traffic, because a rollback may depend on it."""
EMPTIED_LONGEST: Final = 5.0
"""Longest delay for a workload that is repeatedly scaled to 0."""
AT_ONCE: Final = 2.0
"""Seconds after a write within which a change is not made by a person but by a program."""
OVERRIDDEN_AFTER: Final = 3
"""Consecutive writes of the same object that did not last, after which this is reported."""
LASTS_AFTER: Final = 60.0
"""Seconds after which a write has lasted; a later change is unrelated."""
TOLD_AGAIN_AFTER: Final = 600.0
"""Seconds after which the same repair is reported again."""
MOST_TOLD: Final = 16
"""Repairs that are reported within that time."""
FORGOTTEN_AFTER: Final = 600.0
"""Seconds without a write after which the history is dropped; more than the longest delay."""


@dataclass(slots=True)
class _Attempt:
    digest: int
    """Hash of what was to be written: anything else is tried at once."""
    last: float
    writes: int = 0
    """Writes that succeeded."""
    written: float = 0.0
    """Time of the last one."""
    undone: int = 0
    """Consecutive writes that did not last."""
    as_wanted: bool = True
    """No change is known since."""
    failures: int = 0
    """Consecutive failures."""
    not_before: float = 0.0
    message: str = ""
    """Why the last write failed, or what it was changed to."""


class Pace:
    """The children of one ModelDeployment, and when each may be written again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._attempts: dict[tuple[str, str], _Attempt] = {}
        self._brought: dict[tuple[str, str], int] = {}
        """By kind and name, a hash of what was desired when the child was last known to be so."""
        self._told: dict[str, float] = {}
        """By message, when a repair was reported."""

    def wait(self, manifest: Manifest) -> float:
        """Seconds until it may be written; 0 for now."""
        known = self._known(manifest)
        return 0.0 if known is None else max(0.0, known.not_before - self._now())

    def failure(self, manifest: Manifest) -> str:
        """Why it could not be written, while that is so; otherwise empty."""
        known = self._known(manifest)
        return known.message if known is not None and known.failures else ""

    def wrote(self, manifest: Manifest, *, longest: float = CHANGED_LONGEST) -> None:
        """It was written. If it is changed by then, it is written again: first at once, later with
        increasing delays."""
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
        """The write failed; it may be retried later."""
        known = self._attempt(manifest)
        known.failures, known.message = known.failures + 1, why
        slow = FAILED_FIRST * 2 ** min(known.failures - 1, 20)
        wait = min(max(min(slow, FAILED_LONGEST), retry_after or 0.0), longest)
        known.not_before = self._now() + wait * random.uniform(1.0, 1.2)

    def changed(self, manifest: Manifest, how: str, *, longest: float = CHANGED_LONGEST) -> None:
        """It differs from what was written. Unless that was so at once, it may be written again in
        at most `longest` seconds."""
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
        """It has the desired state."""
        latest = self._attempts.get(_name(manifest))
        if latest is None or latest.as_wanted:
            return  # as most often: no digest is needed
        if (known := self._known(manifest)) is not None:
            known.as_wanted = True

    def overridden(self, manifest: Manifest) -> str:
        """How something else repeatedly changes it; otherwise empty."""
        latest = self._attempts.get(_name(manifest))
        if latest is None or latest.failures or latest.undone < OVERRIDDEN_AFTER:
            return ""
        known = self._known(manifest)
        if known is None:
            return ""
        return "" if known.as_wanted and self._has_lasted(known) else known.message

    def _has_lasted(self, known: _Attempt) -> bool:
        return self._now() - known.written > LASTS_AFTER

    def brought_about(self, manifest: Manifest) -> None:
        """It was written, or found as it is desired."""
        self._brought[_name(manifest)] = _digest(manifest)

    def found_as_desired(self, manifest: Manifest) -> None:
        """It was found as it is desired; the first time is remembered."""
        if _name(manifest) not in self._brought:
            self.brought_about(manifest)

    def was_as_desired(self, manifest: Manifest) -> bool:
        """Whether the child was exactly so before: if it is not now, somebody else did that."""
        name = _name(manifest)
        return name in self._brought and self._brought[name] == _digest(manifest)

    def may_be_told(self, repair: str) -> bool:
        """Whether a repair has not been reported for a while; then it is now."""
        now = self._now()
        self._told = {r: at for r, at in self._told.items() if now - at <= TOLD_AGAIN_AFTER}
        if repair in self._told or len(self._told) >= MOST_TOLD:
            return False
        self._told[repair] = now
        return True

    def desires(self, manifests: Iterable[Manifest]) -> None:
        """Forget that any other child was brought about: those are to go."""
        kept = {_name(manifest) for manifest in manifests}
        self._brought = {name: known for name, known in self._brought.items() if name in kept}

    def forget_all_but(self, manifests: Iterable[Manifest]) -> None:
        """Forget all other children."""
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
