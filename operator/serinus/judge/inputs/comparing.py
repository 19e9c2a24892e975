"""The evidence that the arms are asked differently, and then that they are asked alike."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from serinus.api.monitoring import FeatureDrift
from serinus.api.quantities import fraction
from serinus.api.status import Comparison, InputFeature, Inputs, Unlike
from serinus.judge.drift import feature_queries
from serinus.judge.drift.distribution import Distribution
from serinus.judge.evidence.comparison import Gains, Policy, Scale, allowed
from serinus.judge.evidence.kernel import (
    BETTER,
    Alternative,
    NullHypothesis,
    grown,
    log_sum,
    opened,
    raised,
)
from serinus.judge.findings.inputs import AskedDifferently, PerhapsTheCause
from serinus.judge.findings.rates import EventCount
from serinus.judge.inputs.unanswered import Answers, uncounted
from serinus.judge.inputs.unmatched import Arm, unmatched
from serinus.judge.inputs.values import (
    FEW,
    REMEMBERED,
    Values,
    new_features,
    values_of,
    variance,
    variation,
)
from serinus.metrics.counters import Growth, Reading
from serinus.metrics.queries import CounterQuery

UNLIKE: Final[tuple[Alternative, ...]] = ((1.6, 0.5), (3.0, 0.5))
"""How much more common a share may be in one arm, as multiples of what is tolerated."""
MOST_GAIN: Final = 2.0
"""What one look may add to ln of the evidence."""
ALLOWED_FOR: Final = 1.5
"""Times the variation seen that is allowed for: few looks may show too little of it."""
MOST_WORTH: Final = 5.0
"""ln of the bet's worth, beyond which it does not grow."""
ENOUGH_LOST: Final = 0.5
"""How much ln of the bet's worth must have fallen since it last rose before verdicts count."""
MOST_LOST: Final = 2.5
"""The same for verdicts about what follows the inputs, as predictions do: they often show the
difference sooner than the inputs themselves. More is not remembered."""
LATELY: Final = 40
"""Looks after which values are forgotten, on the average, by which a verdict is doubted."""
SUSPECT_FOR: Final = 120.0
"""Seconds after the last values of both arms for which verdicts wait."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One feature's values in a block that are compared."""

    scale: Scale
    """Of independent values."""
    variation: float
    """How much more than independent values they were seen to vary: what gains are divided by."""
    allowance: float
    """How many times as much they may; infinite: not known yet."""
    totals: tuple[float, float]
    """Of candidate and stable."""
    uncounted: float
    """Values that the candidate may have got with requests that it failed, of which nothing is
    known."""
    candidate: Mapping[str, float]
    """By share."""
    stable: Mapping[str, float]

    def gains(self, known: Comparison) -> Gains:
        """What a share gains; `known` has the questions. What is unknown speaks for no difference:
        of values of the share if it seems to be rarer in the candidate, else of others."""
        candidate, stable = self.candidate[known.name], self.stable[known.name]
        fewest = gained = self.scale.gains(known, candidate, stable)
        if self.uncounted:
            most = self.scale.gains(known, candidate + self.uncounted, stable)
            gained = Gains(fewest.above, most.below, fewest.not_above, most.not_below)
        return gained.divided(self.variation)


Blocks = Mapping[str, _Block]
"""By feature."""


def is_suspect(known: Inputs | None, at: float, *, follows_inputs: bool) -> bool:
    """Whether the arms may turn out to be asked differently: no look has compared them yet, or
    recent ones do not speak against it.

    `follows_inputs`: what is judged may show the difference sooner than the inputs do.
    """
    if known is None or known.looked_at is None or at - known.looked_at > SUSPECT_FOR:
        return False
    return known.lost < (MOST_LOST if follows_inputs else ENOUGH_LOST)


