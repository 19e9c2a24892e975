"""That a policy promotes revisions that nothing has judged."""

from serinus.api.spec import Spec


def unjudged(spec: Spec) -> str:
    """Why, in a sentence; empty if each new revision is judged."""
    rollout = spec.rollout
    if all(check.settings.tests_routing for check in rollout.analysis.deciding):
        return (
            "no check in rollout.analysis that decides can roll back: each new revision passes, "
            "whatever it does; leave out analysis for the default checks"
        )
    copies = any(step.gives and step.gives.mirrored for step in rollout.steps)
    if copies and all(
        check.settings.tests_routing for check in rollout.analysis.of_copies().deciding
    ):
        return (
            "no check in rollout.analysis that decides can judge copies of requests: a step mirror "
            "passes at once; add one such as errorRate, or remove the step"
        )
    compares = any(step.gives and step.gives.percent for step in rollout.steps)
    if rollout.guard is None and not compares:
        return (
            "rollout.steps has no weight and there is no guard: each new revision gets all "
            "traffic, judged by nothing; leave out steps for the default ones, or add rollout.guard"
        )
    return ""
