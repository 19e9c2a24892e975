"""After a look that shows something against the candidate, the next one comes sooner."""

from pathlib import Path
from random import Random
from statistics import median

import pytest

from serinus.api.scenario import Scenario
from serinus.cli.files import read_manifest
from serinus.metrics.queries import CounterQuery, Measurement, QueryError, Series
from serinus.simulation.simulate import Simulation

ROOT = Path(__file__).parents[3]
REQUESTS = CounterQuery("requests_total")


def simulated(**scenario: object) -> Simulation:
    """The rollout of an example that looks every 15 s."""
    manifest = read_manifest(str(ROOT / "examples/03-gateway.yaml"))
    traffic = {"requestsPerSecond": 400, "routeAfter": "0s", **scenario}
    found = Scenario.model_validate(traffic)
    return Simulation(manifest.owner, manifest.spec, manifest.revision, found)


def seconds_until_the_end(simulation: Simulation, runs: int) -> float:
    past = simulation.past(Random("past"))
    ended = [simulation.run(Random(seed), past, explained=False) for seed in range(runs)]
    assert {each.outcome for each in ended} == {"RolledBack"}
    return median(each.after for each in ended)


def test_one_that_fails_everything_is_rolled_back_one_scrape_after_its_first_bad_look() -> None:
    failing = {"candidate": {"errors": "100%"}}
    frequent = seconds_until_the_end(simulated(scrapeInterval="5s", **failing), 10)
    rare = seconds_until_the_end(simulated(scrapeInterval="15s", **failing), 10)
    assert frequent <= rare - 10


@pytest.mark.parametrize(
    ("times", "every"), [((0.0, 5.0, 10.0), 5.0), ((0.0, 30.0), 30.0), ((0.0,), None), ((), None)]
)
def test_how_often_pods_are_scraped_is_seen_from_their_samples(
    times: tuple[float, ...], every: float | None
) -> None:
    series = Series({"pod": "a"}, tuple((at, 1.0) for at in times))
    measurement = Measurement(20.0, {REQUESTS: (series,)}, {REQUESTS: QueryError("down")})
    assert measurement.scraped_every == every
