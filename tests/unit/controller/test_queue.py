"""The work queue: no key twice at a time, none forgotten, none too early."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from serinus.cluster import ApiError
from serinus.controller.queue import Key, Reconcile, Wake, WorkQueue

FRAUD = Key("ns", "fraud")
LOAN = Key("ns", "loan")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Work:
    """Reconciles that are recorded, and last until let go."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.begun: list[Key] = []
        self.wakes: list[Wake] = []
        self.ended: list[Key] = []
        self.moments: list[float] = []
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, key: Key, wake: Wake) -> float | None:
        self.begun.append(key)
        self.wakes.append(wake)
        self.moments.append(time.monotonic())
        await self.let_go.wait()
        self.ended.append(key)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def until(holds: Callable[[], bool], within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.005)


async def settle() -> None:
    """Let everything happen that happens without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(
    queue: WorkQueue, work: Reconcile, workers: int = 4
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(queue.run(work, workers))
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_key_added_many_times_is_worked_on_once() -> None:
    queue, work = WorkQueue(Clock()), Work()
    for _ in range(100):
        queue.add(FRAUD, Wake.CHILD)
    async with running(queue, work):
        await until(lambda: work.ended == [FRAUD])
        await settle()
    assert work.begun == [FRAUD]


async def test_a_key_added_while_in_work_runs_once_more_and_never_twice_at_a_time() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
        queue.add(FRAUD, Wake.CHILD)
        queue.add(FRAUD, Wake.CHILD)
        await settle()
        assert work.begun == [FRAUD], "it is in work already"
        work.let_go.set()
        await until(lambda: work.ended == [FRAUD, FRAUD])
        await settle()
    assert work.begun == [FRAUD, FRAUD]


async def test_different_keys_run_side_by_side_up_to_the_number_of_workers() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    keys = [Key("ns", str(n)) for n in range(5)]
    async with running(queue, work, workers=3):
        for key in keys:
            queue.add(key, Wake.CHILD)
        await settle()
        assert work.begun == keys[:3]
        work.let_go.set()
        await until(lambda: sorted(work.ended) == keys)


async def test_a_delayed_key_runs_when_the_clock_says_so_and_the_earliest_wins() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work()
    async with running(queue, work):
        queue.add_after(FRAUD, 60)
        queue.add_after(FRAUD, 600)
        queue.add_after(FRAUD, 10)
        clock.now += 9.9
        queue.wake.set()
        await settle()
        assert work.begun == []
        clock.now += 0.2
        queue.wake.set()
        await until(lambda: work.ended == [FRAUD])
        clock.now += 3600
        queue.wake.set()
        await settle()
    assert work.begun == [FRAUD]


async def test_what_the_last_pass_found_to_be_due_replaces_what_earlier_ones_did() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(5.0, 60.0)
    async with running(queue, work):
        for passes in (1, 2):
            queue.add(FRAUD, Wake.CHILD)
            await until(lambda passes=passes: len(work.ended) == passes)  # type: ignore[misc]
        for moment, passes in ((6, 2), (61, 3)):
            clock.now = 1000.0 + moment
            queue.wake.set()
            await settle()
            assert len(work.ended) == passes


async def test_times_that_later_passes_replaced_take_no_memory() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(86_400.0, *[86_000.0] * 150)
    async with running(queue, work):
        queue.add_after(LOAN, 90_000.0)
        for passes in range(1, 152):
            queue.add(FRAUD, Wake.CHILD)
            await until(lambda passes=passes: len(work.ended) == passes)  # type: ignore[misc]
            clock.now += 1.0
        assert len(queue._heap) < 120
        begun = len(work.begun)
        for later, passes in ((85_990.0, 0), (20.0, 1), (4_000.0, 2)):
            clock.now += later
            queue.wake.set()
            await settle()
            assert len(work.begun) == begun + passes
    assert work.begun[-2:] == [FRAUD, LOAN]


async def test_a_pass_that_fails_leaves_what_is_due() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(5.0, ApiError(500, "", "no"))
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 1)
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 2)
        assert queue._due == {FRAUD: 1005.0}


async def test_a_clock_that_is_set_back_by_an_hour_lets_no_delayed_key_wait_for_that_hour() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work()
    queue.add_after(FRAUD, 10)
    async with running(queue, work):
        await settle()
        clock.now -= 3600
        queue.wake.set()
        await until(lambda: work.ended == [FRAUD])
        await settle()
        assert work.ended == [FRAUD], "once"


async def test_the_answer_of_a_reconcile_is_its_next_visit() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(30.0, None)
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 1)
        await settle()
        clock.now += 31
        queue.wake.set()
        await until(lambda: len(work.ended) == 2)


async def test_failures_are_tried_again_with_growing_delays_though_the_clock_stands() -> None:
    failure = ApiError(503, "ServiceUnavailable", "try later")
    queue, work = WorkQueue(Clock()), Work(failure, failure, failure)
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 4)
    first, second, third = (
        after - before for before, after in zip(work.moments, work.moments[1:], strict=False)
    )
    assert 0.08 <= first < second < third


async def test_a_failing_key_does_not_hold_up_the_others() -> None:
    queue, work = WorkQueue(Clock()), Work(ValueError("a bug"))
    async with running(queue, work, workers=1):
        queue.add(FRAUD, Wake.CHILD)
        queue.add(LOAN, Wake.CHILD)
        await until(lambda: work.ended[:2] == [FRAUD, LOAN])
        await until(lambda: work.ended[2:] == [FRAUD])


async def test_success_ends_the_backoff() -> None:
    failure = ApiError(500, "InternalError", "no")
    queue, work = WorkQueue(Clock()), Work(failure, failure, failure, None, failure, None)
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 4)
        await settle()
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 6)
    assert work.moments[5] - work.moments[4] < work.moments[3] - work.moments[2]


async def test_draining_ends_what_is_in_work_and_begins_nothing() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    async with running(queue, work, workers=1):
        queue.add(FRAUD, Wake.CHILD)
        queue.add(LOAN, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
        draining = asyncio.create_task(queue.drain())
        await settle()
        assert not draining.done()
        work.let_go.set()
        await draining
        await settle()
    assert work.begun == work.ended == [FRAUD]


async def test_a_drain_that_takes_too_long_ends_with_what_is_in_work_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.queue.DRAIN", 0.05)
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
        await queue.drain()
    assert work.ended == []


async def test_what_was_added_while_nobody_worked_is_worked_on_later() -> None:
    queue, work = WorkQueue(Clock()), Work()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.ended == [FRAUD])
    queue.add(LOAN, Wake.CHILD)
    assert queue.depth == 1
    async with running(queue, work):
        await until(lambda: work.ended == [FRAUD, LOAN])
    assert queue.depth == 0


async def test_what_was_in_work_when_the_queue_ended_is_worked_on_when_it_runs_again() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
    work.let_go.set()
    async with running(queue, work):
        await until(lambda: work.ended == [FRAUD])
        await settle()
    assert work.begun == [FRAUD, FRAUD]
    assert queue.depth == 0


# one retry at a time


def refusal(**more: float) -> ApiError:
    return ApiError(503, "ServiceUnavailable", "try later", **more)


async def test_events_do_not_multiply_the_retries_of_a_failing_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_FIRST", 0.4)
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_LONGEST", 0.4)
    monkeypatch.setattr("serinus.controller.queue.BROUGHT_FORWARD_TO", 0.2)
    queue, work = WorkQueue(Clock()), Work(*[refusal()] * 1000)
    async with running(queue, work):
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            queue.add(FRAUD, Wake.CHILD)
            await asyncio.sleep(0.01)
        disturbed = len(work.begun)
        await asyncio.sleep(2)
    assert 5 <= disturbed <= 11, "two hundred events bring a retry forward, to every 0.2 s"
    assert 4 <= len(work.begun) - disturbed <= 8, "afterwards one retry is pending, each 0.4 s"


async def test_an_event_brings_a_retry_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_FIRST", 30.0)
    monkeypatch.setattr("serinus.controller.queue.BROUGHT_FORWARD_TO", 0.1)
    queue, work = WorkQueue(Clock()), Work(refusal())
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.ended == [FRAUD])
        await settle()
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 2)
    assert work.moments[1] - work.moments[0] >= 0.09


async def test_an_event_during_a_pass_that_fails_does_not_repeat_it_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_FIRST", 30.0)
    queue, work = WorkQueue(Clock()), Work(refusal())
    work.let_go.clear()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
        queue.add(FRAUD, Wake.CHILD)
        work.let_go.set()
        await until(lambda: work.ended == [FRAUD])
        await settle()
        assert work.begun == [FRAUD]
        assert queue.depth == 0


async def test_nothing_is_tried_before_the_api_server_said_except_what_is_urgent() -> None:
    queue, work = WorkQueue(Clock()), Work(refusal(retry_after=0.5), None, refusal(retry_after=9))
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.ended == [FRAUD])
        await settle()
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 2)
        assert work.moments[1] - work.moments[0] >= 0.5
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 3)
        await settle()
        queue.add(FRAUD, Wake.MEASURED)
        await until(lambda: len(work.ended) == 4)
        await settle()
        assert queue.retries == 0, "a pass that succeeds ends the backoff"


async def test_what_is_urgent_comes_first_and_has_workers_of_its_own() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    others = [Key("ns", str(n)) for n in range(8)]
    async with running(queue, work, workers=4):
        for key in others:
            queue.add(key, Wake.CHILD)
        await settle()
        assert work.begun == others[:4], "all workers are busy"
        queue.add(others[-1], Wake.MEASURED)
        queue.add(FRAUD, Wake.MEASURED)
        await settle()
        assert work.begun == [*others[:4], others[-1], FRAUD]
        work.let_go.set()
        await until(lambda: len(work.ended) == 9)
        await settle()
    assert sorted(work.begun) == sorted([*others, FRAUD]), "and nothing is done twice"


async def test_retries_that_were_pending_when_it_stopped_are_due_when_it_runs_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_FIRST", 30.0)
    queue, work = WorkQueue(Clock()), Work(refusal())
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.ended == [FRAUD])
        await settle()
    async with running(queue, work):
        await until(lambda: work.ended == [FRAUD, FRAUD])


# stuck


async def test_a_reconcile_that_never_ends_is_seen() -> None:
    queue, work = WorkQueue(Clock()), Work()
    work.let_go.clear()
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.begun == [FRAUD])
        assert queue.stuck(5) is None
        await asyncio.sleep(0.06)
        assert "the reconcile of ns/fraud has been running" in (queue.stuck(0.05) or "")


async def test_a_key_that_no_worker_takes_is_seen() -> None:
    queue = WorkQueue(Clock())
    queue.add(FRAUD, Wake.CHILD)
    await asyncio.sleep(0.06)
    assert queue.stuck(5) is None
    assert "ns/fraud has been waiting for a worker" in (queue.stuck(0.05) or "")


async def test_a_moment_that_passed_unnoticed_is_seen() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_after(FRAUD, 60)
    assert queue.stuck(5) is None
    clock.now += 100
    assert "is overdue" in (queue.stuck(5) or "")


async def test_a_queue_with_nothing_to_do_is_not_stuck() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(3600.0)
    async with running(queue, work):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: work.ended == [FRAUD])
        await asyncio.sleep(0.06)
        assert queue.stuck(0.05) is None


async def test_a_conflict_after_many_failures_is_tried_again_as_soon_as_an_event_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_FIRST", 60.0)
    monkeypatch.setattr("serinus.controller.queue.BACKOFF_LONGEST", 60.0)
    monkeypatch.setattr("serinus.controller.queue.BROUGHT_FORWARD_TO", 0.2)
    queue, work = WorkQueue(Clock()), Work(ApiError(409, "Conflict", "modified"))
    async with running(queue, work, workers=1):
        queue.add(FRAUD, Wake.CHILD)
        await until(lambda: len(work.ended) == 2)


async def test_a_pass_has_its_first_cause_unless_a_later_one_is_urgent() -> None:
    clock = Clock()
    queue, work = WorkQueue(clock), Work(refusal(), 0.0, 60.0)
    work.let_go.clear()
    queue.add(FRAUD, Wake.LIST)
    queue.add(FRAUD, Wake.CHILD)
    async with running(queue, work):
        await until(lambda: work.begun == [FRAUD])
        queue.add(FRAUD, Wake.CHILD)
        queue.add(FRAUD, Wake.OBJECT)
        queue.add(FRAUD, Wake.LIST)
        work.let_go.set()
        await until(lambda: len(work.ended) == 3)
        await settle()
        clock.now += 60
        queue.wake.set()
        await until(lambda: len(work.ended) == 4)
    assert work.wakes == [Wake.LIST, Wake.OBJECT, Wake.FOLLOW_UP, Wake.TIME]
