"""Some faults between the operator and a real Prometheus: none decides what no fault would."""

from collections.abc import Mapping

import pytest

from tests.campaign.metrics_faults import WITHOUT, Quality, Result, run_all

SHORT = (
    "down for 3 s",
    "slow for another tenant",
    "too many samples",
    "replicas in turn",
    "both replicas",
    "both replicas, declared",
    "a replica label appears",
    "late series",
    "several processes",
)


@pytest.fixture(scope="module")
def results() -> Mapping[tuple[str, Quality], Result]:
    return {(one.fault, one.candidate): one for one in run_all(SHORT)}


@pytest.mark.parametrize("candidate", WITHOUT)
@pytest.mark.parametrize("fault", SHORT)
def test_a_fault_decides_nothing_that_would_not_be_decided_without_it(
    results: Mapping[tuple[str, Quality], Result], fault: str, candidate: Quality
) -> None:
    found = results[fault, candidate]
    assert not found.wrong, found
