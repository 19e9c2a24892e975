"""A pass, whatever our own code raises in it.

What raises in a part of a pass is reported, and stops nothing else. If the whole pass raises,
it is reported, and traffic that nobody judges is withdrawn.
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Final

from serinus.api.isolation import Fault, Faults, Part, collected
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.internal_errors import InternalErrors, standing
from serinus.controller.last_resort import tell_and_withdraw
from serinus.controller.queue import FailedPassError, Key, TryAgainError
from serinus.controller.reconcile import Passed, Reconciler

TELL_AFTER: Final = 5.0
"""Seconds after which a pass reports what the one before raised."""
RAISES_AGAIN: Final = 15.0
"""Seconds after which a pass finds out whether something still raises."""


class Passes:
    """Makes passes over ModelDeployments, and reports what they raise."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        reconciler: Reconciler,
        internal_errors: InternalErrors,
        clock: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._reconciler = reconciler
        self._internal_errors = internal_errors
        self._clock = clock

    async def __call__(self, key: Key) -> Passed:
        """One pass, and another soon if something of it raised."""
        with collected() as faults:
            try:
                passed = await self._reconciler(key, faults)
                faults.ran.add((Part.PASS, ""))
            except (ApiError, TryAgainError):
                raise
            except Exception as error:
                faults.note(Fault(Part.PASS, "", error))
                raise FailedPassError(faults.raised[-1].message) from None
            finally:
                untold = await self._report(key, faults)
        longest = TELL_AFTER if untold else RAISES_AGAIN if faults.raised else inf
        if longest == inf:
            return passed
        return replace(passed, wait=min(inf if passed.wait is None else passed.wait, longest))

    async def _report(self, key: Key, faults: Faults) -> bool:
        """Log and count what was raised; whether the status does not say all of it yet."""
        self._internal_errors.note(key, faults.raised)
        if (state := self._reconciler.states().get(key)) is None:
            return False
        now, before = self._clock(), state.internal_errors
        state.internal_errors = standing(before, faults, now)
        if any(each.part == Part.PASS for each in faults.raised):
            error = state.internal_errors[Part.PASS, ""]
            await tell_and_withdraw(self._cluster, self._store, key, error, now)
        return state.internal_errors.keys() != before.keys()
