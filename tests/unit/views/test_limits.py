"""What a page says that is tolerated, and when a step passes."""

import pytest

from serinus.api.spec import Spec
from serinus.views.limits import LimitsView, limits


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"errorRate": {}}, LimitsView("1.1 times + 0.1%", "1.5 times + 0.5%")),
        ({"latency": {}}, LimitsView("1.1 times + 0.5%", "1.5 times + 2%")),
        (
            {"latency": {"p99": 1.3}},
            LimitsView("p99 1.3 times as long + 0.5%", "p99 1.6 times as long + 2%"),
        ),
        ({"predictionDrift": {}}, LimitsView("1.25 times + 1%", "2 times + 2%")),
        ({"predictionDrift": {"psi": 0.1}}, LimitsView("PSI 0.1", "PSI 0.25, each share + 2%")),
    ],
    ids=str,
)
def test_bounds_are_told_in_the_words_of_the_spec(check: dict[str, object], said: object) -> None:
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    spec = Spec.model_validate(
        {
            "template": {"spec": {"containers": [container]}},
            "rollout": {"analysis": {"checks": [{"name": "it", **check}]}},
        }
    )
    assert limits(spec)["it"] == said
