"""Features that go missing, and clients that are others."""

from tests.bench.scenarios.scenario import (
    BOTH,
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    OLD,
    Part,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "inputs"
UNLIKE = "amount|asked|alike"
LARGE = (0.05, 0.15, 0.25, 0.35, 0.2)


def clients(large: float) -> tuple[Part, Part]:
    """Clients that no label tells apart: some have large amounts, and other answers."""
    return (
        Part(0.8, in_new=1 - large),
        Part(0.2, in_new=large, errors=0.01, classes={"no": 0.4, "yes": 0.6}, amounts=LARGE),
    )


SCENARIOS = (
    Scenario(
        KIND,
        "feature-missing-in-new",
        "The new model's feature store has no `amount` for half of the requests: it says no.",
        traffic=40.0,
        features=True,
        troubles=[Trouble(missing=0.5, classes={"no": 0.88, "yes": 0.12})],
        right=[rolled_back("45m"), held("amount")],
        acceptable=[held("feature|asked")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feature-missing-silently",
        "The new model misses `amount` for a third of the requests, and answers as before.",
        traffic=60.0,
        features=True,
        troubles=[Trouble(missing=0.33)],
        right=[held("amount"), rolled_back("90m", "amount")],
        acceptable=[held("feature|asked"), rolled_back()],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feature-missing-in-both",
        "The feature store is down for twenty minutes, for both models alike.",
        traffic=40.0,
        features=True,
        troubles=[
            Trouble(
                of=BOTH,
                missing=0.5,
                classes={"no": 0.95, "yes": 0.05},
                clock="rollout",
                after=400.0,
                lasts=1200.0,
            )
        ],
        right=[promoted("90m")],
        acceptable=[promoted("2h"), held(UNLIKE)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "clients-differ-for-ever-good",
        "A sticky client with large amounts stays on the new model all night, which is fine.",
        traffic=50.0,
        features=True,
        parts=clients(0.55),
        lasts="3h",
        right=[promoted("3h")],
        acceptable=[held(UNLIKE)],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "clients-differ-for-ever-bad",
        "The same client, and the new model fails five times as often for everybody.",
        traffic=50.0,
        features=True,
        parts=clients(0.55),
        troubles=[Trouble(times=5.0)],
        right=[rolled_back("90m")],
        acceptable=[rolled_back(), held(UNLIKE)],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "clients-differ-and-it-fails-everything",
        "While it is held because of other clients, the new model breaks: everything fails.",
        traffic=50.0,
        features=True,
        parts=clients(0.55),
        troubles=[Trouble(errors=1.0, after=300.0)],
        right=[rolled_back("12m", failed=1500)],
        acceptable=[rolled_back("30m")],
        forbidden=[EVER_PROMOTED, held()],
    ),
    Scenario(
        KIND,
        "features-alike-good",
        "Features are exported, both models are asked alike, nothing is wrong.",
        traffic=50.0,
        features=True,
        parts=clients(0.2),
        right=[promoted("45m")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "feature-missing-in-old",
        "It is the old model that has lost half of its `amount`; the new one reads it anew.",
        traffic=50.0,
        features=True,
        troubles=[Trouble(of=OLD, missing=0.5, clock="rollout", after=-7200.0)],
        right=[promoted("2h")],
        acceptable=[held("amount")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "features-differ-by-route",
        "The new model gets more of the route with large amounts, and is as good on both.",
        traffic=60.0,
        features=True,
        parts=(
            Part(0.8, {"route": "/shop"}, in_new=0.55),
            Part(
                0.2,
                {"route": "/invoices"},
                in_new=0.45,
                errors=0.01,
                classes={"no": 0.4, "yes": 0.6},
                amounts=LARGE,
            ),
        ),
        lasts="3h",
        right=[promoted("3h")],
        acceptable=[held(UNLIKE)],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