def in_doubt(known: Inputs, at: float, risk: float) -> Unlike | None:
    """The share that differs most plainly between the arms, though it was not shown to differ by
    more than is tolerated; None: none differs, or those that did were shown to be tolerated.

    `risk`: of the difference of an arm that is asked alike, over all shares.
    """
    if known.unlike or known.tolerated:
        return None
    shares = sum(len(each.shares) for each in known.features)
    found = [
        (square / (ALLOWED_FOR * variation(each)), each, n)
        for each in known.features
        if len(each.variation) >= FEW
        for n, square in enumerate(_differences(each), start=1)
    ]
    square, feature, n = max(found, key=lambda each: each[0], default=(0.0, None, 0))
    if feature is None or square < 2 * math.log(2 * shares / risk):
        return None
    candidate, stable = feature.candidate_lately, feature.stable_lately
    shown = PerhapsTheCause(
        feature.feature,
        feature.shares[n - 1].name,
        EventCount(round(candidate[n]), round(candidate[0])),
        EventCount(round(stable[n]), round(stable[0])),
        risk,
    )
    message = shown.message[:1024]
    return Unlike(feature=feature.feature, message=message, since=at, in_doubt=True)


def _differences(feature: InputFeature) -> list[float]:
    """By share, the square of the standard deviations by which the arms differ lately; 0: too few
    values. What is half forgotten varies less than as many values do, so this errs to the low
    side."""
    candidate, stable = feature.candidate_lately, feature.stable_lately
    if not candidate:
        return []
    pairs = zip(candidate[1:], stable[1:], strict=True)
    return [variance([candidate[0], c], [stable[0], s]) or 0.0 for c, s in pairs]


def compare_inputs(
    known: Inputs | None,
    settings: FeatureDrift,
    arms: tuple[Arm, Arm],
    at: float,
    risks: tuple[float, float],
    answers: Answers | None = None,
) -> Inputs | None:
    """What is known after a look; None: stable exports no features, though it was asked.

    `risks`: of a false alarm over the whole rollout, and of ending a right one. `answers`: of the
    requests in this look; None: nobody counts how many failed.
    """
    asked = feature_queries(settings)
    readings = [[arm.get(query) for query in asked] for arm in arms]
    if any(reading is None for arm in readings for reading in arm):
        return known  # not asked
    if known is None or known.policy != settings.digest:
        known = Inputs(policy=settings.digest, looks=known.looks if known else 0)
    read = [[each for each in arm if isinstance(each, Growth)] for arm in readings]
    if read != readings:
        return known  # not answered
    if not known.features and all(growth.newest is None for growth in read[1]):
        return None if _served(arms[1], asked) and not known.looks else known
    known = _told_what_is_unmatched(known, settings, arms)
    candidate, stable = (values_of(settings, arm) for arm in read)
    blocks = _blocks(known.features, candidate, stable, _policy(settings), answers)
    compared = {name: each for name, each in blocks.items() if min(each.totals) > 0}
    if compared:
        known = _compared(known.replace(looked_at=at), compared, _policy(settings), risks, at)
    elif known.unlike and all(_served(arm, asked) for arm in arms):
        # a candidate that fails every request has no values, and is no more like stable for that
        known = known.replace(looked_at=at)
    varied = [_varied(each, compared.get(each.feature)) for each in known.features]
    remembered = [_remembered(each, blocks.get(each.feature), answers) for each in varied]
    known = known.replace(features=remembered)
    new = new_features(known.features, candidate, stable)
    if new and known.unlike is None:
        # the first look waits for the next one; later ones that compare nothing prolong no wait
        begun = at if known.looked_at is None else known.looked_at
        known = known.replace(features=[*known.features, *new], looked_at=begun)
    return known


def _told_what_is_unmatched(known: Inputs, settings: FeatureDrift, arms: tuple[Arm, Arm]) -> Inputs:
    """While samples wait to be counted, nothing is known."""
    asked = feature_queries(settings)
    waits = not any(isinstance(g := arms[1][q], Growth) and g.increases for q in asked)
    if waits:
        return known
    found = unmatched(settings, arms)
    return known.replace(unmatched=found.message if found else "")


def _served(arm: Mapping[CounterQuery, Reading], without: Collection[CounterQuery]) -> bool:
    """Whether it counted anything else."""
    return any(
        isinstance(growth, Growth) and growth.total > 0
        for query, growth in arm.items()
        if query not in without
    )


def _policy(settings: FeatureDrift) -> Policy:
    tolerated = NullHypothesis(settings.tolerance, fraction(settings.absolute_tolerance))
    return Policy(tolerated, tolerated, UNLIKE)


