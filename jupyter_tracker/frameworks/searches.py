"""Searches and cross-validation: the best in the run itself, candidates as child runs, folds as curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .trainings import Training


def record_search(training: Training, search: Any, candidates: int) -> None:
    """Record the best params and score of a finished search, its best `candidates` as child runs, all in a file."""
    from .sklearn import shown

    run, prefix, results = training.run, training.prefix, search.cv_results_
    best = getattr(search, "best_params_", None)
    if best is not None:
        training.log_params({f"best_{key}": shown(value) for key, value in best.items()}, "sklearn")
    if isinstance(getattr(search, "best_score_", None), float):
        _log_scores(training, {f"{prefix}best_cv_score": search.best_score_})
    run.log_dict({key: list(values) for key, values in results.items()}, f"{prefix}cv_results.json")
    numbers = [key for key in results if key.startswith(("mean_", "std_"))]
    for place in _ranked(search, results)[:candidates]:
        with run.child(
            f"candidate {place + 1}", tags={"estimator": type(search.estimator).__name__}
        ) as child:
            params = {key: shown(value) for key, value in results["params"][place].items()}
            seen = {key: results[key][place] for key in ("iter", "n_resources") if key in results}
            child.log_params(params | seen, origin="sklearn")
            child.log_metrics({key: results[key][place] for key in numbers})
            for key in numbers:
                if key.startswith("mean_test_"):
                    child.set_direction(key, "max")


def _ranked(search: Any, results: Mapping[str, Any]) -> list[int]:
    """The places of the candidates, best first; in their own order where the search did not rank them."""
    wanted = f"rank_test_{search.refit}" if isinstance(search.refit, str) else "rank_test_score"
    rank = next((key for key in (wanted, *results) if key in results and key.startswith("rank_test_")), None)
    places = range(len(results["params"]))
    return sorted(places, key=lambda place: results[rank][place]) if rank is not None else list(places)


def cross_validated(training: Training, scores: Any) -> None:
    """Record the scores of each fold as a curve, their mean and deviation as metrics."""
    found = {f"cv_{key}": values for key, values in _series(scores).items()}
    start = training.series("cross-validation")
    for key, values in found.items():
        if start is not None:
            for fold, value in enumerate(values):
                training.run.log_metric(f"{start}{key}", value, step=fold)
            training.run.set_direction(f"{start}{key}", "max")
        _log_scores(training, {f"{training.prefix}{key}_mean": values.mean()})
        training.run.log_metric(f"{training.prefix}{key}_std", values.std())


def _series(scores: Any) -> dict[str, Any]:
    if not isinstance(scores, Mapping):
        return {"test_score": scores}
    return {key: values for key, values in scores.items() if key.startswith(("test_", "train_"))}


def _log_scores(training: Training, scores: dict[str, Any]) -> None:
    """Log what scorers gave: whatever it is called, more is better."""
    training.run.log_metrics(scores)
    for key in scores:
        training.run.set_direction(key, "max")
