"""What is said of a share of stable's that is compared with a limit."""

from collections.abc import Iterator

from tests.unit.plan.monitored import MonitoredStable, errors


def error_rows() -> Iterator[tuple[str, str, str]]:
    """The condition, what happens and what is said of it."""
    stable = MonitoredStable(**errors("1%"))
    _serve(stable, looks=2, failed=1)
    yield "False", "Stable fails for 0.5% of its requests.", _message(stable)
    _serve(stable, looks=8, failed=10)
    yield "True", "Stable fails for 5%.", _message(stable)
    _serve(stable, looks=60, failed=0)
    yield "False", "Stable fails for none.", _message(stable)
    stable.pods.values.clear()
    for _ in range(12):
        stable.look()
    assert stable.known.error_rate and stable.known.error_rate.unknown
    told = stable.known.error_rate.unknown.message
    yield "Unknown", "The stable pods no longer export a counter.", told


def _serve(stable: MonitoredStable, looks: int, failed: int) -> None:
    for _ in range(looks):
        stable.serve(failed, 200)
        stable.look()


def _message(stable: MonitoredStable) -> str:
    assert stable.known.error_rate
    return stable.known.error_rate.message
