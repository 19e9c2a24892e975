"""predictionDrift: what the model predicts, class by class and score range by score range."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from serinus.api.baseline import INDEPENDENT, CheckBaseline
from serinus.api.checks import Counter
from serinus.api.checks.prediction_drift import PASSES_WITHIN, PredictionDrift
from serinus.api.quantities import fraction
from serinus.api.status import CheckState, Comparison, Verdict
from serinus.judge.checks import stability_index
from serinus.judge.checks.stability_index import is_index, name_of, source_of
from serinus.judge.evidence import comparison, unlike_pods
from serinus.judge.evidence.comparison import (
    Gains,
    Policy,
    Scale,
    allowed,
    among_pods,
    at_least,
    begun,
    expected_next,
    expected_share,
    in_rollout,
    variation,
)
from serinus.judge.evidence.dispersion import ArmBlock, Counts, Minute, dispersion, estimated
from serinus.judge.evidence.history import of_each_pod
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, log_sum
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.evidence.matchers import labelled_nowhere
from serinus.judge.evidence.pods import scraped
from serinus.judge.evidence.shift import SHIFT, Shift
from serinus.judge.evidence.stability import alone, ratio_within
from serinus.judge.evidence.stable_pods import suspects, unknown
from serinus.judge.findings.finding import Figures, Finding, Later
from serinus.judge.findings.matchers import LabelNowhere
from serinus.judge.findings.prediction_drift import (
    NothingPredicted,
    PodsNotCompared,
    PredictionShares,
    StabilityIndex,
    StablePodPredicts,
    TooManyShares,
    Unsortable,
)
from serinus.judge.findings.rates import Conclusion, EventCount, Forecast, ShownBetter, ShownWorse
from serinus.judge.findings.readings import Several
from serinus.metrics.queries import CounterQuery
from serinus.metrics.shares import Share, Shares, of_classes, of_scores
from serinus.metrics.strata import BothArms, Stratum, divided

DEFAULT_SCORES = "model_prediction_score"
DEFAULT_CLASSES = Counter(metric="model_predictions_total")
MOST_SHARES = 127
"""What the status has room for."""
SCORE, CLASS = "score", "class"
"""The first word of the names of their shares."""
SCORES_ABOVE = f"{SCORE} above "
"""All scores above a bound, which follows."""
UNSEEN = CLASS
"""Name of the comparison that stands for each class that was not seen yet. It only matters for
Pass: so few requests may hide one that is common enough to keep the candidate from passing."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A counter of predictions, and how its series are sorted."""

    name: str
    counters: CounterQuery
    sort: Callable[[BothArms, BothArms], Shares]
    """(predictions, those of which they are a part) -> their shares."""


@dataclass(frozen=True, slots=True)
class _Scales:
    """Of what a block counted."""

    requests: Mapping[str, tuple[float, float]]
    """By source, of candidate and stable."""
    independent: Mapping[str, Scale]
    """By source: of its shares, but for those below."""
    varied: Mapping[str, Scale]
    """By name: of those that varied more than by chance."""

    def of(self, name: str) -> Scale:
        """Of a share whose source was counted."""
        return self.varied.get(name) or self.independent[_source(name)]

    def bursts_of_tails(self, source: str, parts: Container[str]) -> float:
        """How much more than by chance the sums of some parts of a source varied."""
        tails = [
            scale.bursts
            for name, scale in self.varied.items()
            if _source(name) == source and name not in parts
        ]
        return max(tails, default=1.0)


