"""What is measured when: on a grid of moments, one read for all that is due, each taken once."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest

from serinus.controller.queue import Key
from serinus.controller.sampling import PATIENCE, READS_FOR, Purpose, Sampler
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    History,
    Measurement,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.requests import HistoryRequest, Request

FRAUD, SPAM = Key("shop", "fraud"), Key("mail", "spam")
REQUESTS = CounterQuery("model_requests_total")
PSI = ExpressionQuery("max(model_drift_psi{$arm})")


class Prometheus:
    """Answers every question with the time, once it is let go; keeps what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[ArmQuery]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
        self.batches.append(list(batch))
        number = len(self.batches)
        await self.open.wait()
        if self.broken:
            raise RuntimeError("a fault in this very program")
        return {asked: (Series({}, ((0.0, float(number)),)),) for asked in self.batches[-1]}


class Bench:
    """A sampler, its clock, and the keys that it handed over."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.added: list[Key] = []
        self.prometheus = Prometheus()
        self.sampler = Sampler(self.prometheus, lambda: self.now, self.add)

    def add(self, key: Key, _: Purpose) -> None:
        self.added.append(key)

    async def at(self, moment: float) -> None:
        """Let it be that late, and everything happen that is due."""
        self.now = moment
        self.sampler.start_what_is_due()
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def request(workload: str, interval: float = 15.0, covered_until: float = 1000.0) -> Request:
    arms = (Arm("shop", f"{workload}-new"), Arm("shop", f"{workload}-old"))
    return Request(interval, (REQUESTS,), *arms, covered_until)


async def test_all_rollouts_of_one_interval_are_read_at_once_and_on_the_grid(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.now = 1003.0
    bench.sampler.want(SPAM, request("spam"))
    await bench.at(1004.9)
    assert bench.prometheus.batches == []
    await bench.at(1005.0)
    assert [[asked.arm.workload for asked in batch] for batch in bench.prometheus.batches] == [
        ["fraud-new", "fraud-old"],
        ["spam-new", "spam-old"],
    ]
    assert sorted(bench.added) == sorted([FRAUD, SPAM])


async def test_a_read_that_comes_late_does_not_shift_those_after_it(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1011.0)
    await bench.at(1019.9)
    assert len(bench.prometheus.batches) == 1
    await bench.at(1020.0)
    assert len(bench.prometheus.batches) == 2


async def test_a_rollout_whose_questions_take_long_does_not_hold_up_another(bench: Bench) -> None:
    class OneIsSlow(Prometheus):
        async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
            asked = list(batch)
            if asked[0].arm.workload.startswith("spam"):
                await self.open.wait()
            return dict.fromkeys(asked, ())

    prometheus = OneIsSlow()
    prometheus.open.clear()
    sampler = Sampler(prometheus, lambda: bench.now, bench.add)
    sampler.want(FRAUD, request("fraud"))
    sampler.want(SPAM, request("spam"))
    bench.now = 1005.0
    sampler.start_what_is_due()
    await settle()
    assert bench.added == [FRAUD]
    prometheus.open.set()
    await settle()
    assert bench.added == [FRAUD, SPAM]


async def test_rollouts_of_other_intervals_wait_for_their_own_moment(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud", interval=5.0))
    bench.sampler.want(SPAM, request("spam", interval=60.0))
    await bench.at(1005.0)
    assert bench.added == [FRAUD]
    await bench.at(1020.0)
    assert bench.added == [FRAUD, FRAUD, SPAM]


async def test_asking_again_for_the_same_does_not_put_the_read_off(bench: Bench) -> None:
    for moment in (1000.0, 1004.0, 1004.9):
        bench.now = moment
        bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1005.0)
    assert bench.added == [FRAUD]


async def test_a_new_interval_counts_at_once(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud", interval=3600.0))
    bench.sampler.want(FRAUD, request("fraud", interval=1.0))
    await bench.at(1001.0)
    assert bench.added == [FRAUD]


async def test_a_measurement_is_taken_once_and_tells_when_it_was_begun(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.prometheus.open.clear()
    await bench.at(1005.0)
    bench.now = 1007.0
    bench.prometheus.open.set()
    await settle()
    measured = bench.sampler.take(FRAUD)
    assert isinstance(measured, Measurement)
    assert measured.at == 1005.0
    assert measured.candidate[REQUESTS] == measured.stable[REQUESTS] != ()
    assert bench.sampler.take(FRAUD) is None


async def test_the_newest_measurement_is_taken_where_two_have_come(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1005.0)
    await bench.at(1020.0)
    measured = bench.sampler.take(FRAUD)
    assert measured is not None
    assert measured.at == 1020.0


async def test_nothing_is_measured_twice_at_one_time(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.prometheus.open.clear()
    await bench.at(1005.0)
    await bench.at(1020.0)
    assert len(bench.prometheus.batches) == 1
    bench.prometheus.open.set()
    await settle()
    await bench.at(1035.0)
    assert len(bench.prometheus.batches) == 2


async def test_a_slow_read_of_one_rollout_does_not_hold_up_another(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.prometheus.open.clear()
    await bench.at(1005.0)
    bench.sampler.want(SPAM, request("spam"))
    await bench.at(1020.0)
    assert {asked.arm.workload for asked in bench.prometheus.batches[1]} == {
        *("spam-new", "spam-old"),
    }


async def test_what_is_withdrawn_is_neither_read_nor_handed_over(bench: Bench) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.sampler.want(SPAM, request("spam"))
    bench.sampler.want(SPAM, None)
    bench.prometheus.open.clear()
    await bench.at(1005.0)
    bench.sampler.want(FRAUD, None)
    bench.prometheus.open.set()
    await settle()
    await bench.at(1020.0)
    assert [{asked.arm.workload for asked in batch} for batch in bench.prometheus.batches] == [
        {"fraud-new", "fraud-old"}
    ]
    assert bench.added == []
    assert bench.sampler.take(FRAUD) is None


@pytest.mark.parametrize(
    "change",
    [
        {"candidate": Arm("shop", "fraud-newer")},
        {"stable": Arm("shop", "fraud-newer")},
        {"queries": (REQUESTS, PSI)},
    ],
    ids=["candidate", "stable", "queries"],
)
async def test_answers_to_what_is_not_asked_any_more_are_dropped(
    bench: Bench, change: dict[str, object]
) -> None:
    first = request("fraud")
    bench.sampler.want(FRAUD, first)
    await bench.at(1005.0)
    bench.prometheus.open.clear()
    await bench.at(1020.0)
    bench.sampler.want(FRAUD, replace(first, **change))  # type: ignore[arg-type]
    assert bench.sampler.take(FRAUD) is None, "it was measured before the change"
    bench.prometheus.open.set()
    await settle()
    assert bench.sampler.take(FRAUD) is None, "it was asked before the change"
    await bench.at(1035.0)
    assert bench.sampler.take(FRAUD) is not None


async def test_a_fault_in_reading_is_a_measurement_that_says_so_and_ends_no_later_reads(
    bench: Bench,
) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    bench.prometheus.broken = True
    await bench.at(1005.0)
    assert bench.added == [FRAUD]
    measured = bench.sampler.take(FRAUD)
    assert isinstance(measured, Measurement)
    assert "a fault in this very program" in {str(each.error) for each in measured.faults}
    bench.prometheus.broken = False
    await bench.at(1020.0)
    assert bench.added == [FRAUD, FRAUD]
    measured = bench.sampler.take(FRAUD)
    assert isinstance(measured, Measurement) and not [*measured.faults]


async def test_an_unreadable_answer_is_handed_over_like_any_other(bench: Bench) -> None:
    silent = QueryError("Prometheus refused the connection")

    class Down(Prometheus):
        async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
            return dict.fromkeys(batch, silent)

    sampler = Sampler(Down(), lambda: bench.now, bench.add)
    sampler.want(FRAUD, request("fraud"))
    bench.now = 1005.0
    sampler.start_what_is_due()
    await settle()
    measured = sampler.take(FRAUD)
    assert isinstance(measured, Measurement)
    assert measured.candidate == {REQUESTS: silent}


async def test_stables_history_is_read_within_a_second_a_sample_a_minute(bench: Bench) -> None:
    stable = Arm("shop", "fraud-old")
    bench.sampler.want(FRAUD, HistoryRequest(1.0, (REQUESTS,), stable))
    await bench.at(1001.0)
    assert bench.prometheus.batches == [[ArmQuery(stable, REQUESTS, 3600.0, every=60.0)]]
    read = bench.sampler.take(FRAUD)
    assert isinstance(read, History)
    assert (read.at, set(read.stable)) == (1001.0, {REQUESTS})


async def test_a_history_that_waits_to_be_taken_is_not_read_again(bench: Bench) -> None:
    bench.sampler.want(FRAUD, HistoryRequest(1.0, (REQUESTS,), Arm("shop", "fraud-old")))
    await bench.at(1001.0)
    await bench.at(1002.0)
    assert len(bench.prometheus.batches) == 1
    assert bench.sampler.take(FRAUD) is not None
    await bench.at(1003.0)
    assert len(bench.prometheus.batches) == 2, "it is still wanted, as where it was not readable"


async def test_it_runs_by_itself_when_time_comes_and_ends_when_cancelled(bench: Bench) -> None:
    running = asyncio.create_task(bench.sampler.run())
    await settle()
    bench.sampler.want(FRAUD, request("fraud"))
    await settle()
    assert bench.added == []
    bench.now = 1005.0
    bench.sampler.wake.set()
    await settle()
    assert bench.added == [FRAUD]
    bench.prometheus.open.clear()
    bench.now = 1020.0
    bench.sampler.wake.set()
    await settle()
    assert len(bench.prometheus.batches) == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    bench.prometheus.open.set()
    await settle()
    assert bench.added == [FRAUD], "a read under way ends with it"


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_back_or_forward_by_an_hour_stops_no_looks(
    bench: Bench, hours: int
) -> None:
    bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1005.0)
    await bench.at(1020.0)
    assert len(bench.prometheus.batches) == 2
    set_to = 1021.0 + hours * 3600
    looks = []
    for second in range(60):
        before = len(bench.prometheus.batches)
        await bench.at(set_to + second)
        looks.append(len(bench.prometheus.batches) - before)
    assert sum(looks) == 5, "one as soon as it is noticed, and then one at each interval"
    assert max(looks) == 1


async def test_the_sampler_does_not_sleep_for_the_hour_that_the_clock_was_set_back(
    bench: Bench,
) -> None:
    bench.sampler.want(FRAUD, request("fraud", interval=0.05))
    running = asyncio.create_task(bench.sampler.run())
    bench.now -= 3600
    async with asyncio.timeout(2):
        while not bench.prometheus.batches:
            bench.now += 0.01
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


async def test_what_is_measured_for_one_purpose_is_not_taken_for_another() -> None:
    bench = Bench()
    bench.sampler.want(FRAUD, request("fraud"))
    bench.sampler.want(FRAUD, request("fraud", interval=7.0), Purpose.MONITORING)
    await bench.at(1001.0)
    assert bench.sampler.take(FRAUD) is None
    assert bench.sampler.take(FRAUD, Purpose.MONITORING) is not None
    await bench.at(1005.0)
    assert bench.sampler.take(FRAUD) is not None
    bench.sampler.forget(FRAUD)
    assert not [*bench.sampler.due()]


@pytest.fixture
async def in_its_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One whose monotonic clock is the one that it is given."""
    monotonic = SimpleNamespace(monotonic=lambda: bench.now)
    monkeypatch.setattr("serinus.controller.sampling.time", monotonic)
    return bench


