"""Scores of a fitted estimator on its training data: computed here, of the estimator's own predictions.

They equal those of `sklearn.metrics` (f1 weighted by class), which need not be loaded for them.
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SLOW_ROWS = 2_000
LIKELY_ROWS = 5_000  # up to so many rows probabilities are predicted too
# Estimators that predict by going through the training data: predicting may take far longer than fitting.
_SLOW = (
    "sklearn.neighbors",
    "sklearn.gaussian_process",
    "sklearn.svm",
    "sklearn.kernel_ridge",
    "sklearn.semi_supervised",
)


def training_scores(estimator: Any, data: Any, target: Any, weights: Any, rows: int) -> dict[str, float]:
    """Return the scores of a classifier, a regressor, or of what has a score of its own; empty when that costs too much.

    At most `rows` rows are predicted, 2,000 where predicting is slow. The random states of Python,
    of numpy and of the estimator's params are as before afterwards.
    """
    if data is None or not 2 <= _length(data) <= (min(rows, SLOW_ROWS) if _is_slow(estimator) else rows):
        return {}
    with _undisturbed(estimator):
        quiet = _quiet(estimator)
        known = task(estimator)
        if target is None or known is None:
            unsupervised = known is None and hasattr(quiet, "score")
            return {"score": float(quiet.score(data, target))} if unsupervised and target is None else {}
        if not hasattr(quiet, "predict"):
            return {}
        return (_classified if known == "classifier" else _regressed)(quiet, data, target, weights)


def task(estimator: Any) -> str | None:
    """Return "classifier" or "regressor", None for what is neither."""
    base = sys.modules["sklearn.base"]
    if base.is_classifier(estimator):
        return "classifier"
    return "regressor" if base.is_regressor(estimator) else None


def _length(data: Any) -> int:
    shape = getattr(data, "shape", None)
    if shape is not None:
        return int(shape[0]) if shape else 0
    return len(data) if hasattr(data, "__len__") else 0


def _is_slow(estimator: Any) -> bool:
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return any(type(part).__module__.startswith(_SLOW) for part in parts)


def _quiet(estimator: Any) -> Any:
    """The estimator, or a shallow copy of one that would print while it predicts."""
    if not getattr(estimator, "verbose", 0):
        return estimator
    quiet = copy.copy(estimator)
    quiet.verbose = 0
    return quiet


@contextmanager
def _undisturbed(estimator: Any) -> Iterator[None]:
    import numpy as np

    python, legacy = random.getstate(), np.random.get_state()
    parts = estimator.get_params(deep=True).values()
    own = [(part, part.get_state()) for part in parts if isinstance(part, np.random.RandomState)]
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        for source, state in own:
            source.set_state(state)


def _classified(estimator: Any, data: Any, target: Any, weights: Any) -> dict[str, float]:
    import numpy as np

    truth = np.asarray(target)
    if truth.ndim != 1:
        return {}
    weight = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=float)
    predicted = np.asarray(estimator.predict(data))
    scores = {
        "accuracy": float(np.average(truth == predicted, weights=weight)),
        "f1": _weighted_f1(truth, predicted, weight),
    }
    if len(truth) <= LIKELY_ROWS and hasattr(estimator, "predict_proba"):
        scores |= _log_loss(estimator, np.asarray(estimator.predict_proba(data), dtype=float), truth, weight)
    return scores


def _weighted_f1(truth: Any, predicted: Any, weight: Any) -> float:
    import numpy as np

    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    actual, guessed = codes[: len(truth)], codes[len(truth) :]
    support = np.bincount(actual, weight, len(classes))
    claimed = np.bincount(guessed, weight, len(classes))
    right = np.bincount(actual, weight * (actual == guessed), len(classes))
    return float(np.average(2 * right / (support + claimed), weights=support))


def _log_loss(estimator: Any, likely: Any, truth: Any, weight: Any) -> dict[str, float]:
    import numpy as np

    classes = getattr(estimator, "classes_", None)
    if classes is None or likely.ndim != 2 or likely.shape[1] != len(classes):
        return {}
    order = np.argsort(classes)
    place = order[np.searchsorted(classes, truth, sorter=order)]
    tiny = np.finfo(likely.dtype).eps
    chance = np.clip(likely[np.arange(len(truth)), place], tiny, 1 - tiny)
    return {"log_loss": float(np.average(-np.log(chance), weights=weight))}


def _regressed(estimator: Any, data: Any, target: Any, weights: Any) -> dict[str, float]:
    import numpy as np

    truth = np.asarray(target, dtype=float)
    predicted = np.asarray(estimator.predict(data), dtype=float).reshape(truth.shape)
    weight = None if weights is None else np.asarray(weights, dtype=float)
    error = truth - predicted
    squared = np.average(error**2, axis=0, weights=weight)
    spread = np.average((truth - np.average(truth, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    scores = {
        "rmse": float(np.mean(np.sqrt(squared))),
        "mae": float(np.mean(np.average(np.abs(error), axis=0, weights=weight))),
    }
    return scores if np.any(spread == 0) else {"r2": float(np.mean(1 - squared / spread)), **scores}
