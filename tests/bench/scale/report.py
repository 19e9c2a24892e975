"""The figures as tables, beside what was aimed at and what peers reached."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.bench.scale.peers import PEERS

Figures = dict[str, Any]


def report(figures: Figures) -> str:
    """Tables for a person, in Markdown."""
    parts = [_setting(figures["setting"])]
    if at_rest := figures["at_rest"]:
        parts.append(_at_rest(at_rest))
    for rollouts in figures["rollouts"]:
        parts.append(_rollouts(rollouts))
    if upgrades := figures["upgrades"]:
        parts.append(_upgrades(upgrades))
    return "\n\n".join(parts)


def _setting(setting: Figures) -> str:
    return (
        f"{setting['cores']} cores, {setting['fake_nodes']} fake nodes, "
        f"{setting['replicas']} replicas each, {setting['requests_a_second_of_a_pod']:g} "
        f"requests/s a pod of which {setting['share_of_errors']:.1%} fail, scraped every "
        f"{setting['scrape_seconds']} s by a real Prometheus; one errorRate check every "
        f"{setting['analysis']['interval']}. Load is that of the whole machine, which the "
        "control plane shares. Peers: one run each in another harness, see docs/benchmarks.md."
    )


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


def _rollouts(row: Figures) -> str:
    size = row["objects"]
    seconds = [p.seconds_for_500 if size >= 500 else p.seconds_for_200 for p in PEERS]
    of_200 = size == 200
    cpu = [peer.cpu_seconds if of_200 else "" for peer in PEERS]
    rss = [peer.peak_rss_mib if of_200 else "" for peer in PEERS]
    none = [""] * (1 + len(PEERS))
    goal = {200: "60", 500: "120"}.get(size, "")
    sent, served = (
        row["requests_a_rollout_by_verb_and_kind"],
        row["served_a_rollout_by_verb_and_kind"],
    )
    first = _table(
        [f"{size} new revisions at once", "Serinus", "goal", *(peer.name for peer in PEERS)],
        [
            ["seconds until all are promoted", row["seconds_until_all_promoted"], goal, *seconds],
            ["seconds of the median", row["seconds_of_the_median"], *none],
            ["API requests a rollout", row["requests_a_rollout"], "25", *_requests()],
            ["Prometheus queries a minute", row["queries_a_minute"], *none],
            ["CPU seconds of the operator", row["cpu_seconds"], "", *cpu],
            ["peak RSS, MiB", row["peak_rss_mib"], "", *rss],
            ["load of the machine", f"{row['load']:.1f}", *none],
        ],
    )
    second = _table(
        [f"Requests a rollout, of {size}", "sent", "served to all"],
        [[which, count, served[which]] for which, count in sent.items()],
    )
    return f"{first}\n\n{second}"


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


def _told(counts: dict[str, float]) -> str:
    return ", ".join(f"{count:g} {which}" for which, count in counts.items()) or "none"


def _sum(counts: dict[str, float]) -> float:
    return round(sum(counts.values()), 1)


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