def _blocks(
    features: Iterable[InputFeature],
    candidate: Values,
    stable: Values,
    policy: Policy,
    answers: Answers | None,
) -> Blocks:
    """Of features of which both arms' values can be sorted alike, also if there are none."""
    found = {}
    for each in features:
        arms = [arm.get(each.feature, Distribution()) for arm in (candidate, stable)]
        totals = arms[0].total, arms[1].total
        try:
            counts = [arm.sorted_into(each.bounds, each.categories) for arm in arms]
        except ValueError:  # a pod has other bounds
            continue
        unknown = totals[0] * _uncounted(each, totals, answers)
        scale = Scale(policy, totals[0] + unknown, totals[1], both_ways=True)
        found[each.feature] = _Block(
            scale,
            variation(each),
            ALLOWED_FOR if len(each.variation) >= FEW else math.inf,
            totals,
            unknown,
            *counts,
        )
    return found


def _varied(feature: InputFeature, block: _Block | None) -> InputFeature:
    """How much stable's shares varied since the last look."""
    if block is None:
        return feature
    values = [block.totals[1], *(block.stable[each.name] for each in feature.shares)]
    if not feature.before:
        return feature.replace(before=values)
    found = variance(feature.before, values)
    variation = [1.0 if found is None else found, *feature.variation]
    return feature.replace(before=values, variation=variation[:REMEMBERED])


def _uncounted(
    feature: InputFeature, totals: tuple[float, float], answers: Answers | None
) -> float:
    """For each value that the candidate has counted: in this look or, if that is more, lately. One
    that begins to fail has failed few of its requests lately, and one of which a gateway counts the
    requests later has failed none in the look."""
    if not (served := _lately(feature.answers_lately, answers or ())):
        return 0.0
    of_candidate, of_stable = feature.candidate_lately[:1], feature.stable_lately[:1]
    [candidate] = _lately(of_candidate, totals[:1])
    [stable] = _lately(of_stable, totals[1:])
    lately = uncounted((candidate, stable), Answers(*served))
    return max(uncounted(totals, answers), lately) if answers else lately


def _remembered(
    feature: InputFeature, block: _Block | None, answers: Answers | None
) -> InputFeature:
    """With the values of this look; those of earlier ones are forgotten by and by. A candidate that
    failed all requests of the look has none."""
    if block is None or not any((*block.totals, *(answers or ()))):
        return feature
    candidate, stable = (
        [total, *(counts[each.name] for each in feature.shares)]
        for total, counts in zip(block.totals, (block.candidate, block.stable), strict=True)
    )
    return feature.replace(
        candidate_lately=_lately(feature.candidate_lately, candidate),
        stable_lately=_lately(feature.stable_lately, stable),
        answers_lately=_lately(feature.answers_lately, answers or ()),
    )


def _lately(before: Sequence[float], new: Sequence[float]) -> list[float]:
    """With those of a look; of earlier ones a part."""
    if not before or not new:
        return list(new or before)
    kept = 1 - 1 / LATELY
    return [round(kept * b + n, 1) for b, n in zip(before, new, strict=True)]


def _compared(
    known: Inputs, blocks: Blocks, policy: Policy, risks: tuple[float, float], at: float
) -> Inputs:
    false_alarm, false_end = risks
    if (unlike := known.unlike) is not None:
        known = _until_alike(known, unlike, blocks, false_end, at)
        if known.unlike is None or not unlike.in_doubt:
            return known
    known = _weighed(known, blocks)
    if known.evidence * false_alarm < 1:
        return known
    looked_at = (each for each in known.features if each.feature in blocks)
    feature = max(looked_at, key=lambda each: _worth([each]))
    worst = max(feature.shares, key=_of_share)
    shown = AskedDifferently(
        feature.feature,
        worst.name,
        EventCount(worst.candidate, feature.candidate),
        EventCount(worst.stable, feature.stable),
        allowed(policy.tolerance),
        false_alarm,
    )
    return known.replace(
        unlike=Unlike(feature=feature.feature, message=shown.message[:1024], since=at),
        evidence=0.0,
        features=[_dropped(each) for each in known.features],
    )


def _weighed(known: Inputs, blocks: Blocks) -> Inputs:
    """After a look: what the bet on all shares has gained, and the evidence by it."""
    weight = _weight(known.looks + 1)
    laid = weight / (2 * sum(len(each.shares) for each in known.features))
    before = [_laid(each, laid) for each in known.features]
    after = [
        _counted(each, blocks[each.feature]) if each.feature in blocks else each for each in before
    ]
    worth = _worth(after)
    gained = worth - _worth(before)
    shown = gained / max(block.allowance for block in blocks.values())
    evidence = (known.evidence + weight) * math.exp(min(shown, MOST_GAIN))
    beyond = max(worth - MOST_WORTH, 0.0)
    return known.replace(
        looks=known.looks + 1,
        lost=min(max(known.lost - gained, 0.0), MOST_LOST),
        evidence=evidence,
        features=[_lowered(each, beyond) for each in after] if beyond else after,
    )


