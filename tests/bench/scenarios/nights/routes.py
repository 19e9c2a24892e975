"""Routes, tenants and languages that differ; and labels that are no routes."""

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Part,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "routes"
UNLIKE = "asked|alike|mix|strat|within each"


def routes(bulk: float, label: str = "route") -> tuple[Part, Part]:
    """A route on which 4% fail; the candidate gets so much of it."""
    return (
        Part(0.8, {label: "/search"}, 1 - bulk, errors=0.002),
        Part(0.2, {label: "/bulk"}, bulk, errors=0.04),
    )


def endpoints(rerank: float) -> tuple[Part, Part]:
    """An endpoint that takes six times as long."""
    return (
        Part(0.85, {"endpoint": "/predict"}, 1 - rerank),
        Part(0.15, {"endpoint": "/rerank"}, rerank, slower=6.0),
    )


def languages(german: float) -> tuple[Part, Part]:
    """Languages for which models rightly say other things."""
    return (
        Part(0.75, {"language": "en"}, 1 - german, classes={"no": 0.9, "yes": 0.1}),
        Part(0.25, {"language": "de"}, german, classes={"no": 0.5, "yes": 0.5}),
    )


TENANTS = tuple(
    Part(1 / (n + 5), {"tenant": f"t{n:03}"}, errors=0.001 + 0.02 * (n % 7 == 0))
    for n in range(150)
)

SCENARIOS = (
    Scenario(
        KIND,
        "route-mix-good",
        "The batch client sticks to the new model, and its route fails more with any model.",
        traffic=60.0,
        parts=routes(0.5),
        right=[promoted("1h")],
        acceptable=[held(f"route|/bulk|{UNLIKE}"), promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "route-mix-hides-bad",
        "The new model fails two and a half times as often on each route, and has the easy ones.",
        traffic=100.0,
        parts=routes(0.05),
        troubles=[Trouble(times=2.5)],
        right=[rolled_back("45m", "errors")],
        acceptable=[rolled_back(), held(f"route|/bulk|{UNLIKE}")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "endpoint-mix-good",
        "Reranking takes six times as long, and the new model happens to get more of it.",
        server="bentoml",
        traffic=50.0,
        parts=endpoints(0.4),
        right=[promoted("1h")],
        acceptable=[held(f"endpoint|/rerank|{UNLIKE}"), promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "endpoint-mix-hides-slow",
        "The new model is 60% slower, and gets almost none of the slow endpoint.",
        server="bentoml",
        traffic=50.0,
        parts=endpoints(0.02),
        troubles=[Trouble(slower=1.6)],
        right=[rolled_back("45m")],
        acceptable=[held(f"endpoint|/rerank|{UNLIKE}|slow")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "language-mix-good",
        "More German on the new model tonight: it says yes more often, and rightly so.",
        traffic=40.0,
        parts=languages(0.5),
        right=[promoted("1h")],
        acceptable=[held(f"language|{UNLIKE}"), promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "language-drift-bad",
        "The new model says yes to most of the Germans; the mix of languages is the same.",
        traffic=40.0,
        parts=languages(0.25),
        troubles=[Trouble(classes={"no": 0.6, "yes": 0.4})],
        right=[rolled_back("30m", "yes|no|drift")],
        acceptable=[rolled_back(), held("drift")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "same-mix-good",
        "Two routes of different quality, the same for both; nothing is wrong.",
        traffic=30.0,
        parts=routes(0.2),
        right=[promoted("45m")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "one-route-bad",
        "The new model breaks checkout, a tenth of the traffic: one in eight fails there.",
        traffic=100.0,
        parts=(Part(0.9, {"route": "/search"}), Part(0.1, {"route": "/checkout"})),
        troubles=[Trouble(errors=0.12, where={"route": "/checkout"})],
        right=[rolled_back("45m", "errors")],
        acceptable=[rolled_back(), held("route|/checkout|errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "outcome-label-bad",
        "The label fallback says what the model did: the new one falls back ten times as often.",
        traffic=80.0,
        parts=(
            Part(0.97, {"fallback": "false"}, 0.7, errors=0.002),
            Part(0.03, {"fallback": "true"}, 0.3, errors=0.12),
        ),
        right=[rolled_back("30m", "errors")],
        acceptable=[rolled_back(), held(f"fallback|{UNLIKE}|errors")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "outcome-label-good",
        "The same label, and the new model falls back as seldom as the old one.",
        traffic=80.0,
        parts=(
            Part(0.97, {"fallback": "false"}, errors=0.002),
            Part(0.03, {"fallback": "true"}, errors=0.12),
        ),
        right=[promoted("45m")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "tenants-good",
        "A hundred and fifty tenants, a label each; the new model is as good for all.",
        traffic=60.0,
        pods=3,
        parts=TENANTS,
        right=[promoted("1h")],
        acceptable=[promoted("2h")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "tenants-bad",
        "A hundred and fifty tenants, and for each four times as many requests fail.",
        traffic=60.0,
        pods=3,
        parts=TENANTS,
        troubles=[Trouble(times=4.0)],
        right=[rolled_back("30m", "errors")],
        acceptable=[rolled_back(), held("tenant|errors")],
        forbidden=[EVER_PROMOTED],
    ),
)