async def test_a_measurement_that_nobody_makes_is_late(in_its_time: Bench) -> None:
    bench = in_its_time
    bench.sampler.want(FRAUD, request("fraud"))
    bench.now += 2 * 15 + PATIENCE
    assert bench.sampler.overdue(FRAUD) == 0
    soon = bench.sampler.late_in(FRAUD)
    assert soon
    bench.now += soon
    assert bench.sampler.overdue(FRAUD) > 0
    assert bench.sampler.late_in(FRAUD) is None, "a pass has seen it"
    bench.now += 10 - soon
    assert bench.sampler.overdue(FRAUD) == 10
    await bench.at(bench.now)
    assert bench.sampler.overdue(FRAUD) == 0


@pytest.mark.parametrize("after", [request("spam", 300.0), request("fraud", 15.0)])
async def test_what_is_wanted_anew_is_not_late_at_once(in_its_time: Bench, after: Request) -> None:
    """The interval becomes a shorter one, or something else is measured."""
    bench = in_its_time
    bench.sampler.want(FRAUD, request("fraud", 300.0))
    bench.now += 2 * 300 + PATIENCE
    bench.sampler.want(FRAUD, after)
    bench.now += 10
    assert bench.sampler.overdue(FRAUD) == 0
    bench.now += 2 * after.interval + PATIENCE
    assert bench.sampler.overdue(FRAUD) == 10


async def test_a_prometheus_that_answers_slowly_is_no_fault_of_ours(in_its_time: Bench) -> None:
    bench = in_its_time
    bench.prometheus.open.clear()
    bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1005.0)
    bench.now += 240
    assert bench.sampler.overdue(FRAUD) == 0
    bench.prometheus.open.set()
    await settle()
    assert bench.sampler.overdue(FRAUD) == 0


async def test_a_read_that_never_ends_is_one(in_its_time: Bench) -> None:
    bench = in_its_time
    bench.prometheus.open.clear()
    bench.sampler.want(FRAUD, request("fraud"))
    await bench.at(1005.0)
    bench.now += READS_FOR + 1
    assert bench.sampler.overdue(FRAUD) == 1
