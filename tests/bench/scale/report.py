"""The figures as tables, beside what was aimed at and what peers reached."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from tests.bench.scale.peers import PEERS

Figures = dict[str, Any]


def report(figures: Figures) -> str:
    """Tables for a person, in Markdown."""
    parts = [_setting(figures["setting"])]
    if at_rest := figures["at_rest"]:
        parts.append(_at_rest(at_rest))
    for _, runs in groupby(figures["rollouts"], key=lambda row: row["objects"]):
        parts.append(_rollouts(list(runs)))
    if upgrades := figures["upgrades"]:
        parts.append(_upgrades(upgrades))
    if killed := figures["killed"]:
        parts.append(_killed(killed))
    return "\n\n".join(parts)


def _setting(setting: Figures) -> str:
    return (
        f"{setting['cores']} cores, {setting['fake_nodes']} fake nodes, "
        f"{setting['replicas']} replicas each, {setting['requests_a_second_to_each']:g} "
        f"requests/s to each of which {setting['share_of_errors']:.1%} fail, "
        f"{setting['share_of_errors_if_bad']:.0%} where a candidate is bad, scraped every "
        f"{setting['scrape_seconds']} s by a real Prometheus; one errorRate check every "
        f"{setting['analysis']['interval']}; scaleDownDelay {_delay(setting)}. "
        "Load is that of the whole machine, which the "
        "control plane shares. Peers: one run each in another harness, see docs/benchmarks.md."
    )


def _delay(setting: Figures) -> str:
    delay = setting["scale_down_delay"]
    return "as by default" if delay is None else f"{delay:g} s"


def _at_rest(rows: Sequence[Figures]) -> str:
    kinds = sorted({which for row in rows for which in row["requests_a_minute"]})
    header = ["A minute at rest", *map(_of, rows), "goal"]
    header += [peer.name for peer in PEERS]
    none = [""] * (1 + len(PEERS))
    idle = [peer.idle_requests_a_minute for peer in PEERS]
    return _table(
        header,
        [
            ["requests", *(_sum(row["requests_a_minute"]) for row in rows), "", *idle],
            *(
                [which, *(row["requests_a_minute"].get(which, 0) for row in rows), *none]
                for which in kinds
            ),
            ["Prometheus queries", *(row["queries_a_minute"] for row in rows), *none],
            ["CPU, %", *(row["cpu_percent"] for row in rows), *none],
            ["RSS, MiB", *(row["rss_mib"] for row in rows), "150 at 500", *none[1:]],
            ["peak RSS, MiB", *(row["peak_rss_mib"] for row in rows), *none],
            ["load of the machine", *(f"{row['load']:.1f}" for row in rows), *none],
        ],
    )


def _of(row: Figures) -> str:
    return f"{row['objects']} {'watched' if row.get('watched') else 'objects'}"


def _rollouts(runs: Sequence[Figures]) -> str:
    """Runs of one size: where there are several, each figure is least / median / most."""
    size = runs[0]["objects"]
    seconds = [p.seconds_for_500 if size >= 500 else p.seconds_for_200 for p in PEERS]
    of_200 = size == 200
    cpu = [peer.cpu_seconds if of_200 else "" for peer in PEERS]
    rss = [peer.peak_rss_mib if of_200 else "" for peer in PEERS]
    none = [""] * (1 + len(PEERS))
    goal = {200: "60", 500: "120"}.get(size, "")

    def of(*path: str) -> str:
        return _spread([_at(row, *path) for row in runs])

    first = _table(
        [f"{size} new revisions at once", "Serinus", "goal", *(peer.name for peer in PEERS)],
        [
            ["seconds until all are promoted", of("seconds_until_all_promoted"), goal, *seconds],
            ["seconds of the median", of("seconds_of_the_median"), *none],
            ["seconds until all specs are seen", of("seconds_until_all_seen"), *none],
            [
                "seconds from then until the old pods are gone",
                of("seconds_until_old_pods_are_gone"),
                *none,
            ],
            ["API requests a rollout", of("requests_a_rollout"), "25", *_requests()],
            ["Prometheus queries a minute", of("queries_a_minute"), *none],
            ["CPU seconds of the operator", of("cpu_seconds"), "", *cpu],
            ["peak RSS, MiB", of("peak_rss_mib"), "", *rss],
            ["load of the machine", of("load"), *none],
        ],
    )
    passes, by_component, by_verb, sent, served = (
        "passes_a_rollout",
        "cpu_seconds_a_rollout_by_component",
        "requests_a_rollout_by_verb",
        "requests_a_rollout_by_verb_and_kind",
        "served_a_rollout_by_verb_and_kind",
    )
    tables = (
        first,
        _table(
            [f"CPU seconds a rollout, of {size}", ""],
            [[name, of(by_component, name)] for name in _keys(runs, by_component)],
        ),
        _table(
            [f"Passes a rollout, of {size}, by cause and by what was written", ""],
            [
                ["all", _spread([sum(row[passes].values()) for row in runs])],
                *([which, of(passes, which)] for which in _keys(runs, passes)),
            ],
        ),
        _table(
            [f"Requests a rollout, of {size}", "sent", "served to all"],
            [
                *([verb, of(by_verb, verb), ""] for verb in _keys(runs, by_verb)),
                *([which, of(sent, which), of(served, which)] for which in _keys(runs, sent)),
            ],
        ),
    )
    return "\n\n".join([*_warnings(runs), *tables, *map(_judged, runs)])


def _warnings(runs: Sequence[Figures]) -> Iterator[str]:
    """Runs that tell of the machine more than of the operator."""
    for number, row in enumerate(runs, 1):
        if row["busy"]:
            idle = f"{row['idle_before']:.0%} of the machine was idle before it"
            yield f"BUSY: run {number} of {row['objects']}: only {idle}."


def _judged(row: Figures) -> str:
    """What became of good and of bad candidates."""
    bad, caught, wronged = (
        row[key] for key in ("bad_candidates", "bad_rolled_back", "good_rolled_back")
    )
    right = "as it must be" if (caught, wronged) == (bad, 0) else "WRONG"
    others = row["objects"] - bad
    return f"Rolled back: {caught} of {bad} bad ones, {wronged} of {others} others: {right}."


def _keys(runs: Sequence[Figures], key: str) -> list[str]:
    """Of any of the runs, in the order in which they have them."""
    return list(dict.fromkeys(name for row in runs for name in row[key]))


def _at(row: Figures, *path: str) -> float:
    """A figure, by the keys that lead to it; 0 where a count is missing."""
    *keys, last = path
    for key in keys:
        row = row[key]
    return float(row.get(last, 0)) if keys else float(row[last])


def _spread(values: Sequence[float]) -> str:
    """The one value, or least / median / most."""
    shown = values if len(values) == 1 else (min(values), statistics.median(values), max(values))
    return " / ".join(f"{round(value, 3):g}" for value in shown)


def _requests() -> list[str]:
    return [peer.requests_a_rollout for peer in PEERS]


def _upgrades(rows: Sequence[Figures]) -> str:
    none = [""] * len(PEERS)
    seen = [peer.seen_after_kill for peer in PEERS]
    header = ["An upgrade at rest", *(f"{row['objects']} objects" for row in rows), "goal"]
    return _table(
        [*header, *(peer.name for peer in PEERS)],
        [
            [
                "seconds until a change is seen",
                *(row["seconds_until_a_change_was_seen"] for row in rows),
                "2",
                *seen,
            ],
            ["children written", *(row["children_written"] for row in rows), "0", *none],
            ["rollouts", *(row["rollouts"] for row in rows), "0", *none],
            ["other writes", *(_told(row["writes"]) for row in rows), "the change's", *none],
            ["load of the machine", *(f"{row['load']:.1f}" for row in rows), "", *none],
        ],
    )


def _killed(runs: Sequence[Figures]) -> str:
    sizes = [list(rows) for _, rows in groupby(runs, key=lambda row: row["objects"])]
    changed = f"A SIGKILL at rest, and {runs[0]['changed']} changed objects"

    def row(which: str, key: str) -> list[str]:
        return [which, *(_spread([each[key] for each in rows]) for rows in sizes)]

    return _table(
        [changed, *(f"{rows[0]['objects']} objects" for rows in sizes)],
        [
            row("seconds until the first is seen", "seconds_until_the_first_was_seen"),
            row("seconds until the last is seen", "seconds_until_the_last_was_seen"),
            row("load of the machine", "load"),
        ],
    )


def _told(counts: dict[str, float]) -> str:
    return ", ".join(f"{count:g} {which}" for which, count in counts.items()) or "none"


def _sum(counts: dict[str, float]) -> float:
    return round(sum(counts.values()), 1)


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
