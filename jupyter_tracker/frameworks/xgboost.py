"""xgboost: params, the curves of every evaluation while they grow, the best iteration, feature importance.

The scikit-learn estimators of xgboost are recorded by the scikit-learn file; their training passes
through the same function here, which adds the curves to it.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

from ..run import Run
from . import patches, switch
from .boosting import begin, log_importance
from .calls import Call, Finish, observers
from .trainings import Training

NAME = "xgboost"
_ROUNDS = 10


def install(module: ModuleType) -> None:
    """Observe the two training functions under each of their names."""
    observers.update({"xgboost.train": _train, "xgboost.cv": _cross_validate})
    places = [module, module.training, *([module.sklearn] if hasattr(module, "sklearn") else [])]
    patches.observe_functions("xgboost.train", [module.train], *places)
    patches.observe_functions("xgboost.cv", [module.cv], *places)


def _train(call: Call) -> Finish | None:
    if NAME in switch.settings.excluded:
        return None
    training = begin(call, NAME, _ROUNDS)
    prefix = training.series("curves")
    if prefix is not None:
        # first, for xgboost asks no callback after the one that stops the training
        call.options["callbacks"] = [_curves()(call.run, prefix), *(call.options.get("callbacks") or ())]
    return lambda booster: _record_booster(training, booster)


@functools.cache
def _curves() -> type:
    class Curves(sys.modules["xgboost"].callback.TrainingCallback):  # type: ignore[misc]
        """Logs the newest value of every evaluation after each round."""

        def __init__(self, run: Run, prefix: str) -> None:
            super().__init__()
            self.run = run
            self.prefix = prefix

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            with self.run.contained("a round of xgboost", misuse=True):
                self.run.log_metrics(
                    {
                        f"{self.prefix}{data}-{metric}": values[-1]
                        for data, metrics in evals_log.items()
                        for metric, values in metrics.items()
                    },
                    step=epoch,
                )
            return False

    return Curves


def _record_booster(training: Training, booster: Any) -> None:
    if booster.attr("best_iteration") is not None:
        best = {"best_iteration": booster.best_iteration, "best_score": booster.best_score}
        training.run.log_metrics({f"{training.prefix}{key}": value for key, value in best.items()})
    log_importance(training, _importance(booster))


def _importance(booster: Any) -> dict[str, float]:
    """The gain of each feature; of linear boosters, which have none, their weights' sizes."""
    linear = '"gblinear"' in booster.save_config()
    found = booster.get_score(importance_type="weight" if linear else "gain")
    return {name: abs(float(value)) for name, value in found.items() if not isinstance(value, list)}


def _cross_validate(call: Call) -> Finish | None:
    if NAME in switch.settings.excluded:
        return None
    training = begin(call, NAME, _ROUNDS)
    return lambda history: _record_history(training, history)


def _record_history(training: Training, history: Any) -> None:
    """`history` maps "test-rmse-mean" and the like to a value for each round, as a dict or data frame."""
    prefix = training.series("curves")
    if prefix is not None:
        curves = {f"{prefix}{key}": list(history[key]) for key in history}
        for step, values in enumerate(zip(*curves.values(), strict=True)):
            training.run.log_metrics(dict(zip(curves, values, strict=True)), step=step)
