"""What must hold in every history, whatever happened in it. Pure: histories in, sentences out."""

import math
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, pairwise
from typing import Any, Final

from serinus.api.stages import COMPARED, Stage
from serinus.controller.queue import BACKOFF_LONGEST
from serinus.manifests.owner import NAME_LABEL
from serinus.manifests.routers.rules import FRONTS
from serinus.plan.progress import CARRIED_MEANWHILE
from serinus.plan.stages import RULES
from tests.campaign.history import Act, History, Snapshot, Write

Manifest = dict[str, Any]

REACTION: Final = 15.0
"""Seconds in which the operator answers what happens to pods, with a gateway that answers."""
RETRIED_WITHIN: Final = 1.2 * BACKOFF_LONGEST
"""Seconds after which the operator tries a refused status again, at most."""
REJECTED_WITHIN: Final = 5.0
"""Seconds until a rejected revision has no traffic any more."""
BAD_WITHIN: Final = {"errors": 300.0, "hangs": 900.0, "dies": 1800.0, "flaps": 900.0}
"""Seconds until a candidate that fails its clients has no traffic any more, by how it fails."""
REST: Final = 60.0
TOLD_WITHIN: Final = 90.0
"""Seconds until a status that cannot be written is told of otherwise."""
MOST_DECISIONS: Final = 12
"""Decisions in a minute beyond which they are no decisions but a loop."""
MOST_WRITES: Final = 60
"""Writes in a minute that nobody gave a cause for, of one route and all else: while children are
refused there are 16 passes a minute, and each writes the second route of a preview too."""

_TERMINAL: Final = frozenset(
    {"Promoted", "CheckFailed", "ProgressDeadlineExceeded", "Inconclusive", "Aborted"}
    | {"Reverted", "Superseded", "InvalidSpec", "GuardFailed", "GuardEnded"}
)
_GRANTED: Final = range(200, 300)
_REFUSED: Final = (400, 403, 413, 422)
"""Answers to a status that was written, and to one that cannot be."""
_SLOW: Final = frozenset({"operator", "children", "route", "gateway", "API server", "watch"})
"""What keeps the operator from acting."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold."""

    name: str
    at: float
    told: str

    def __str__(self) -> str:
        return f"{self.name}: {self.told}"