class PredictionDriftCheck:
    """The share of each class and score range, candidate against stable, in both directions.

    Fail: the mean over all of them, and over all scores up to and above each bound; or the index of
    all classes, or of all ranges. Pass: each class and each range is shown to be within the margin.
    """

    def __init__(self, settings: PredictionDrift) -> None:
        self._psi, absolute = settings.psi, fraction(settings.absolute_margin)
        self._class_label = settings.class_label
        if settings.psi is not None:
            self._policy = stability_index.policy(settings.psi, absolute)
        else:
            self._policy = Policy(
                NullHypothesis(settings.tolerance, fraction(settings.absolute_tolerance)),
                NullHypothesis(settings.margin, absolute),
                SHIFTED,
            )
        self._alike = self._policy.tolerance
        if settings.psi is not None:
            self._alike = NullHypothesis(ratio_within(settings.psi), absolute)
        self._any_source_will_do = settings.scores is None and settings.classes is None
        scores = DEFAULT_SCORES if self._any_source_will_do else settings.scores
        classes = DEFAULT_CLASSES if self._any_source_will_do else settings.classes
        self._sources: list[_Source] = []
        if scores:
            self._sources.append(
                _Source(SCORE, CounterQuery(f"{scores}_bucket", buckets=True), of_scores)
            )
        if classes:
            counters = CounterQuery(classes.metric, tuple(classes.matchers))
            label = self._class_label
            self._sources.append(_Source(CLASS, counters, lambda part, _: of_classes(part, label)))

    def queries(self) -> tuple[CounterQuery, ...]:
        return tuple(source.counters for source in self._sources)

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        found: dict[str, Shares] = {}
        errors: list[Figures] = []
        missing: list[Figures] = []
        for source in self._sources:
            if problem := look.unreadable((source.counters,)):
                errors.append(problem)
            elif absent := look.missing(source.counters):
                missing.append(absent)
            elif unsorted := self._unsorted(source, look):
                (missing if self._any_source_will_do else errors).append(unsorted)
            elif all(grown.increases for grown in look.growth(source.counters)):
                try:
                    whole = look.growth(source.counters)
                    shares = source.sort(whole, whole)
                except ValueError as error:
                    errors.append(Unsortable(source.counters.metric, str(error)))
                else:
                    if source.name in state.candidate or self._in_use(shares):
                        found[source.name] = shares
        if too_many := _too_many(state, found):
            errors.append(too_many)
        elif found:
            before = state

            def counted(each: Look) -> CheckState:
                shares = found if each is look else self._sorted(each, found)
                return self._counted(before, shares, each, budget)

            state = comparison.looked(before, look, counted)
            state = self._pods_compared(state, found, look)
        verdict = comparison.verdict(state, budget)
        if verdict == "Fail" and (suspects(state) or unknown(state)):
            verdict = "Inconclusive"
        if errors and verdict != "Fail":
            return Finding("Error", Several(tuple(dict.fromkeys(errors))), state)
        enough = self._any_source_will_do and len(missing) < len(self._sources)
        if missing and not enough and verdict != "Fail":
            return Finding("NoData", Several(tuple(missing), self._any_source_will_do), state)
        figures = Later(partial(self._figures, verdict, state, look, budget))
        return Finding(verdict, figures, state)

    def _unsorted(self, source: _Source, look: Look) -> LabelNowhere | None:
        """Whether stable's predictions have no class: none could then be more common."""
        if source.name != CLASS:
            return None
        _, stable = look.growth(source.counters)
        return labelled_nowhere(
            source.counters, "stable", stable, self._class_label, "predictionDrift.classLabel"
        )

    def learn(self, history: Sequence[Look]) -> CheckBaseline:
        """How each class and score range of stable's varied."""
        blocks = [block for source in self._sources for block in _by_share(source, history)]
        names = sorted({name for block in blocks for name in block})
        return estimated(
            dispersion(
                name,
                [block[name] for block in blocks if name in block],
                rare=False,
                both_ways=True,
            )
            for name in names[:MOST_SHARES]
        )

    def within(self, look: Look) -> Mapping[Stratum, Mapping[str, Counts]]:
        """Stable's predictions of each class and score range, in each stratum."""
        counted = [each for each in self._sources if look.growth(each.counters)[1].increases]
        found = self._sorted(look, [each.name for each in counted])
        strata = divided(look.stratify, [look.growth(each.counters) for each in counted])
        return {
            stratum: {
                name: (shares.total.stable, share.stable)
                for shares in of_sources.values()
                for name, share in shares.by_name.items()
            }
            for stratum, of_sources in zip(strata, self._strata(found, look), strict=True)
        }

    def _sorted(self, look: Look, sources: Container[str]) -> dict[str, Shares]:
        """What was counted, by source."""
        counted = ((each, look.growth(each.counters)) for each in self._sources)
        return {
            source.name: source.sort(both, both)
            for source, both in counted
            if source.name in sources
        }

    def _in_use(self, shares: Shares) -> bool:
        """A metric that nobody named may be exported and yet stay empty; Pass must not wait for
        it."""
        named = not self._any_source_will_do
        return named or (shares.total.candidate > 0 and shares.total.stable > 0)

    def _counted(
        self, state: CheckState, found: Mapping[str, Shares], look: Look, budget: ErrorBudget
    ) -> CheckState:
        """Weights are set before the data that they weigh: what appears in this block is only
        weighed against the candidate from the next one on."""
        shares = {name: share for each in found.values() for name, share in each.by_name.items()}
        if CLASS in found:
            state = _with_unseen(state)
        expected = _expected(state)
        state, appeared = self._begun(state, shares)
        state = comparison.served(
            state,
            {source: each.total.candidate for source, each in found.items()},
            {source: each.total.stable for source, each in found.items()},
            SHIFTED,
        )
        weighed = list(state.comparisons)
        for stratum in self._strata(found, look):
            totals = {source: each.total for source, each in stratum.items()}
            requests = {source: (of.candidate, of.stable) for source, of in totals.items()}
            scales = self._scales(requests, state, look)
            shares = {n: share for each in stratum.values() for n, share in each.by_name.items()}
            weighed = self._weighed(weighed, scales, shares, expected)
            appeared = self._weighed(appeared, scales, shares, expected)
        if any(each.total.candidate or each.total.stable for each in found.values()):
            usual = in_rollout(INDEPENDENT, state).over_time
            of_stable = [_of_stable(each.name, found, look, usual) for each in weighed]
            state = comparison.weighed_by_arm(
                state, weighed, weighed, of_stable, budget, at=look.at
            )
        return comparison.compare(state, appeared, SHIFTED, both_ways=True)

    def _pods_compared(
        self, state: CheckState, found: Mapping[str, Shares], look: Look
    ) -> CheckState:
        """The state after stable's pods are compared with each other."""
        if look.stratify and not look.chosen:  # they may get other mixes by intent
            return state
        sources = [source for source in self._sources if source.name in found]
        there = {pod for each in sources for pod in scraped(look.growth(each.counters)[1])}
        names = sum(len(each.by_name) for each in found.values())
        pods = unlike_pods.compared_pods(state, there, names)
        block: dict[str, dict[str, float]] = {pod: {} for pod in pods}
        for source in sources:
            _add_by_pod(block, source, look.growth(source.counters))
        rules = self._between_pods(state, look, len(block))
        return unlike_pods.weighed(state, rules, block, look.at, look.since)

    def _between_pods(self, state: CheckState, look: Look, pods: int) -> unlike_pods.Rules:
        """As far as pods were seen to differ before the rollout, up to the margin, they may."""
        swings = min(in_rollout(INDEPENDENT, state).over_time, unlike_pods.MOST_SWINGS)
        most = max(self._policy.margin.ratio, self._alike.ratio)

        def rule(share: str) -> unlike_pods.Rule:
            varied = at_least(look.baseline.of(share), swings)
            widened = among_pods(self._alike, varied, (1, pods - 1))
            bounded = replace(widened, ratio=min(widened.ratio, most))
            return unlike_pods.Rule(bounded, varied.over_time)

        return rule

    def _begun(
        self, state: CheckState, shares: Mapping[str, Share]
    ) -> tuple[CheckState, list[Comparison]]:
        """The state with the comparisons that start now, and those of what appeared in this block,
        which are weighed against the candidate from the next one on."""
        new = _new(state, shares)
        if self._psi is not None:
            # tails are sums of ranges, of which index and Pass know
            parts = [each for each in new if not shares[each.name].tail]
            there = {each.name for each in state.comparisons}
            wanted = {name_of(_source(each.name)) for each in parts} - there
            indices = [begun(name, can_pass=False) for name in sorted(wanted)]
            state = comparison.compare(state, indices, SHIFTED)
            return state.replace(comparisons=[*state.comparisons, *parts]), []
        known = [each for each in new if shares[each.name].known]
        if len(_exceeded(known)) > 1 and not _of_shift(state.comparisons):
            known.append(begun(SHIFT, can_pass=False))
        appeared = [each for each in new if not shares[each.name].known]
        return comparison.compare(state, known, SHIFTED, both_ways=True), appeared

    def _weighed(
        self,
        comparisons: Sequence[Comparison],
        scales: _Scales,
        shares: Mapping[str, Share],
        expected: Mapping[str, float],
    ) -> list[Comparison]:
        weighed = [_weighed(each, scales, shares, expected.get(each.name)) for each in comparisons]
        counts = {name: (share.candidate, share.stable) for name, share in shares.items()}
        if self._psi is not None:
            return [
                stability_index.weighed(
                    each, self._gains_of(each, comparisons, scales, counts, expected)
                )
                if is_index(each)
                else each
                for each in weighed
            ]
        shift = self._shift(comparisons, scales, counts, expected)
        return [shift.weigh(each) if each.name == SHIFT else each for each in weighed]

    def _gains_of(
        self,
        known: Comparison,
        comparisons: Sequence[Comparison],
        scales: _Scales,
        counts: Mapping[str, tuple[float, float]],
        expected: Mapping[str, float],
    ) -> list[float]:
        """Of an index."""
        if source_of(known) not in scales.requests:
            return [0.0] * len(known.above)
        parts = _parts(source_of(known), comparisons)
        block = {
            each.name: scales.of(each.name).exceeding(
                each, *counts.get(each.name, (0.0, 0.0)), expected[each.name]
            )
            for each in parts
            if each.name in expected
        }
        requests = scales.requests[source_of(known)]
        together = scales.bursts_of_tails(source_of(known), {each.name for each in parts})
        return stability_index.gains(self._psi or 0.0, parts, block, requests, together)

    def _shift(
        self,
        comparisons: Sequence[Comparison],
        scales: _Scales,
        counts: Mapping[str, tuple[float, float]],
        expected: Mapping[str, float],
    ) -> Shift:
        """Of scores; without bounds if they were not counted."""
        bounds = [
            scales.of(each.name).exceeding(each, *counts[each.name], expected[each.name])
            for each in _exceeded(comparisons)
            if each.name in counts and each.name in expected
        ]
        requests = scales.requests.get(SCORE, (0.0, 0.0))
        return Shift(self._policy.tolerance.offset, SHIFTED, requests, bounds)

    def _strata(self, found: Mapping[str, Shares], look: Look) -> Sequence[Mapping[str, Shares]]:
        """By source, the shares of each stratum of what was found."""
        if not look.stratify:
            return [found]
        sources = [source for source in self._sources if source.name in found]
        wholes = [look.growth(source.counters) for source in sources]
        return [
            {
                source.name: source.sort(part, whole)
                for source, part, whole in zip(sources, stratum, wholes, strict=True)
            }
            for stratum in look.strata(*wholes)
        ]

    def _scales(
        self, requests: Mapping[str, tuple[float, float]], state: CheckState, look: Look
    ) -> _Scales:
        """For sources that counted so many of candidate and stable."""
        scale = partial(Scale, self._policy, both_ways=True)
        usual = in_rollout(INDEPENDENT, state)
        independent = {source: scale(*counted, usual) for source, counted in requests.items()}
        serving = {source: look.pods(self._counters(source)) for source in requests}
        varied = {
            each.name: scale_of.varied(at_least(each, usual.over_time), serving[source])
            for each in look.baseline.dispersions
            if (scale_of := independent.get(source := _source(each.name)))
        }
        return _Scales(requests, independent, varied)

    def _counters(self, source: str) -> CounterQuery:
        return next(one.counters for one in self._sources if one.name == source)

    def _figures(
        self, verdict: Verdict, state: CheckState, look: Look, budget: ErrorBudget
    ) -> PredictionShares | NothingPredicted:
        shown = comparison.counts_of(state, verdict)
        each = _worst(shown) if verdict == "Fail" else _most_different(shown)
        if each is None:
            return NothingPredicted("stable" if any(shown.candidate.values()) else "candidate")
        source, tolerance = _source(each.name), self._policy.tolerance
        hour = look.baseline.of(each.name)
        varied = in_rollout(hour, state)
        there = look.pods_there(self._counters(source))
        of_stable = variation(each.name, each, tolerance, hour, state, there)
        if self._psi is not None:
            of_stable = replace(of_stable, times="each share is tolerated on top of the PSI")
        return PredictionShares(
            name=each.name,
            candidate=EventCount(each.candidate, shown.candidate[source]),
            stable=EventCount(each.stable, shown.stable[source]),
            tolerance=allowed(among_pods(tolerance, varied, there)),
            margin=allowed(self._policy.margin),
            conclusion=self._conclusion(verdict, state, each, look, budget),
            variation=of_stable,
            stratify=look.stratify,
            index=self._measured(shown, each),
            waits_for=self._waits_for(state, look, budget),
        )

    def _waits_for(
        self, state: CheckState, look: Look, budget: ErrorBudget
    ) -> StablePodPredicts | PodsNotCompared | None:
        for each in suspects(state):
            own = EventCount(each.events, each.requests)
            others = EventCount(each.other_events, each.other_requests)
            rule = self._between_pods(state, look, len(state.stable_pods))(each.share)
            return StablePodPredicts(
                each.name, each.share, own, others, allowed(rule.allowed), each.differs
            )
        waits = unknown(state) and comparison.verdict(state, budget) != "Inconclusive"
        return PodsNotCompared() if waits else None

    def _measured(self, shown: CheckState, worst: Comparison) -> StabilityIndex | None:
        if self._psi is None:
            return None
        source = _source(worst.name)
        share = expected_share(worst.stable, shown.stable[source])
        return StabilityIndex(
            measured=stability_index.measured(shown, _parts(source, shown.comparisons), source),
            tolerated=self._psi,
            margin=PASSES_WITHIN * self._psi,
            alone=alone(share, self._psi),
        )

    def _conclusion(
        self,
        verdict: Verdict,
        state: CheckState,
        worst: Comparison,
        look: Look,
        budget: ErrorBudget,
    ) -> Conclusion:
        if verdict == "Fail":
            recent = comparison.recent_counts(state, worst.name, _source(worst.name))
            return ShownWorse(budget.false_rollback, recent=recent)
        if verdict == "Pass":
            return ShownBetter(budget.false_pass, look.share, look.copied)
        return self._forecast(state, look, budget)

    def _forecast(self, state: CheckState, look: Look, budget: ErrorBudget) -> Forecast:
        gained = partial(self._per_request, state, look)
        return comparison.forecast(state, look, budget, gained)

    def _per_request(self, state: CheckState, look: Look) -> list[Gains]:
        """What one more candidate request adds on the average."""
        per_request = {
            source: (1.0, state.stable[source] / n_c if n_c else 0.0)
            for source, n_c in state.candidate.items()
        }
        scales = self._scales(per_request, state, look)
        expected, rates = _expected(state), {}
        for known in state.comparisons:
            n_c = state.candidate.get(_source(known.name), 0.0)
            rates[known.name] = (known.candidate / n_c, known.stable / n_c) if n_c else (0.0, 0.0)
        if self._psi is not None:
            return [
                Gains(self._gains_of(known, state.comparisons, scales, rates, expected), [], [], [])
                if is_index(known)
                else scales.of(known.name).gains(known, *rates[known.name])
                for known in state.comparisons
            ]
        shift = self._shift(state.comparisons, scales, rates, expected)
        return [
            Gains(*shift.gains(known), [], [])
            if known.name == SHIFT
            else scales.of(known.name).gains(known, *rates[known.name], expected.get(known.name))
            for known in state.comparisons
        ]


