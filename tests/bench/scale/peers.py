"""What peers reached in one harness, each once: see docs/benchmarks.md for what it was.

Two cores that everything shared; one replica; no leader election; steps of 20 and 50% with pauses
of 10 s; fake nodes, Kubernetes 1.37. The peers asked a fake Prometheus, which costs less than a
real one.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Peer:
    """A peer's figures of one run; empty where none was taken."""

    name: str
    seconds_for_200: str
    seconds_for_500: str
    requests_a_rollout: str
    """With 200."""
    cpu_seconds: str
    """With 200, from the new revisions until the old ones are gone."""
    peak_rss_mib: str
    """With 200."""
    seen_after_kill: str
    """Seconds from SIGKILL until the first of ten changed objects is seen, with 200."""
    idle_requests_a_minute: str
    """With 200."""


PEERS: Final = (
    Peer("Argo Rollouts", "158", "", "52", "35.8", "159", "1.2", "0"),
    Peer("Argo Rollouts, client limits 400/800", "53.3", "218", "33.7", "20.9", "155", "0.9", "0"),
    Peer("Flagger", "147", "", "107", "20.6", "84", "29.8", "7,500"),
)
