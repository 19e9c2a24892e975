"""The exit codes of the command; docs/cli.md lists them."""

from enum import IntEnum

from serinus.views.outcome import Outcome


class ExitCode(IntEnum):
    """Scripts depend on them."""

    DONE = 0
    """Done; of a rollout: promoted, or what --until asks for."""
    REFUSED = 1
    """Rolled back; of a command: refused; of lint: problems were found."""
    NOT_DONE = 2
    """The input is invalid, or the cluster cannot be read."""
    PAUSED = 3
    """The rollout waits for a person."""
    GOING = 4
    """Still going, or no answer, when the time was up."""
    STALLED = 5
    """Nothing changes until a person acts: the condition Stalled is True."""
    INTERRUPTED = 130


OF_OUTCOMES: dict[Outcome, ExitCode] = {
    "Healthy": ExitCode.DONE,
    "Promoted": ExitCode.DONE,
    "RolledBack": ExitCode.REFUSED,
    "Paused": ExitCode.PAUSED,
    "Going": ExitCode.GOING,
    "Stalled": ExitCode.STALLED,
}