def _add_by_pod(block: dict[str, dict[str, float]], source: _Source, whole: BothArms) -> None:
    """What each of these pods of stable has counted, of all and of each sort."""
    for target, growth in of_each_pod(whole[1]).items():
        known = block.get(target.partition("@")[0])
        if known is not None:
            shares = source.sort((growth, growth), whole)
            counts = {name: share.stable for name, share in shares.by_name.items()}
            for name, n in {source.name: shares.total.stable, **counts}.items():
                known[name] = known.get(name, 0.0) + n


def _by_share(source: _Source, history: Sequence[Look]) -> Iterator[Mapping[str, Minute]]:
    """For each look of stable's history, by the name of a share: predictions by pod, and those of
    its sort. What the check itself will complain of, once it looks, is left out."""
    for look in history:
        pods: dict[str, Shares] = {}
        for pod, growth in of_each_pod(look.growth(source.counters)[1]).items():
            with suppress(ValueError):
                both = growth, growth
                pods[pod] = source.sort(both, both)
        names = {name for shares in pods.values() for name in shares.by_name}
        yield {
            name: {
                pod: (shares.total.stable, share.stable)
                for pod, shares in pods.items()
                if (share := shares.by_name.get(name) or _absent(name))
            }
            for name in names
        }


def _too_many(state: CheckState, found: Mapping[str, Shares]) -> TooManyShares | None:
    compared = (known for known in state.comparisons if not is_index(known))
    names = {known.name for known in compared} - {UNSEEN, SHIFT}
    names |= {name for shares in found.values() for name in shares.by_name}
    return TooManyShares(len(names), MOST_SHARES) if len(names) > MOST_SHARES else None


