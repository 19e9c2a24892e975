"""Models that are a little worse than is tolerated, or worse for some people only."""

from tests.bench.scenarios.scenario import (
    EVER_PROMOTED,
    EVER_ROLLED_BACK,
    Late,
    Part,
    Scenario,
    Trouble,
    held,
    promoted,
    rolled_back,
)

KIND = "close calls"
AT_ONCE = Late(given=0.2, negative=0.17, negative_after=10.0, positive_after=10.0)
GROUPS = (
    Part(0.6, {"group": "a"}, classes={"no": 0.6, "yes": 0.4}),
    Part(0.4, {"group": "b"}, classes={"no": 0.62, "yes": 0.38}),
)
FAIR = {
    "analysis": {
        "checks": [
            {"name": "errors", "errorRate": {}},
            {
                "name": "groups",
                "fairness": {
                    "against": "Stable",
                    "favourable": [{"label": "class", "value": "yes"}],
                },
            },
        ]
    }
}

SCENARIOS = (
    Scenario(
        KIND,
        "feedback-seven-points-worse",
        "A sixth of those who press the button are unhappy with the old model, and a quarter with "
        "the new one. We would not want that.",
        traffic=40.0,
        feedback=AT_ONCE,
        troubles=[Trouble(blamed=0.07)],
        lasts="3h",
        right=[rolled_back("90m")],
        acceptable=[rolled_back(), held("users|feedback")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "feedback-as-bad-as-before",
        "A sixth of those who press the button are unhappy, as ever.",
        traffic=40.0,
        feedback=AT_ONCE,
        lasts="3h",
        right=[promoted("2h")],
        acceptable=[promoted("3h"), held("users|feedback")],
        forbidden=[EVER_ROLLED_BACK],
    ),
    Scenario(
        KIND,
        "one-group-is-refused-more-often",
        "Group b got a yes about as often as group a; the new model says yes to one in four of "
        "them, and to the others as before.",
        traffic=40.0,
        parts=GROUPS,
        rollout=FAIR,
        troubles=[Trouble(classes={"no": 0.75, "yes": 0.25}, where={"group": "b"})],
        right=[rolled_back("15m", "group|b")],
        acceptable=[rolled_back(), held("group")],
        forbidden=[EVER_PROMOTED],
    ),
    Scenario(
        KIND,
        "groups-as-before",
        "The same two groups, and the new model treats them as the old one does.",
        traffic=40.0,
        parts=GROUPS,
        rollout=FAIR,
        right=[promoted("1h")],
        acceptable=[promoted("2h"), held("group")],
        forbidden=[EVER_ROLLED_BACK],
    ),
)
