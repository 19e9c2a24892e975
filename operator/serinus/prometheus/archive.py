"""Reads a time range from Prometheus in pieces, one after another."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, Self

from prometheus_api_client import PrometheusConnect

from serinus.metrics.queries import Series
from serinus.metrics.results import Element, ResponseError, ResponseTooLargeError
from serinus.prometheus.config import Config
from serinus.prometheus.failures import unreadable
from serinus.prometheus.session import Session

_PIECE: Final = 3600.0
_SHORTEST_PIECE: Final = 60.0
_MOST_POINTS: Final = 10_000
"""Samples of a series in one response; Prometheus allows 11,000."""


class Archive(AbstractContextManager["Archive"]):
    """Raises ResponseError, with a message for the user, if something cannot be read."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.labelling = config.labelling
        self._prometheus = PrometheusConnect(config.base, session=Session(config), method="POST")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._prometheus.close()

    def samples(self, selector: str, start: float, end: float) -> list[dict[str, Any]]:
        """The raw samples of all series, as returned by Prometheus; Unix seconds.

        By a range selector, not by a range query, which reads at its own steps.
        """
        pieces = math.ceil((end - start) / _PIECE)
        found: list[Element] = []
        for piece in range(pieces):
            begins = start + piece * _PIECE
            found += self._samples(selector, begins, min(begins + _PIECE, end))
        return _joined(found)

    def values(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The result of a query at each multiple of the step, as returned by Prometheus."""
        found: list[Element] = []
        begins = math.floor(start / step) * step
        while begins <= end:
            ends = min(begins + _MOST_POINTS * step, end)
            found += self._query_range(query, begins, ends, step)
            begins += (_MOST_POINTS + 1) * step
        return _joined(found)

    def _samples(self, selector: str, start: float, end: float) -> list[Element]:
        span = math.ceil(end - start)
        try:
            return self._query(f"{selector}[{span}s]", end)
        except ResponseTooLargeError as error:
            if span <= _SHORTEST_PIECE:
                raise ResponseError(str(error)) from None
        middle = start + span // 2
        return [*self._samples(selector, start, middle), *self._samples(selector, middle, end)]

    def _query(self, text: str, at: float) -> list[Element]:
        return self._asked(
            lambda: self._prometheus.custom_query(
                text, params={"time": f"{at:.3f}", **self._patience}, timeout=self._config.timeout
            )
        )

    def _query_range(self, text: str, start: float, end: float, step: float) -> list[Element]:
        return self._asked(
            lambda: self._prometheus.custom_query_range(
                text,
                datetime.fromtimestamp(start, UTC),
                datetime.fromtimestamp(end, UTC),
                step=f"{step:.3f}",
                params=self._patience,
                timeout=self._config.timeout,
            )
        )

    def _asked(self, ask: Callable[[], list[Element]]) -> list[Element]:
        try:
            return ask()
        except ResponseTooLargeError:
            raise
        except Exception as error:
            raise ResponseError(unreadable(error, self._config).message) from None

    @property
    def _patience(self) -> dict[str, str]:
        return {"timeout": f"{self._config.timeout:.3f}"}


def _joined(pieces: Iterable[Element]) -> list[dict[str, Any]]:
    """Each series once, with its samples in order."""
    samples: dict[frozenset[tuple[str, str]], dict[float, Any]] = {}
    kinds: dict[frozenset[tuple[str, str]], str] = {}
    for piece in pieces:
        if isinstance(piece, Series):
            labels, kind = frozenset(piece.labels.items()), "values"
            found = [(at, _written(value)) for at, value in piece.samples]
        else:
            labels, kind = frozenset(piece["metric"].items()), "histograms"
            found = piece["histograms"]
        kinds[labels] = kind
        samples.setdefault(labels, {}).update(found)
    return [
        {"metric": dict(sorted(labels)), kinds[labels]: [list(one) for one in sorted(read.items())]}
        for labels, read in samples.items()
    ]


def _written(value: float) -> str:
    """The exact format in which Prometheus writes a number."""
    return repr(value).removesuffix(".0")
