"""Requests that are never answered, which no pod counts."""

from tests.bench.scenarios.scenario import (
    BEFORE,
    BOTH,
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Scenario,
    Surge,
    Trouble,
    Wish,
    held,
    promoted,
    rolled_back,
)

KIND = "hanging"
AWAY = Wish(("RolledBack", "Withdrawn"))

SCENARIOS = (
    Scenario(
        KIND,
        "hangs-mostly-from-the-third-minute",
        "After three minutes the new model's workers are stuck: nineteen of twenty clients wait "
        "for ever. Nobody is awake.",
        traffic=60.0,
        troubles=[Trouble(hangs=0.95, after=180.0)],
        right=[rolled_back("15m", failed=4000)],
        acceptable=[rolled_back("30m", failed=12000)],
        forbidden=[EVER_PROMOTED, held()],
    ),
    Scenario(
        KIND,
        "hangs-mostly-at-little-traffic",
        "The same at a tenth of the traffic, five minutes in, scraped twice a minute.",
        traffic=12.0,
        pods=2,
        scrape=30.0,
        troubles=[Trouble(hangs=0.95, after=300.0)],
        right=[rolled_back("20m", failed=1500)],
        acceptable=[rolled_back("40m", failed=4000)],
        forbidden=[EVER_PROMOTED, held()],
    ),
    Scenario(
        KIND,
        "both-hang-for-a-while",
        "The database behind both is stuck for eight minutes, and hardly anything is answered by "
        "either model. Then it is back.",
        traffic=60.0,
        troubles=[Trouble(of=BOTH, hangs=0.95, after=180.0, lasts=480.0)],
        right=[promoted("90m")],
        acceptable=[promoted("2h"), held()],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "clients-go-home-good",
        "Three minutes after it began, hardly anybody asks any more, the old model or the new one; "
        "an hour later they are back.",
        traffic=3.0,
        surges=[Surge(20.0, BEFORE + 240.0, BEFORE + 3840.0)],
        lasts="3h",
        right=[promoted("3h")],
        acceptable=[held("requests|traffic")],
        forbidden=[EVER_ROLLED_BACK, AWAY],
    ),
)
