"""What peers reached in this set-up: 2 cores, fake nodes, Kubernetes 1.37, the same steps."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Peer:
    """A peer's figures, as measured on an idle machine."""

    name: str
    idle_requests_a_minute: str
    """With 200 objects."""
    seconds_for_200: str
    seconds_for_500: str
    requests_a_rollout: str
    cpu_seconds: str
    """For 200 rollouts."""
    peak_rss_mib: str
    """With 200 rollouts."""
    seen_after_restart: str
    """Seconds, with 200 objects."""


PEERS: Final = (
    Peer(
        name="Argo Rollouts",
        idle_requests_a_minute="0",
        seconds_for_200="158 (67 with raised client limits)",
        seconds_for_500="none done after 309",
        requests_a_rollout="29-52",
        cpu_seconds="19-32",
        peak_rss_mib="147",
        seen_after_restart="1.1 (15-20 after SIGKILL)",
    ),
    Peer(
        name="Flagger",
        idle_requests_a_minute="7,500",
        seconds_for_200="134",
        seconds_for_500="none done after 245",
        requests_a_rollout="99-113",
        cpu_seconds="18",
        peak_rss_mib="84",
        seen_after_restart="35",
    ),
)
