"""xgboost: params, the curves of every evaluation while they grow, the best iteration, feature importance.

`xgboost.train` is recorded as such. The scikit-learn estimators of xgboost are recorded by the
scikit-learn file; their training passes through the same function here, which adds the curves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..run import Run
from . import switch

NAME = "xgboost"
_WRAPPED = "__jupyter_tracker_wrapped__"


def install(module: Any) -> None:
    """Wrap the training function under each of its names."""
    train = _wrap(module.train, module.callback.TrainingCallback)
    for place in (module, module.training, module.sklearn):
        if hasattr(place, "train"):
            place.train = train


def _wrap(original: Callable[..., Any], callback: type) -> Callable[..., Any]:
    if hasattr(original, _WRAPPED):
        return original
    curves = _curves(callback)

    @functools.wraps(original)
    def train(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        level = switch.level()
        run = switch.run_for(NAME) if level <= 1 else None
        if run is None:
            return original(*args, **options)
        if level == 0:
            with run.contained("the params of xgboost", misuse=True):
                _record_params(run, args, options)
        options["callbacks"] = [*(options.get("callbacks") or ()), curves(run)]
        with switch.training():
            booster = original(*args, **options)
        with run.contained("the result of xgboost", misuse=True):
            _record_result(run, booster)
        return booster

    setattr(train, _WRAPPED, True)
    return train


def _curves(callback: type) -> type:
    class Curves(callback):  # type: ignore[misc]
        """Logs the newest value of every evaluation after each round."""

        def __init__(self, run: Run) -> None:
            super().__init__()
            self.run = run

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            with self.run.contained("the curves of xgboost", misuse=True):
                newest = {
                    f"{data}-{metric}": _last(values)
                    for data, found in evals_log.items()
                    for metric, values in found.items()
                }
                if newest:
                    self.run.log_metrics(newest, step=epoch)
            return False

    return Curves


def _last(values: Any) -> float:
    value = values[-1]
    return float(value[0] if isinstance(value, tuple) else value)


def _record_params(run: Run, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    params = dict(args[0] if args else options.get("params") or {})
    rounds = args[2] if len(args) > 2 else options.get("num_boost_round", 10)
    stopping = options.get("early_stopping_rounds")
    params |= {"num_boost_round": rounds} | ({"early_stopping_rounds": stopping} if stopping else {})
    run.log_params(params, origin=NAME)
    run.set_tag("estimator", "Booster")


def _record_result(run: Run, booster: Any) -> None:
    if booster.attr("best_iteration") is not None:
        run.log_metrics({"best_iteration": booster.best_iteration, "best_score": booster.best_score})
    importance = booster.get_score(importance_type="gain")
    if importance:
        run.log_dict(importance, "feature_importance.json")
