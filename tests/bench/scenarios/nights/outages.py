"""What befalls both models, and changes of the load."""

from tests.bench.scenarios.scenario import (
    BOTH,
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Scenario,
    Surge,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "shared troubles"
SHARED = "outage|burst|both|stable's (errors|rate|counts)|jump"


def outage(lasts: float, after: float, errors: float = 0.4, slower: float = 1.0) -> Trouble:
    """The database behind both models."""
    return Trouble(of=BOTH, errors=errors, slower=slower, clock="traffic", after=after, lasts=lasts)


SCENARIOS = (
    Scenario(
        KIND,
        "outage-30s-at-once",
        "The database hiccups for half a minute just as the new model gets its first requests.",
        traffic=100.0,
        troubles=[outage(30.0, 5.0)],
        right=[promoted("45m")],
        acceptable=[promoted("2h"), held(SHARED)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "outage-60s",
        "Eight minutes in, the database is away for a minute; both models fail.",
        traffic=50.0,
        scrape=30.0,
        troubles=[outage(60.0, 480.0)],
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held(SHARED)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "outage-120s-at-high-traffic",
        "Two minutes without a database at 500 requests a second.",
        traffic=500.0,
        pods=10,
        scrape=10.0,
        troubles=[outage(120.0, 90.0, errors=0.8)],
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held(SHARED)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "outage-slow-90s",
        "The network is slow for a minute and a half, for both.",
        server="istio",
        traffic=80.0,
        troubles=[outage(90.0, 300.0, errors=0.0, slower=5.0)],
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held(SHARED)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "outage-hides-nothing",
        "The same minute without a database, and the new model fails 4% before and after it.",
        traffic=50.0,
        troubles=[outage(60.0, 60.0), Trouble(errors=0.035)],
        right=[rolled_back("25m", "errors")],
        acceptable=[rolled_back(), held("errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "error-bursts-in-both",
        "A nightly job makes a third of the requests fail for ten seconds, every five minutes.",
        traffic=60.0,
        troubles=[
            Trouble(of=BOTH, errors=0.33, clock="rollout", after=-3600.0, lasts=10.0, every=300.0)
        ],
        right=[promoted("90m")],
        acceptable=[promoted("2h"), held(SHARED)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "surges-of-traffic",
        "Five times the traffic for twenty seconds, every four minutes; both cope.",
        server="bentoml",
        traffic=30.0,
        surges=[Surge(5.0, 20.0, 240.0)],
        right=[promoted("1h")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "morning-ramp",
        "The traffic grows by a fifth each hour while the rollout goes on.",
        server="bentoml",
        traffic=20.0,
        day=0.8,
        scrape=30.0,
        right=[promoted("90m")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
