"""The rollouts of docs/judge-tables.md that run one after another: whoever has nothing against them
passes."""

import math

import numpy as np

from tests.bench.judge.singly import UNFAIR, Groups, SickPod


def test_a_candidate_like_healthy_pods_of_stable_is_promoted() -> None:
    found = SickPod(0.01, 0.01).run(np.random.default_rng(1))
    assert math.isfinite(found["promoted"])


def test_a_sick_pod_hides_a_bad_candidate_unless_pods_are_compared() -> None:
    runs = {
        compared: SickPod(0.03, 0.6, compared=compared).run(np.random.default_rng(1))
        for compared in (False, True)
    }
    assert math.isfinite(runs[False]["promoted"])
    assert math.isinf(runs[True]["promoted"]) and math.isfinite(runs[True]["named"])


def test_groups_that_are_treated_as_with_stable_pass() -> None:
    found = Groups(UNFAIR, UNFAIR).run(np.random.default_rng(1))
    assert math.isfinite(found["Pass"]) and math.isinf(found["Fail"])
