"""What the new model reads, and labels that mean what the user knows and nobody else."""

from tests.bench.scenarios.nights.inputs import clients
from tests.bench.scenarios.nights.routes import UNLIKE, routes
from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "readings"

SCENARIOS = (
    Scenario(
        KIND,
        "feature-store-closed-to-the-new-model",
        "Its account may not read the feature store: `amount` is always missing, and 15% fail. The "
        "old model's may, and clients are the same.",
        traffic=60.0,
        features=True,
        troubles=[Trouble(missing=1.0, errors=0.15, classes={"no": 0.95, "yes": 0.05})],
        right=[rolled_back("5m", failed=150)],
        acceptable=[rolled_back("20m", failed=600)],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feature-null-for-half-and-answers-change",
        "`amount` is null for half of the requests of the new model, and then it says no.",
        traffic=60.0,
        features=True,
        troubles=[Trouble(missing=0.5, classes={"no": 0.9, "yes": 0.1})],
        right=[rolled_back("8m")],
        acceptable=[rolled_back("30m"), held("amount")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "sessions-are-kept-and-clients-differ-good",
        "Our gateway keeps sessions, and tonight the large customers happen to be on the new "
        "model. It is as good as the old one for each of them.",
        traffic=50.0,
        features=True,
        sticky=True,
        parts=clients(0.55),
        lasts="3h",
        right=[promoted("3h")],
        acceptable=[held("amount|asked|alike")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "label-kind-good",
        "We call the label `kind`: bulk requests fail more, with any model, and the new one "
        "happens to get more of them.",
        traffic=60.0,
        parts=routes(0.5, "kind"),
        right=[promoted("1h"), held("kind|stratify")],
        acceptable=[held(f"route|/bulk|{UNLIKE}"), promoted("2h"), rolled_back("", "stratify")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "label-kind-bad",
        "The same label and the same mix for both, and the new model fails four times as often on "
        "each kind.",
        traffic=60.0,
        parts=routes(0.2, "kind"),
        troubles=[Trouble(times=4.0)],
        right=[rolled_back("30m", "errors")],
        acceptable=[rolled_back(), held("kind|stratify|errors")],
        forbidden=[EVER_PROMOTED],
    ),
)