def _lowered(feature: InputFeature, by: float) -> InputFeature:
    shares = [
        each.replace(
            above=[log_e - by for log_e in each.above], below=[log_e - by for log_e in each.below]
        )
        for each in feature.shares
    ]
    return feature.replace(shares=shares)


def _laid(feature: InputFeature, weight: float) -> InputFeature:
    """With more weight on each share and direction. Counts begin again where what earlier looks
    left is less than that: they no longer matter."""
    least = math.log(2 * len(feature.shares) * weight)
    fresh = not any(each.above for each in feature.shares) or _worth([feature]) < least
    forgotten = {"candidate": 0.0, "stable": 0.0} if fresh else {}
    shares = [
        each.replace(
            above=raised(each.above, UNLIKE, weight) if each.above else opened(UNLIKE, weight),
            below=raised(each.below, UNLIKE, weight) if each.below else opened(UNLIKE, weight),
            **forgotten,
        )
        for each in feature.shares
    ]
    return feature.replace(shares=shares, **forgotten)


def _counted(feature: InputFeature, block: _Block) -> InputFeature:
    shares = []
    for each in feature.shares:
        gained = block.gains(each)
        shares.append(
            each.replace(
                above=grown(each.above, gained.above),
                below=grown(each.below, gained.below),
                candidate=each.candidate + block.candidate[each.name],
                stable=each.stable + block.stable[each.name],
            )
        )
    candidate, stable = block.totals
    return feature.replace(
        shares=shares, candidate=feature.candidate + candidate, stable=feature.stable + stable
    )


def _until_alike(
    known: Inputs, unlike: Unlike, blocks: Blocks, false_end: float, at: float
) -> Inputs:
    """Each share of the feature must be shown to be tolerated; evidence of the time before is
    outweighed as weight is laid anew."""
    block = blocks.get(unlike.feature)
    if block is None:
        return known
    looks = unlike.looks + 1
    features = [
        each.replace(shares=[_towards_alike(share, block, looks) for share in each.shares])
        if each.feature == unlike.feature
        else each
        for each in known.features
    ]
    shown = [
        log_sum(evidence) >= -math.log(false_end)
        for each in features
        if each.feature == unlike.feature
        for share in each.shares
        for evidence in (share.not_above, share.not_below)
    ]
    if not all(shown):
        since = at if unlike.since is None else unlike.since  # of a status without it
        return known.replace(unlike=unlike.replace(looks=looks, since=since), features=features)
    return known.replace(
        unlike=None,
        tolerated=known.tolerated or unlike.in_doubt,
        features=[_dropped(each) for each in features],
    )


def _towards_alike(known: Comparison, block: _Block, looks: int) -> Comparison:
    fresh, laid = opened(BETTER, _weight(looks)), _weight(looks)
    begun = known.replace(
        not_above=raised(known.not_above, BETTER, laid) if known.not_above else fresh,
        not_below=raised(known.not_below, BETTER, laid) if known.not_below else fresh,
    )
    gained = block.gains(begun).divided(ALLOWED_FOR)
    return begun.replace(
        not_above=grown(begun.not_above, gained.not_above),
        not_below=grown(begun.not_below, gained.not_below),
    )


def _dropped(feature: InputFeature) -> InputFeature:
    """Without evidence and counts."""
    shares = [Comparison(name=each.name) for each in feature.shares]
    return feature.replace(
        shares=shares,
        candidate=0.0,
        stable=0.0,
        candidate_lately=[],
        stable_lately=[],
        answers_lately=[],
    )


def _worth(features: Iterable[InputFeature]) -> float:
    """ln of what the bet that the arms differ is worth."""
    found = [e for each in features for s in each.shares for e in (*s.above, *s.below)]
    return log_sum(found) if found else -math.inf


def _of_share(share: Comparison) -> float:
    return log_sum([*share.above, *share.below])


def _weight(look: int) -> float:
    """Laid at the k-th look; those of all looks sum to 1."""
    return 1 / (look * (look + 1))