def _with_unseen(state: CheckState) -> CheckState:
    if any(known.name == UNSEEN for known in state.comparisons):
        return state
    unseen = begun(UNSEEN, both_ways=True)
    return state.replace(comparisons=[*state.comparisons, unseen])


def _new(state: CheckState, shares: Mapping[str, Share]) -> list[Comparison]:
    """Comparisons to begin. What was shown of all unseen classes was shown of a new one."""
    there = {known.name: known for known in state.comparisons}
    return [
        there[UNSEEN].replace(name=name, swings=None)
        if _source(name) == CLASS
        else begun(name, both_ways=True, can_pass=not share.tail)
        for name, share in shares.items()
        if name not in there
    ]


def _weighed(
    known: Comparison, scales: _Scales, shares: Mapping[str, Share], expected: float | None
) -> Comparison:
    share = shares.get(known.name) or _absent(known.name)
    if share is None or _source(known.name) not in scales.independent:
        return known
    scale = scales.of(known.name)
    return scale.weigh(known, share.candidate, share.stable, expected=expected)


def _expected(state: CheckState) -> dict[str, float]:
    """By name, the share of stable's predictions to expect, where there were any."""
    return {
        each.name: expected_next(each, requests)
        for each in state.comparisons
        if (requests := state.stable.get(_source(each.name)))
    }


