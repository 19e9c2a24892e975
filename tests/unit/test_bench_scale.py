"""The scale bench: what it tells of its runs, and what it takes for good, bad and busy."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from tests.bench.scale import machine
from tests.bench.scale.control import Seen
from tests.bench.scale.fleet import is_given_bad, is_over, is_rolled_back, is_settled
from tests.bench.scale.pods import BAD_ERRORS, ERRORS, RATE, Pods
from tests.bench.scale.report import report

SETTING = {
    "cores": 2,
    "fake_nodes": 20,
    "replicas": 2,
    "analysis": {"interval": "10s"},
    "requests_a_second_to_each": 1000.0,
    "share_of_errors": 0.002,
    "share_of_errors_if_bad": 0.2,
    "scrape_seconds": 2,
    "scale_down_delay": None,
}


def rollouts(**changes: Any) -> dict[str, Any]:
    return {
        "objects": 50,
        "idle_before": 0.95,
        "busy": False,
        "seconds_until_all_promoted": 40.0,
        "seconds_of_the_median": 35.0,
        "seconds_until_all_seen": 5.0,
        "passes_a_rollout": {"child: nothing": 2.5, "time: status": 4.0},
        "seconds_until_old_pods_are_gone": 31.5,
        "bad_candidates": 5,
        "bad_rolled_back": 5,
        "good_rolled_back": 0,
        "requests_a_rollout": 20.5,
        "requests_a_rollout_by_verb": {"update": 8.0, "apply": 12.5},
        "requests_a_rollout_by_verb_and_kind": {"update ModelDeployment": 8.0},
        "served_a_rollout_by_verb_and_kind": {"update ModelDeployment": 8.0},
        "queries_a_minute": 41.0,
        "cpu_seconds": 5.0,
        "cpu_seconds_a_rollout_by_component": {"API server": 0.21, "etcd": 0.04},
        "peak_rss_mib": 90.0,
        "load": 1.5,
        **changes,
    }


def told(*runs: dict[str, Any]) -> str:
    return report(
        {"setting": SETTING, "at_rest": [], "upgrades": [], "killed": [], "rollouts": list(runs)}
    )


def test_one_run_is_told_as_it_is() -> None:
    text = told(rollouts())
    assert "| seconds until all are promoted | 40 |" in text
    assert "| API server | 0.21 |" in text
    assert "| update | 8 |  |" in text
    assert "Rolled back: 5 of 5 bad ones, 0 of 45 others: as it must be." in text
    assert "BUSY" not in text


def test_several_runs_of_a_size_are_told_by_least_median_and_most() -> None:
    seconds = (44.0, 40.0, 41.0)
    text = told(*(rollouts(seconds_until_all_promoted=each) for each in seconds))
    assert "| seconds until all are promoted | 40 / 41 / 44 |" in text
    assert text.count("50 new revisions at once") == 1


def test_a_run_on_a_busy_machine_is_marked() -> None:
    text = told(rollouts(), rollouts(busy=True, idle_before=0.412))
    assert "BUSY: run 2 of 50: only 41% of the machine was idle before it." in text


def test_a_bad_candidate_that_was_promoted_and_a_good_one_that_was_not_are_wrong() -> None:
    assert "4 of 5 bad ones, 0 of 45 others: WRONG." in told(rollouts(bad_rolled_back=4))
    assert "5 of 5 bad ones, 1 of 45 others: WRONG." in told(rollouts(good_rolled_back=1))


def test_every_tenth_is_given_a_bad_version() -> None:
    assert sum(is_given_bad(f"fraud-{number:03}") for number in range(1000)) == 100


def live(asked: str, serves: str, *, seen: bool = True, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "fraud-005", "generation": 3},
        "spec": {"model": {"version": asked}},
        "status": {
            "observedGeneration": 3 if seen else 2,
            "stable": {"version": serves},
            **status,
        },
    }


def test_a_rollout_is_over_when_it_is_promoted_or_rolled_back() -> None:
    over = is_over({"fraud-005": "2-bad"})
    assert not over(live("2-bad", "1"))
    assert over(live("2-bad", "2-bad"))
    rejected = live("2-bad", "1", rejected={"reason": "CheckFailed"}, phase="Degraded")
    assert over(rejected) and is_rolled_back(rejected) and is_settled(rejected)


def test_what_was_rejected_in_an_earlier_run_says_nothing_of_this_one() -> None:
    over = is_over({"fraud-005": "3-bad"})
    assert not over(live("2-bad", "1", rejected={"reason": "CheckFailed"}))
    assert not over(live("3-bad", "1", rejected={"reason": "CheckFailed"}, seen=False))


def pod(name: str, version: str) -> Seen:
    env = [{"name": "MODEL_VERSION", "value": version}]
    labels = {"serinus.dev/name": "fraud", "serinus.dev/revision": f"hash-of-{version}"}
    return Seen(
        "ADDED",
        {
            "metadata": {"namespace": "default", "name": name, "labels": labels},
            "spec": {"containers": [{"env": env}]},
            "status": {"phase": "Running"},
        },
    )


def route(weights: Mapping[str, int]) -> Seen:
    backends = [{"name": f"fraud-hash-of-{v}", "weight": w} for v, w in weights.items()]
    metadata = {"namespace": "default", "name": "fraud"}
    return Seen("MODIFIED", {"metadata": metadata, "spec": {"rules": [{"backendRefs": backends}]}})


def counted(pods: Pods, name: str, code: str) -> int:
    [line] = [
        line
        for line in pods.exposition().splitlines()
        if line.startswith(
            f'model_requests_total{{namespace="default",pod="{name}",code="{code}"}}'
        )
    ]
    return int(line.rsplit(" ", 1)[1])


def test_pods_serve_by_the_weights_of_their_route_and_bad_ones_fail_more() -> None:
    now = 0.0
    pods = Pods(clock=lambda: now)
    for name, version in (("good-1", "2"), ("good-2", "2"), ("bad", "2-bad")):
        pods.take(pod(name, version))
    pods.take_route(route({"2": 100}))
    now = 10.0
    pods.take_route(route({"2": 80, "2-bad": 20}))
    now = 20.0
    good = RATE * (10 + 10 * 0.8) / 2
    bad = RATE * 10 * 0.2
    for name in ("good-1", "good-2"):
        assert counted(pods, name, "500") == int(good * ERRORS)
        assert counted(pods, name, "200") == int(good * (1 - ERRORS))
    assert counted(pods, "bad", "500") == int(bad * BAD_ERRORS)


def test_it_is_told_when_no_more_pods_run_than_are_wanted() -> None:
    pods = Pods()
    pods.take(pod("old", "1"))
    pods.take(pod("new", "2"))

    async def watched() -> float:
        gone = Seen("DELETED", pod("old", "1").object)
        asyncio.get_running_loop().call_later(0.05, pods.take, gone)
        return await pods.until(1, within=5)

    assert asyncio.run(watched()) <= time.time()


def test_cpu_is_told_by_component() -> None:
    spin = "import json, time\nwhile time.process_time() < 0.3: pass\nprint(1)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        used = machine.cpu_seconds(None, process.pid)
        as_other = machine.cpu_seconds(os.getpid(), operator=0)
        process.stdin.close()
    assert used[machine.OPERATOR] >= 0.25
    assert used[machine.BENCH] > 0
    assert as_other[machine.CONTROL_PLANE] >= 0.25, "below the control plane's process"


def test_how_idle_the_machine_is_lies_between_none_and_all() -> None:
    assert 0 <= asyncio.run(machine.idle_share(0.1)) <= 1
