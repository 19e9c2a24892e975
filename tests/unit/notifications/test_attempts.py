"""What an answer means, and the schedule of attempts."""

import pytest

from serinus.notifications.attempts import LONGEST_RETRY_AFTER, LONGEST_WAIT, result_of, wait


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 201, 202, 204), "delivered"),
        ((301, 302, 307, 308), "refused"),
        ((400, 401, 403, 404, 405, 410, 413, 422), "refused"),
        ((408, 425, 429), "retried"),
        ((500, 502, 503, 504, 599), "retried"),
    ],
)
def test_what_an_answer_means(statuses: tuple[int, ...], outcome: str) -> None:
    assert {result_of(status, {}).outcome for status in statuses} == {outcome}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        (
            {
                "Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT",
                "Date": "Wed, 25 Nov 2026 10:01:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "soon"}, 0.0),
        ({"Retry-After": "-5"}, 0.0),
        (
            {
                "Retry-After": "Wed, 25 Nov 2026 10:01:30 +99999999999999",
                "Date": "Wed, 25 Nov 2026 10:01:00 GMT",
            },
            0.0,
        ),
        (
            {
                "Retry-After": "Wed, 25 Nov 20260000000000 10:01:30 GMT",
                "Date": "Wed, 25 Nov 2026 10:01:00 GMT",
            },
            0.0,
        ),
        ({}, 0.0),
    ],
)
def test_a_wait_that_is_asked_for_is_read(headers: dict[str, str], seconds: float) -> None:
    assert result_of(429, headers).asked == result_of(503, headers).asked == seconds
    assert result_of(403, headers).asked == 0.0


def test_the_wait_doubles_up_to_its_longest() -> None:
    assert [wait(n, chance=1.0) for n in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]
    assert wait(9, 1.0) == 256.0
    assert wait(10, 1.0) == wait(1000, 1.0) == wait(10**6, 1.0) == LONGEST_WAIT


def test_chance_at_most_halves_it() -> None:
    assert [wait(3, chance) for chance in (0.0, 0.5, 1.0)] == [2.0, 3.0, 4.0]


def test_what_the_endpoint_asks_for_is_the_least_within_reason() -> None:
    assert wait(1, 1.0, asked=30.0) == 30.0
    assert wait(9, 1.0, asked=30.0) == 256.0
    assert wait(1, 1.0, asked=float("inf")) == LONGEST_RETRY_AFTER
