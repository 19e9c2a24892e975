"""Pods of one revision that run different images, as when a tag was moved to another image.

Then it is not two revisions that are compared: what one of the images does is taken for what its
revision does. Until the pods are alike a rollout is held; a candidate that fails meanwhile loses
its traffic and is not rejected, and afterwards the evidence starts again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from serinus.api.reasons import Reason
from serinus.api.stages import Stage
from serinus.plan.situation import SeenPod, Situation
from serinus.plan.stepping import but_for_open_connections, resume_step, withdraw
from serinus.plan.timeline import weight_ended

_ALIKE = "Each revision's pods run the same images again"
_AGAIN = "and the evidence starts again."
_NAMED = 3
"""Pods that a message names for each image."""


def mixed_images(pods: Iterable[SeenPod]) -> dict[str, str]:
    """By revision, which of its pods run which image, as a message; empty: each revision's pods run
    the same images."""
    found: dict[tuple[str, str, bool], dict[str, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for pod in sorted(pods, key=lambda pod: (pod.created, pod.name)):
        for container, image in pod.images.items() if not pod.leaving else ():
            found[pod.revision, container, image.startswith("@")][image].append(pod.name)
    return {
        revision: _message(revision, container, by_image)
        for (revision, container, _), by_image in sorted(found.items(), reverse=True)
        if len(by_image) > 1
    }


def _message(revision: str, container: str, by_image: Mapping[str, list[str]]) -> str:
    """`by_image` has the image of the oldest pod first."""
    listed = " and ".join(
        f"{image.removeprefix('@')[:19]} in {_pods(names)}" for image, names in by_image.items()
    )
    return (
        f"Pods of revision {revision} run different images of container {container}: {listed}. Its "
        "tag was moved. Name the image by its digest in spec.template, or move the tag back and "
        "delete the pods with the other image."
    )


def _pods(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def differing(s: Situation) -> str:
    """What differs in the revisions that are compared; empty: nothing, or it is not known. What a
    promoted revision does to clients counts whatever its pods run."""
    mixed = s.world.mixed or {}
    roles = (s.status.stable, None if s.promoted else s.status.candidate)
    return " ".join(mixed[role.revision] for role in roles if role and role.revision in mixed)


def in_doubt(s: Situation) -> bool:
    """Whether verdicts may be about something else than the revisions. After a restart of the
    operator this lasts until pods are listed."""
    return bool(differing(s)) or (_differed(s) and s.world.mixed is None)


def note_that_images_differ(s: Situation) -> Situation | None:
    """What is counted meanwhile is dropped afterwards, whatever else the candidate waits for."""
    if s.candidate.images_differed or not differing(s):
        return None
    return s.to_candidate(images_differed=True)


def hold_while_images_differ(s: Situation) -> Situation | None:
    """Held as long as a verdict would be in doubt; None: it would not."""
    if found := differing(s):
        return s.hold(
            Reason.IMAGES_DIFFER, f"Held until each revision's pods run the same images. {found}"
        )
    return s if in_doubt(s) else None


def note_in_a_guard_that_images_differ(s: Situation) -> Situation | None:
    """No check takes traffic back meanwhile."""
    held = hold_while_images_differ(s)
    return None if held == s else held


def withdraw_instead_of_blaming(s: Situation, failed: str) -> Situation:
    """A candidate that fails while a verdict is in doubt serves nobody, and is not rejected."""
    if s.candidate.stage is Stage.WITHDRAWN:
        return s
    message = (
        f"Its traffic is withdrawn{but_for_open_connections(s)}, and it is not rejected, until "
        f"each revision's pods run the same images. {differing(s)} {failed}"
    )
    return withdraw(s, Reason.IMAGES_DIFFER, message)


def resume_once_images_are_alike(s: Situation) -> Situation | None:
    """A candidate whose traffic was withdrawn for them, unless the spec pauses the rollout. What
    was withdrawn for something else only loses its evidence."""
    if not _became_alike(s):
        return None
    began = _without_evidence(s)
    if not _held(s):
        return began
    if not s.desired.spec.rollout.paused:
        return resume_step(began.to_candidate(hold=None), f"{_ALIKE}, {_AGAIN}")
    until = f"{_ALIKE}. Its traffic is withdrawn until spec.rollout.paused is no longer true."
    held = began.hold(Reason.IMAGES_DIFFER, until)
    said = held.candidate.hold == s.candidate.hold and not s.candidate.images_differed
    return None if said else held


def start_the_step_again_once_images_are_alike(s: Situation) -> Situation | None:
    """The last one, if all have passed."""
    if not _became_alike(s):
        return None
    last = max(len(s.steps) - 1, 0)
    step = min(s.candidate.step, last)
    return _started_again(s).to_candidate(stage=Stage.STEPPING, step=step)


def start_the_comparison_again_once_images_are_alike(s: Situation) -> Situation | None:
    """In a guard."""
    return _started_again(s) if _became_alike(s) else None


def _became_alike(s: Situation) -> bool:
    return _differed(s) and not in_doubt(s)


def _without_evidence(s: Situation) -> Situation:
    """What was counted meanwhile is evidence of no revision."""
    began = s.to_candidate(checks=[], silence=None, unreadable_since=None)
    return began.to_candidate(images_differed=False)


def _started_again(s: Situation) -> Situation:
    began = _without_evidence(s).to(timeline=weight_ended(s.status.timeline, s.now))
    began = replace(began, world=replace(began.world, split_in_effect=False))
    began = began.to_candidate(hold=None, effective_since=None, task=None)
    return began.because(Reason.IMAGES_ALIKE, s.candidate.revision, f"{_ALIKE}, {_AGAIN}")


def _differed(s: Situation) -> bool:
    """Whether there is something to drop; earlier versions noted that only as the reason of a
    wait."""
    return s.candidate.images_differed or _held(s)


def _held(s: Situation) -> bool:
    hold = s.candidate.hold
    return hold is not None and hold.reason == Reason.IMAGES_DIFFER
