"""Users who complain sooner than they praise."""

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Late,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "feedback"
LATE = Late(given=0.2, negative=0.1, negative_after=60.0, positive_after=600.0)

SCENARIOS = (
    Scenario(
        KIND,
        "feedback-late-good",
        "Complaints come after a minute and praise after ten; the new model is as good.",
        traffic=100.0,
        feedback=LATE,
        lasts="3h",
        right=[promoted("90m")],
        acceptable=[promoted("3h"), held("users|feedback")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "feedback-late-bad",
        "The same delays, and twice as many complaints about the new model.",
        traffic=100.0,
        feedback=LATE,
        troubles=[Trouble(blamed=0.1)],
        lasts="3h",
        right=[rolled_back("1h")],
        acceptable=[rolled_back(), held("users|feedback")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feedback-praise-first",
        "Praise comes at once and complaints after twenty minutes: a bad model looks good.",
        traffic=100.0,
        feedback=Late(given=0.2, negative=0.1, negative_after=1200.0, positive_after=30.0),
        troubles=[Trouble(blamed=0.15)],
        lasts="3h",
        right=[rolled_back("90m")],
        acceptable=[rolled_back(), held("users|feedback")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feedback-at-once-bad",
        "Users press a button within seconds, and complain three times as often about the new one.",
        traffic=60.0,
        feedback=Late(given=0.1, negative=0.08, negative_after=10.0, positive_after=10.0),
        troubles=[Trouble(blamed=0.16)],
        lasts="3h",
        right=[rolled_back("45m")],
        acceptable=[rolled_back(), held("users|feedback")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feedback-all-late-good",
        "Whatever users think, they say it twenty minutes later; the new model is as good.",
        traffic=80.0,
        feedback=Late(given=0.15, negative=0.05, negative_after=1200.0, positive_after=1200.0),
        lasts="5h",
        right=[promoted("4h")],
        acceptable=[promoted("5h"), held("users|feedback")],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
