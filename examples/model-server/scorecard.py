"""The model: a score from 0 to 1 that an application is approved, and the decision."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]

from loans import FEATURES

Rows = NDArray[np.float64]
"""Shape (n, 19): features in the order of FEATURES, NaN where missing."""
Vector = NDArray[np.float64]

ARTEFACT = "model.pkl"


@dataclass(frozen=True)
class Scale:
    """Maps raw scores to the scale of the current scorecard: equal ranks get equal scores.

    So a new model may replace another without moving the cut-offs that depend on its scores
    (score alignment, as lenders do between scorecards). `raw` and `incumbent` are the sorted
    scores of both on the same applications.
    """

    raw: Vector
    incumbent: Vector

    def align(self, scores: Vector) -> Vector:
        return np.interp(scores, self.raw, self.incumbent)


@dataclass(frozen=True)
class Scorecard:
    """A trained model: scikit-learn's estimator, its scale if it was aligned, and the cut-off."""

    version: str
    estimator: Pipeline
    cut: float
    scale: Scale | None = None

    def raw_scores(self, rows: Rows) -> Vector:
        # values are checked once, where they are parsed, and not in each step of the pipeline
        with config_context(assume_finite=True, skip_parameter_validation=True):
            scores: Vector = self.estimator.predict_proba(rows)[:, 1]
        return scores

    def scores(self, rows: Rows) -> Vector:
        """Scores of shape (n,) in [0, 1].

        Raises what the estimator raises for rows that it cannot score.
        """
        raw = self.raw_scores(rows)
        return raw if self.scale is None else self.scale.align(raw)

    def classes(self, scores: Vector) -> list[str]:
        """The decision for each score: approve from the cut-off on."""
        return ["approve" if score >= self.cut else "deny" for score in scores]


def column(feature: str) -> int:
    """Index of a feature in Rows."""
    return FEATURES.index(feature)


def signed_log(values: Rows) -> Rows:
    """Logarithm of the absolute value, with the sign kept, because net worth may be negative."""
    return np.sign(values) * np.log1p(np.abs(values))


def selected(rows: Rows, logged: Sequence[int], kept: Sequence[int]) -> Rows:
    """Columns of rows: the signed logarithm of some, then others as they are."""
    return np.hstack((signed_log(rows[:, logged]), rows[:, kept]))


def save(model: Scorecard, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ARTEFACT
    path.write_bytes(dumps(model))
    return path


def load(folder: Path) -> Scorecard:
    """The model in a folder.

    Raises FileNotFoundError if there is none, and TypeError if the file holds something else.
    """
    return loads((folder / ARTEFACT).read_bytes())


def loads(content: bytes) -> Scorecard:
    """The model in a file's content. Load only your own artifacts: unpickling runs code.

    Raises TypeError if it is something else.
    """
    model = pickle.loads(content)
    if not isinstance(model, Scorecard):
        raise TypeError(f"{ARTEFACT} holds a {type(model).__name__}, not a Scorecard")
    return model


def dumps(model: Scorecard) -> bytes:
    """The content of a model's file."""
    return pickle.dumps(model, protocol=5)
