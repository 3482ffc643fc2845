"""lightgbm: params, the curves of every evaluation while they grow, the best iteration, feature importance.

The scikit-learn estimators of lightgbm are recorded by the scikit-learn file; their training passes
through the same function here, which adds the curves to it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..run import Run
from . import patches, switch
from .boosting import begin, log_importance
from .calls import Call, Finish, observers
from .trainings import Training

NAME = "lightgbm"
_ROUNDS = 100


def install(module: ModuleType) -> None:
    """Observe the training function under each of its names."""
    observers["lightgbm.train"] = _train
    places = [module, module.engine, *([module.sklearn] if hasattr(module, "sklearn") else [])]
    patches.observe_functions("lightgbm.train", [module.train], *places)


def _train(call: Call) -> Finish | None:
    if NAME in switch.settings.excluded:
        return None
    training = begin(call, NAME, _ROUNDS)
    prefix = training.series("curves")
    if prefix is not None:
        call.options["callbacks"] = [*(call.options.get("callbacks") or ()), _Curves(call.run, prefix)]
    return lambda booster: _record_booster(training, booster)


class _Curves:
    """Logs every evaluation after each round. `order` and `before_iteration` are read by lightgbm."""

    order = 5  # before early stopping, which leaves the round by an exception
    before_iteration = False

    def __init__(self, run: Run, prefix: str) -> None:
        self.run = run
        self.prefix = prefix

    def __call__(self, env: Any) -> None:
        with self.run.contained("a round of lightgbm", misuse=True):
            found = {
                f"{self.prefix}{data}-{metric}": value
                for data, metric, value, *_ in env.evaluation_result_list or ()
            }
            self.run.log_metrics(found, step=env.iteration)


def _record_booster(training: Training, booster: Any) -> None:
    if booster.best_iteration > 0:
        training.run.log_metric(f"{training.prefix}best_iteration", booster.best_iteration)
    gains = booster.feature_importance(importance_type="gain")
    log_importance(training, dict(zip(booster.feature_name(), map(float, gains), strict=True)))