Find = Callable[[History], Iterator[Violation]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule, and the sentence that the report has of it."""

    name: str
    sentence: str
    find: Find


def _lasting(
    history: History, wrong: Callable[[Snapshot], str | None], longest: float
) -> Iterator[tuple[float, str]]:
    """When something was wrong for longer than so many seconds without a break, and what."""
    since, told, over = 0.0, None, False
    for snapshot, until in history.spans():
        found = wrong(snapshot)
        if found is None:
            told, over = None, False
            continue
        if told is None:
            since, told = snapshot.at, found
        if until - since > longest and not over:
            over = True
            yield since, f"{told} (for {until - since:.0f} s)"


def _traffic_needs_pods(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        if s.hindered & _SLOW or s.live is None:
            return None
        stable = s.revision("stable")
        able = stable is not None and s.ready.get(stable, 0) > 0
        for revision, share in s.split.items():
            if not s.ready.get(revision, 0) and revision != stable and able and share > 0:
                return f"{share:g}% of the requests go to {revision}, which has no ready pod"
        return None

    for at, told in _lasting(history, wrong, REACTION):
        yield Violation("traffic needs pods", at, told)


def _removed_pods_have_no_traffic(history: History) -> Iterator[Violation]:
    asked: set[str] = set()
    """Revisions whose pods went because spec.replicas was 0; they come back after that is over."""
    had: set[str] = set()
    """Revisions that had pods: where none could be made, none was taken away."""

    def wrong(s: Snapshot) -> str | None:
        if s.live is None:
            return None
        if not s.replicas:
            asked.update(revision for revision in s.split if not s.pods.get(revision, 0))
        running = {revision for revision, count in s.pods.items() if count}
        asked.difference_update(running)
        had.update(running)
        for revision, share in s.split.items():
            gone = share > 0 and revision in had - running - asked
            if gone and s.replicas:
                return f"{share:g}% of the requests go to {revision}, whose pods Serinus took away"
        return None

    for at, told in _lasting(history, wrong, 0.5):
        yield Violation("removed pods have no traffic", at, told)


def _the_rejected_lose_traffic(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        if s.hindered & _SLOW:
            return None
        rejected, roles = s.revision("rejected"), {s.revision("stable"), s.revision("candidate")}
        if rejected is None or rejected in roles:
            return None
        share = s.split.get(rejected, 0.0)
        return f"{share:g}% of the requests go to {rejected}, which is rejected" if share else None

    for at, told in _lasting(history, wrong, REJECTED_WITHIN):
        yield Violation("rejected revisions lose traffic", at, told)


def _strangers_have_no_traffic(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        if s.hindered & _SLOW or not s.status:
            return None
        roles = {s.revision("stable"), s.revision("candidate")}
        for revision, share in s.split.items():
            if share and revision not in roles and roles != {None}:
                return f"{share:g}% of the requests go to {revision}, which has no part"
        return None

    for at, told in _lasting(history, wrong, REACTION):
        yield Violation("other revisions have no traffic", at, told)


def _weight_is_what_is_asked(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        candidate = s.role("candidate")
        if not candidate or not s.asked or s.hindered & _SLOW or not s.role("stable"):
            return None
        given, wanted = s.asked.get(candidate["revision"], 0), candidate["weight"]["wanted"]
        if given > wanted and sum(s.asked.values()) == 100:
            return f"the route gives the candidate {given}% where its step asks for {wanted:g}%"
        return None

    for at, told in _lasting(history, wrong, REJECTED_WITHIN):
        yield Violation("the weight is the step's weight", at, told)


def _weight_can_be_carried(history: History) -> Iterator[Violation]:
    had: dict[str, int] = {}

    def wrong(s: Snapshot) -> str | None:
        candidate, stable = s.revision("candidate"), s.revision("stable")
        if not candidate or not stable or s.hindered & _SLOW or not s.gateway or not s.replicas:
            return None
        weight = s.asked.get(candidate, 0)
        mine, theirs = s.ready.get(candidate, 0), s.ready.get(stable, 0)
        size = min(s.replicas, mine + theirs)
        if not mine or not weight:
            return f"{weight}% for no ready pod" if weight and theirs else None
        needed = min(size, max(1, math.ceil(size * weight / 100)))
        had[candidate] = max(min(had.get(candidate, 0), s.replicas), mine)
        lost = mine < had[candidate]
        if needed > (mine if lost else CARRIED_MEANWHILE * mine):
            return (
                f"the route gives {weight}% to {mine} ready pods of the candidate beside {theirs}"
            )
        return None

    for at, told in _lasting(history, wrong, REACTION):
        yield Violation("ready pods can serve the weight", at, told)


def decisions(history: History) -> list[Manifest]:
    """All decisions that any status told of, oldest first, each once."""
    found: dict[tuple[str, str, str], Manifest] = {}
    for uid, status in history.statuses or [("", each.status) for each in history.snapshots]:
        for each in reversed(status.get("decisions") or []):
            key = each["at"], each["reason"], each["revision"]
            found.setdefault(key, {**each, "uid": uid})
    return list(found.values())


def _each_decision_once(history: History) -> Iterator[Violation]:
    current, steps, uid = "", Counter[str](), ""
    for each in decisions(history):
        if each["uid"] != uid:
            current, uid = "", each["uid"]
        reason, revision, told = each["reason"], each["revision"], None
        if reason in ("RolloutStarted", "FirstDeployment"):
            by_hand = each["message"].startswith("Returned to revision")
            if revision == current and not by_hand:
                told = f"{revision} was started twice without an end between"
            current, steps = revision, Counter()
        elif reason == "Promoted" and ", and guarded for " in each["message"]:
            steps.clear()  # it is the candidate until its guard ends
        elif reason in _TERMINAL and revision == current:
            current = ""
        elif reason in _TERMINAL and reason != "InvalidSpec":
            told = f"{reason} of {revision}, which was over"
        elif reason == "WeightChanged":
            steps.clear()
        elif reason in ("WeightRaised", "Promoting"):
            what = each["message"].partition(". ")[0] if reason == "WeightRaised" else reason
            steps[what] += 1
            if steps[what] > 1:
                told = f"{what!r} of {revision} was decided {steps[what]} times"
        if told is not None:
            yield Violation("each decision happens once", unix(each["at"]), told)


def _each_decision_is_told_once(history: History) -> Iterator[Violation]:
    told = Counter((each.reason, each.note) for each in history.told)
    made = Counter((each["reason"], each["message"][:900]) for each in decisions(history))
    for (reason, note), count in told.items():
        known = made.get((reason, note[:900]), 0)
        if known and count > known:
            words = f"{reason} was told {count} times and decided {known} times"
            yield Violation("each decision has at most one event", history.end, words)


def _no_loop(history: History) -> Iterator[Violation]:
    moments = sorted(unix(each["at"]) for each in decisions(history))
    acts = [each.at for each in history.acts]
    for first, last in zip(moments, moments[MOST_DECISIONS:], strict=False):
        caused = sum(first - REACTION <= at <= last for at in acts)
        if last - first < 60 and caused * 3 < MOST_DECISIONS:
            words = f"{MOST_DECISIONS} decisions in {last - first:.0f} s"
            yield Violation("no loop", first, words)
            break
    # what is deleted is gone: to delete it again it must have been made, which counts
    made = [each for each in history.writes if each.verb != "DELETE" or each.status >= 400]
    for route in sorted({each.name for each in made if each.kind in FRONTS}) or [""]:
        of_route = [each for each in made if each.kind not in FRONTS or each.name == route]
        if violation := _too_many(of_route, acts):
            yield violation
            break


def _too_many(made: list[Write], acts: list[float]) -> Violation | None:
    for first, last in zip(made, made[MOST_WRITES:], strict=False):
        caused = sum(first.at - REACTION <= at <= last.at for at in acts)
        if last.at - first.at < 60 and caused * 20 < MOST_WRITES:
            told = Counter(
                (each.verb, each.kind, each.status)
                for each in made
                if first.at <= each.at <= last.at
            )
            words = f"{MOST_WRITES} writes in {last.at - first.at:.0f} s: {told.most_common(2)}"
            return Violation("no loop", first.at, words)
    return None


def _at_rest_nothing_is_written(history: History) -> Iterator[Violation]:
    """At rest: nobody did anything, no pod changed, and no rollout is under way."""
    quiet = _quiet_since(history)
    if quiet is None:
        return
    late = [each for each in history.writes if each.at > quiet + REST and each.status < 400]
    if late and history.end - quiet > 2 * REST:
        told = Counter((each.verb, each.kind) for each in late)
        words = f"{len(late)} writes at rest: {told.most_common(2)}"
        yield Violation("no writes at rest", late[0].at, words)


def _quiet_since(history: History) -> float | None:
    last = history.snapshots[-1]
    if last.live is None or last.role("candidate") or last.status.get("retiring") or last.hindered:
        return None
    acts = [each.at for each in history.acts]
    pods = [
        after.at for before, after in pairwise(history.snapshots) if before.ready != after.ready
    ]
    decided = [unix(each["at"]) for each in decisions(history)]
    return max([history.snapshots[0].at, *acts, *pods, *decided])


def _after_deletion_nothing_is_left(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        if s.live is not None or not s.children:
            return None
        return f"{len(s.children)} children are left: {sorted(s.children)[:3]}"

    for at, told in _lasting(history, wrong, 30.0):
        yield Violation("nothing is left after deletion", at, told)


_SERVES: Final = re.compile(r"Revision (\w+) serves with (\d+) of (\d+) pods")
_READY: Final = re.compile(r"(\d+) of (\d+) pods are ready")
_AFTER: Final = re.compile(r"(\d+) of (\d+) pods are ready after ((?:\d+[hms])+)")
_WEIGHT: Final = re.compile(r"Revision (\w+): (?:step \d+ of \d+, )?weight ([\d.]+)%")


def _the_sentence_is_true(history: History) -> Iterator[Violation]:
    def wrong(s: Snapshot) -> str | None:
        message = s.status.get("message", "")
        if s.hindered & {"operator", "status", "API server", "watch"}:
            return None
        if found := _SERVES.search(message):
            revision, ready, replicas = found[1], int(found[2]), int(found[3])
            if (s.ready.get(revision, 0), s.replicas) != (ready, replicas):
                now = f"{s.ready.get(revision, 0)} of {s.replicas}"
                return f"it says {message!r} where it is {now}"
        candidate = s.role("candidate")
        found = _WEIGHT.search(message) if candidate else None
        if found and float(found[2]) != candidate["weight"]["wanted"]:
            return f"it says {message!r} where {candidate['weight']['wanted']}% is wanted"
        return None

    # a sentence may be as old as the operator may leave unsaid what decides nothing
    for at, told in _lasting(history, wrong, REACTION):
        if not _awaits_retry(history, at):
            yield Violation("the status message is correct", at, told)
    yield from _missing_for_as_long_as_told(history)


def _awaits_retry(history: History, moment: float) -> bool:
    """Whether the first status that was written after a moment came with the retry of a refused
    one: nothing tells the operator that what refused it has ended."""
    written = next((at for at in _statuses(history, _GRANTED) if at > moment), history.end)
    refused = (at for at in _statuses(history, _REFUSED) if at <= moment)
    return any(written - at <= RETRIED_WITHIN for at in refused)


def _statuses(history: History, answers: Container[int]) -> Iterator[float]:
    """When statuses were sent that were answered so."""
    return (each.at for each in history.writes if each.sub == "status" and each.status in answers)


def _missing_for_as_long_as_told(history: History) -> Iterator[Violation]:
    """`N of M pods are ready after 10m`: they were missing for these ten minutes."""
    for each in decisions(history):
        found = _AFTER.search(each["message"])
        if found is None or each["reason"] != "ProgressDeadlineExceeded":
            continue
        at, needed, lasts = unix(each["at"]), int(found[2]), _seconds(found[3])
        # the operator sees pods a moment after they changed
        enough = [
            snapshot.at
            for snapshot, until in history.spans()
            if until > at - lasts + REACTION
            and snapshot.at < at - 1
            and snapshot.ready.get(each["revision"], 0) >= needed
        ]
        if enough:
            ago = f"{at - max(enough):.0f} s before, all of them were"
            words = f"it says {found[0]!r} of {each['revision']}, and {ago}"
            yield Violation("the status message is correct", at, words)


def _counts_from_when_it_is_served(history: History) -> Iterator[Violation]:
    """A weight counts only from when the gateway has it."""
    seen: set[str] = set()
    for snapshot in history.snapshots:
        candidate = snapshot.role("candidate")
        since = candidate.get("effectiveSince")
        compared = candidate.get("stage") in COMPARED
        if not since or since in seen or not snapshot.gateway or not compared:
            continue
        seen.add(since)
        wanted = candidate["weight"]["wanted"]
        # the moment is told to the millisecond, in which more may have happened
        then = [
            each.split.get(candidate["revision"], 0.0)
            for each, until in history.spans()
            if each.at <= unix(since) + 0.001 and until >= unix(since) - 0.001 and each.split
        ]
        if then and all(abs(given - wanted) > 0.5 for given in then):
            given = then[-1]
            words = f"{wanted:g}% counts from a moment at which the gateway gives {given:g}%"
            yield Violation("a step starts once its weight is served", unix(since), words)


def _a_pause_holds(history: History) -> Iterator[Violation]:
    """While spec.rollout.paused is true nobody but a person gives a candidate more traffic."""
    since: float | None = None
    spans: list[tuple[float, float]] = []
    for snapshot, until in history.spans():
        if (snapshot.spec.get("rollout") or {}).get("paused"):
            since = snapshot.at if since is None else since
            if since is not None:
                spans = [*(s for s in spans if s[0] != since), (since, until)]
        else:
            since = None
    for each in decisions(history):
        at = unix(each["at"])
        by_hand = [a for a in history.acts if at - REACTION <= a.at <= at and _forces(a)]
        if each["reason"] not in ("WeightRaised", "Promoting", "Promoted") or by_hand:
            continue
        if any(begin + 1 < at <= end for begin, end in spans) and not _needs_no_pause(
            history, at, each
        ):
            words = f"{each['reason']} of {each['revision']} in a pause: {each['message'][:80]}"
            yield Violation("a pause holds", at, words)


def _forces(act: Act) -> bool:
    return act.words.split("/")[0] in ("promote", "advance", "undo", "resumes")


def _needs_no_pause(history: History, at: float, decision: Manifest) -> bool:
    """A first deployment, an undo and a promotion by hand have no steps to be held at."""
    then = history.at(at - 0.001)
    if then.role("candidate").get("stage") in (Stage.FIRST, Stage.RETURNING):
        return True
    promoted = f"promote/{decision['revision']}"
    return any(act.words.startswith(promoted) for act in history.acts if act.at <= at)


def _the_bad_lose_traffic(history: History) -> Iterator[Violation]:
    for how, longest in BAD_WITHIN.items():

        def wrong(s: Snapshot, how: str = how) -> str | None:
            if s.hindered - {"status"} or s.live is None:
                return None
            candidate = s.role("candidate")
            if candidate.get("stage") not in COMPARED or s.bad.get(candidate["revision"]) != how:
                return None
            share = s.split.get(candidate["revision"], 0.0)
            if not s.role("stable") or s.bad.get(s.revision("stable") or ""):
                return None
            # a container that is not ready at this very moment will be again
            if how in ("dies", "flaps") or share > 0:
                return f"{candidate['revision']} {how}, and is a candidate with traffic"
            return None

        for at, told in _lasting(history, wrong, longest):
            yield Violation("bad candidates lose traffic", at, told)


_AGAINST_A_CANDIDATE: Final = (
    "CheckFailed",
    "CandidateSilent",
    "CandidateMetricsUnusable",
    "ArmsStillDiffer",
)


def _the_good_are_not_rejected(history: History) -> Iterator[Violation]:
    for each in decisions(history):
        if each["reason"] not in _AGAINST_A_CANDIDATE:
            continue
        at = unix(each["at"])
        if not any(s.bad.get(each["revision"]) for s in history.snapshots if s.at <= at):
            words = f"{each['reason']} of {each['revision']}, a good one: {each['message'][:120]}"
            yield Violation("good candidates are not rejected", at, words)


def _unwritable_is_told_otherwise(history: History) -> Iterator[Violation]:
    """A status that is refused time and again shows in an Event or in what the operator exports."""
    for first in islice(_statuses(history, _REFUSED), 1):
        ends = next((at for at in _statuses(history, _GRANTED) if at > first), history.end)
        if ends - first < TOLD_WITHIN:
            continue
        within = first, first + TOLD_WITHIN
        event = any(
            within[0] <= each.at <= ends and each.type == "Warning" and "status" in each.note
            for each in history.told
        )
        export = any(
            within[0] <= at <= ends and _exports_trouble(text) for at, text in history.exposed
        )
        if not event and not export:
            words = f"status writes were refused for {ends - first:.0f} s, and nothing tells of it"
            yield Violation("an unwritable status is reported elsewhere", first, words)


def _exports_trouble(text: str) -> bool:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return any(
        re.match(r"serinus_\w*(refused|errors|failures)\w*(\{.*\})? [1-9]", line) for line in lines
    )


def _an_autoscaler_can_select_the_pods(history: History) -> Iterator[Violation]:
    for snapshot in history.snapshots:
        if snapshot.live is None or not snapshot.status:
            continue
        name, found = snapshot.live["metadata"]["name"], snapshot.status.get("selector")
        if found != f"{NAME_LABEL}={name}":
            words = f"status.selector is {found!r}"
            yield Violation("an autoscaler can select the pods", snapshot.at, words)
            return


def _no_status_is_refused(history: History) -> Iterator[Violation]:
    """Nothing but a fault keeps the API server from taking a status: it fits the schema."""
    for each in history.writes:
        if each.sub != "status" or each.status not in (400, 413, 422):
            continue
        if not history.at(each.at).hindered & {"status", "API server"}:
            words = f"the API server refuses the status with {each.status}"
            yield Violation("no status is refused", each.at, words)
            return


def _no_crash(history: History) -> Iterator[Violation]:
    for told in dict.fromkeys(history.crashes):
        yield Violation("no unexpected exception", history.end, told[:300])


def _stages_follow_the_table(history: History) -> Iterator[Violation]:
    for before, after in sorted(history.transitions, key=str):
        if after not in RULES[before].leads_to:
            words = f"{after or 'nothing'} follows {before or 'nothing'}"
            yield Violation("stages follow the table", history.end, words)


def unix(moment: str | float) -> float:
    """RFC 3339 -> Unix seconds."""
    return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else moment


def _seconds(text: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1}
    return float(sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([hms])", text)))


INVARIANTS: Final = (
    Invariant(
        "traffic needs pods",
        f"No revision without a ready pod has traffic for longer than {REACTION:g} s while stable "
        "could take it.",
        _traffic_needs_pods,
    ),
    Invariant(
        "removed pods have no traffic",
        "No request goes to a revision whose pods Serinus removed.",
        _removed_pods_have_no_traffic,
    ),
    Invariant(
        "rejected revisions lose traffic",
        f"A rejected revision has no traffic {REJECTED_WITHIN:g} s after the decision.",
        _the_rejected_lose_traffic,
    ),
    Invariant(
        "other revisions have no traffic",
        "Only stable and the candidate have traffic.",
        _strangers_have_no_traffic,
    ),
    Invariant(
        "the weight is the step's weight",
        "The route never gives a candidate more than the weight of its step.",
        _weight_is_what_is_asked,
    ),
    Invariant(
        "ready pods can serve the weight",
        "The route never gives a candidate more than its ready pods can serve, and twice as much "
        "while others are only added.",
        _weight_can_be_carried,
    ),
    Invariant(
        "each decision happens once",
        "A rollout starts once, ends once, and takes each step once.",
        _each_decision_once,
    ),
    Invariant(
        "each decision has at most one event",
        "There are no more events than decisions.",
        _each_decision_is_told_once,
    ),
    Invariant("no loop", "Decisions and writes have a cause.", _no_loop),
    Invariant(
        "no writes at rest",
        f"Where nothing is under way, nothing is written after {REST:g} s.",
        _at_rest_nothing_is_written,
    ),
    Invariant(
        "nothing is left after deletion",
        "Half a minute after a ModelDeployment is deleted, none of its children exists.",
        _after_deletion_nothing_is_left,
    ),
    Invariant(
        "the status message is correct",
        "The numbers of pods, weights and durations in the status message match the cluster.",
        _the_sentence_is_true,
    ),
    Invariant(
        "a step starts once its weight is served",
        "The time of a step starts no earlier than the gateway serves its weight.",
        _counts_from_when_it_is_served,
    ),
    Invariant(
        "a pause holds",
        "While spec.rollout.paused is true, only a command gives a candidate more traffic.",
        _a_pause_holds,
    ),
    Invariant(
        "bad candidates lose traffic",
        "A candidate that fails its clients loses its traffic: "
        + ", ".join(f"within {t / 60:g} min where it {how}" for how, t in BAD_WITHIN.items())
        + ".",
        _the_bad_lose_traffic,
    ),
    Invariant(
        "good candidates are not rejected",
        "No candidate that serves as well as stable is rolled back by a check.",
        _the_good_are_not_rejected,
    ),
    Invariant(
        "an unwritable status is reported elsewhere",
        f"A status that is refused for {TOLD_WITHIN:g} s shows in an Event or a metric.",
        _unwritable_is_told_otherwise,
    ),
    Invariant(
        "an autoscaler can select the pods",
        "status.selector selects all pods, as the scale subresource requires.",
        _an_autoscaler_can_select_the_pods,
    ),
    Invariant(
        "no status is refused",
        "The schema accepts every status that the operator writes.",
        _no_status_is_refused,
    ),
    Invariant("no unexpected exception", "The operator logs no traceback.", _no_crash),
    Invariant(
        "stages follow the table",
        "A stage of a rollout is followed only by those that docs/architecture.md shows.",
        _stages_follow_the_table,
    ),
)


def violations(history: History) -> list[Violation]:
    """All that did not hold."""
    return [found for each in INVARIANTS for found in each.find(history)]
