"""Random scenarios: good and bad candidates, with much and little traffic."""

from random import Random

from serinus.api.scenario import Scenario


def drawn(rng: Random, known: Scenario) -> Scenario:
    """A random scenario with the given values; every other candidate is as good as stable."""
    errors = 10 ** rng.uniform(-3, -1.3)
    changes: dict[str, object] = {}
    match rng.choice(["none", "none", "errors", "scores"]):
        case "errors":
            changes["errors"] = _percent(min(errors * rng.uniform(2, 10), 1.0))
        case "scores":
            changes["scores"] = {"mean": rng.uniform(0.5, 0.8), "deviation": 0.2}
    return Scenario.model_validate(
        {
            "requests_per_second": 10 ** rng.uniform(1, 2.7),
            "traffic": rng.choice(["Steady", "Diurnal", "Bursts", "Ramp"]),
            "pods_ready_after": f"{rng.randint(5, 60)}s",
            "stable": {"errors": _percent(errors)},
            "candidate": changes,
            "values": known.values,
        }
    )


def differs(scenario: Scenario) -> bool:
    """Whether the candidate differs from stable at some time."""
    return scenario.candidates_model() != scenario.stable


def _percent(share: float) -> str:
    return f"{100 * share:.4f}%"
