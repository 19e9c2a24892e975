"""Measurements are judged without stopping everything else."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from serinus.api.isolation import Faults, Part, collected, isolated
from serinus.api.spec import Spec
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Status, Weight
from serinus.controller import measuring
from serinus.controller.judging import AT_ONCE, HEAVY, Judging
from serinus.controller.object_state import ObjectState
from serinus.controller.queue import Key
from serinus.controller.sampling import Purpose
from serinus.metrics.queries import CounterQuery, History, Measurement, Series
from serinus.plan.situation import World

LIVE: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "fraud", "uid": "4f7c"}}
KEY = Key("shop", "fraud")
SPEC = Spec.model_validate({"template": {"spec": {"containers": [{"name": "m", "image": "m"}]}}})


def looked_at(moment: float) -> Status:
    weight = Weight(wanted=20, actual=20)
    return Status(
        candidate=Candidate(
            revision="new",
            number=2,
            stage=Stage.STEPPING,
            weight=weight,
            since=900.0,
            progress_since=900.0,
        ).replace(analysis_since=1000.0, measured_at=moment)
    )


def of_series(number: int, at: float = 1015.0) -> Measurement:
    series = tuple(Series({"pod": f"p-{n}"}, ()) for n in range(number))
    return Measurement(at, {CounterQuery("requests"): series})


class Taken:
    """What a sampler has, one measurement a key."""

    def __init__(self, **measurements: Measurement) -> None:
        self.left = {Key("shop", name): each for name, each in measurements.items()}

    def series(self, key: Key, purpose: Purpose = Purpose.ROLLOUT) -> int:
        here = purpose is Purpose.ROLLOUT and key in self.left
        return self.left[key].series if here else 0

    def overdue(self, key: Key) -> float:
        return 0.0

    def take(self, key: Key, purpose: Purpose = Purpose.ROLLOUT) -> Measurement | None:
        return self.left.pop(key, None) if purpose is Purpose.ROLLOUT else None


async def judge_measured(
    taken: Taken, judging: Judging, key: Key = KEY, status: Status | None = None
) -> Status:
    sampler: Any = taken
    observed: Any = SimpleNamespace(
        key=key, live=LIVE, desired=SimpleNamespace(spec=SPEC), state=ObjectState.begin(LIVE)
    )
    begun = status or looked_at(1000.0)
    return await measuring.judge_measured(sampler, judging, observed, begun, World(), Faults())


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads on which something was judged."""
    names: list[str] = []

    def judged(_: object, status: Status, *__: object) -> Status:
        names.append(threading.current_thread().name)
        return status

    monkeypatch.setattr(measuring, "judged", judged)
    return names


@pytest.mark.parametrize(
    ("series", "thread"),
    [
        (1, "MainThread"),
        (AT_ONCE, "MainThread"),
        (AT_ONCE + 1, "judging_0"),
        (HEAVY, "judging_0"),
        (HEAVY + 1, "judging-heavy_0"),
    ],
)
async def test_the_more_there_is_to_judge_the_less_it_may_delay(
    threads: list[str], series: int, thread: str
) -> None:
    await judge_measured(Taken(fraud=of_series(series)), Judging(lambda _: None))
    assert threads == [thread]


async def test_what_an_outage_missed_is_judged_on_a_thread(threads: list[str]) -> None:
    """Each look of the outage is judged, which takes seconds."""
    missed = of_series(10, at=1000.0 + 15 * AT_ONCE)
    await judge_measured(Taken(fraud=missed), Judging(lambda _: None))
    assert threads == ["judging_0"]


async def test_other_objects_are_judged_beside_a_heavy_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    light_is_done = threading.Event()

    def judged(_: object, status: Status, taken: Measurement, *__: object) -> Status:
        if taken.series > HEAVY:
            assert light_is_done.wait(5), "nothing else was judged meanwhile"
        else:
            light_is_done.set()
        return status

    monkeypatch.setattr(measuring, "judged", judged)
    judging = Judging(lambda _: None)
    taken = Taken(heavy=of_series(HEAVY + 1), light=of_series(AT_ONCE + 1))
    heavy = asyncio.create_task(judge_measured(taken, judging, Key("shop", "heavy")))
    await asyncio.sleep(0)
    await judge_measured(taken, judging, Key("shop", "light"))
    await heavy


async def test_a_second_heavy_one_waits_in_no_worker_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()

    def judged(_: object, status: Status, *__: object) -> Status:
        assert go_on.wait(5)
        return status

    monkeypatch.setattr(measuring, "judged", judged)
    freed: list[Key] = []
    judging = Judging(freed.append)
    taken = Taken(first=of_series(HEAVY + 1), second=of_series(HEAVY + 1))
    first = asyncio.create_task(judge_measured(taken, judging, Key("shop", "first")))
    await asyncio.sleep(0)
    await judge_measured(taken, judging, Key("shop", "second"))  # returns at once
    assert [*taken.left] == [Key("shop", "second")]
    go_on.set()
    await first
    assert freed == [Key("shop", "second")]
    await judge_measured(taken, judging, Key("shop", "second"))
    assert not taken.left


async def test_of_many_that_wait_few_get_a_pass_at_a_time_and_in_the_end_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.judging.FREED_AGAIN", 0.01)
    freed: list[Key] = []
    judging = Judging(freed.append)
    keys = [Key("shop", f"waits-{number}") for number in range(10)]
    go_on = threading.Event()
    heavy = asyncio.create_task(judging.run(HEAVY + 1, lambda: go_on.wait(5)))
    await asyncio.sleep(0)
    assert not any(judging.accepts(key, HEAVY + 1) for key in keys)
    go_on.set()
    await heavy
    assert freed == keys[:4]
    judging.accepts(keys[1], HEAVY + 1)
    await judging.run(HEAVY + 1, lambda: None)
    await asyncio.sleep(0.2)
    assert freed == keys, "none of them had anything to judge any more"


def test_what_is_foretold_of_an_hour_is_made_beside_the_loop() -> None:
    """Four pods with one check take a tenth of a second."""
    pods = tuple(Series({"pod": f"p-{n}"}, ()) for n in range(4))
    hour = History(1015.0, {CounterQuery("requests"): pods, CounterQuery("errors"): pods})
    assert AT_ONCE < hour.series < HEAVY


def raising(_: Status) -> Status:
    raise ZeroDivisionError


async def test_what_raises_on_a_thread_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(_: object, status: Status, *__: object) -> Status:
        return isolated(Part.CHECK, lambda: raising(status), lambda _: status, "errors")

    monkeypatch.setattr(measuring, "judged", judged)
    with collected() as faults:
        await judge_measured(Taken(fraud=of_series(AT_ONCE + 1)), Judging(lambda _: None))
    assert [(each.part, each.name) for each in faults.raised] == [(Part.CHECK, "errors")]