def _exceeded(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Those of all scores above a bound, from the lowest bound on."""
    above = {each.name: each for each in comparisons if each.name.startswith(SCORES_ABOVE)}
    return [
        above[name]
        for name in sorted(above, key=lambda name: float(name.removeprefix(SCORES_ABOVE)))
    ]


def _of_shift(comparisons: Iterable[Comparison]) -> bool:
    return any(each.name == SHIFT for each in comparisons)


def _of_stable(name: str, found: Mapping[str, Shares], look: Look, usual: float) -> ArmBlock:
    """What stable counted of a class or score range; `usual`: how all of them varied so far."""
    shares = found.get(_source(name))
    share = shares and (shares.by_name.get(name) or _absent(name))
    if not shares or not share:
        return ArmBlock(0.0, 0.0)
    variance = max(look.baseline.of(name).over_time, usual)
    return ArmBlock(shares.total.stable, share.stable, variance, rare=False)


def _absent(name: str) -> Share | None:
    """A class that is not listed had none; a score range that is not was not measured."""
    return Share(0.0, 0.0, True) if _source(name) == CLASS else None


def _source(name: str) -> str:
    return name.split(" ", 1)[0]


def _parts(source: str, comparisons: Iterable[Comparison]) -> list[Comparison]:
    """All classes, or all ranges of scores."""
    return [each for each in comparisons if _source(each.name) == source and each.name != UNSEEN]


def _worst(state: CheckState) -> Comparison:
    indices = [known for known in state.comparisons if is_index(known)]
    if indices:
        worst = max(indices, key=lambda known: log_sum(known.above))
        source = source_of(worst)
        return stability_index.greatest(state, _parts(source, state.comparisons), source)
    against = [known for known in state.comparisons if known.above and known.name != SHIFT]
    return max(against, key=lambda known: log_sum((*known.above, *known.below)))


def _most_different(state: CheckState) -> Comparison | None:
    """Of the classes and score ranges that Pass depends on; none where an arm predicted nothing."""
    parts = [
        each
        for each in state.comparisons
        if each.not_above and each.name != UNSEEN and _has_both(each, state)
    ]
    return max(parts, key=lambda each: _difference(each, state), default=None)


def _has_both(known: Comparison, state: CheckState) -> bool:
    source = _source(known.name)
    return state.candidate.get(source, 0.0) > 0 and state.stable.get(source, 0.0) > 0


def _difference(known: Comparison, state: CheckState) -> float:
    source = _source(known.name)
    return abs(known.candidate / state.candidate[source] - known.stable / state.stable[source])
