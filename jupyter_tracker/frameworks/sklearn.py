"""scikit-learn: the params and scores of what the user fits, evaluations, searches as child runs, folds as curves.

Every estimator class is covered, also those of other libraries and those the user defines, by
observing its methods where a class defines them. Estimators that only transform are not recorded:
a scaler is no model.
"""

from __future__ import annotations

import weakref
from types import ModuleType
from typing import Any

from . import patches, switch, trainings
from .calls import Call, Finish, observed, observers
from .names import suffix
from .scores import task, training_scores
from .searches import cross_validated, record_search

NAME = "sklearn"
_METHODS = {
    "fit": "sklearn.fit",
    "fit_transform": "sklearn.fit",
    "fit_predict": "sklearn.fit",
    "partial_fit": "sklearn.partial_fit",
    "score": "sklearn.score",
    "predict": "sklearn.predict",
    "predict_proba": "sklearn.predict",
    "decision_function": "sklearn.predict",
}
_VALIDATIONS = ("cross_val_score", "cross_validate")
_MEASURES = ("_score", "_error", "_loss", "_deviance", "_corrcoef", "auc")
_predicted: dict[int, tuple[weakref.ref[Any], str]] = {}


def install(module: ModuleType) -> None:
    """Observe the estimators of `sklearn.base`, the functions of `sklearn.model_selection` or of `sklearn.metrics`."""
    observers.update(_OBSERVERS)
    if module.__name__ == "sklearn.base":
        _follow(module.BaseEstimator)
        for mixin in [value for name, value in vars(module).items() if name.endswith("Mixin")]:
            _observe_methods(mixin)
    elif module.__name__ == "sklearn.model_selection":
        patches.observe_functions(
            "sklearn.validate", [getattr(module, name) for name in _VALIDATIONS], module
        )
    else:
        measures = [getattr(module, name) for name in module.__all__ if name.endswith(_MEASURES)]
        patches.observe_functions("sklearn.measure", measures, module)


def _follow(base: Any) -> None:
    own = vars(base).get("__init_subclass__")

    def follow(cls: Any, /, **options: Any) -> None:
        if own is None:
            super(base, cls).__init_subclass__(**options)
        else:
            own.__get__(None, cls)(**options)
        _observe_methods(cls)

    for known in _descendants(base):
        _observe_methods(known)
    patches.put(base, "__init_subclass__", classmethod(follow))


def _descendants(base: type) -> list[type]:
    found: dict[type, None] = {base: None}
    work = [base]
    while work:
        direct: list[type] = work.pop().__subclasses__()
        for derived in direct:
            if derived not in found:
                found[derived] = None
                work.append(derived)
    return list(found)


def _observe_methods(cls: Any) -> None:
    for name, observer in _METHODS.items():
        method: Any = vars(cls).get(name)
        if hasattr(method, "fn") and hasattr(
            method, "check"
        ):  # a method that is there only under a condition
            if not patches.is_observed(method.fn):
                patches.put(method, "fn", observed(observer, method.fn))
        elif callable(method) and hasattr(method, "__code__") and not patches.is_observed(method):
            patches.put(cls, name, observed(observer, method))


def _fit(call: Call) -> Finish | None:
    estimator = call.argument(0)
    if library(estimator) in switch.settings.excluded or _only_transforms(estimator):
        return None
    call.training = begin(call, estimator)
    call.follows = f"{library(estimator)}.train"
    return lambda _: _record_fit(call, estimator)


def _partial_fit(call: Call) -> Finish | None:
    """Batches are one training: the first call counts."""
    return _fit(call) if trainings.of(call.run).is_new(call.argument(0)) else None


def begin(call: Call, estimator: Any) -> trainings.Training:
    """Count a training and record the estimator's params."""
    training = trainings.of(call.run).begin(call.run, type(estimator).__name__, described(estimator))
    params = {key: shown(value) for key, value in estimator.get_params(deep=True).items()}
    training.log_params(
        {key: value for key, value in params.items() if not _is_unset(estimator, value)}, library(estimator)
    )
    return training


def _is_unset(estimator: Any, value: Any) -> bool:
    """Whether a param's value says nothing: None in xgboost leaves the choice to it, "deprecated" is how scikit-learn retires one."""
    return (value is None and library(estimator) == "xgboost") or (
        isinstance(value, str) and value == "deprecated"
    )


def library(estimator: Any) -> str:
    """Return the framework that an estimator, or the class it derives from, belongs to."""
    packages = [base.__module__.partition(".")[0] for base in type(estimator).__mro__]
    return next((name for name in ("xgboost", "lightgbm") if name in packages), NAME)


def _only_transforms(estimator: Any) -> bool:
    if hasattr(estimator, "predict") or hasattr(estimator, "fit_predict"):
        return False
    # a stacking model can predict only once it is fitted, but says already what it is
    return task(estimator) is None and hasattr(estimator, "transform")


def described(estimator: Any) -> str:
    """Return the class of an estimator, with those it is made of in parentheses."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    inner = [step for _, step in steps] if steps else [estimator.get_params(deep=False).get("estimator")]
    parts = [described(part) for part in inner if hasattr(part, "get_params") and not isinstance(part, type)]
    return f"{name}({', '.join(parts)})" if parts else name


def shown(value: Any) -> Any:
    """Return a param as it is worth recording: an estimator by its class, named steps by theirs."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return [shown(member) for member in value]
    return value


def _record_fit(call: Call, estimator: Any) -> None:
    training = call.training
    if training is None:
        return
    if hasattr(estimator, "cv_results_"):
        record_search(training, estimator, switch.settings.candidates)
    weights = call.options.get("sample_weight")
    scores = training_scores(
        estimator, call.argument(1, "X"), call.argument(2, "y"), weights, switch.settings.rows
    )
    if scores:
        call.run.log_metrics({f"{training.prefix}training_{name}": value for name, value in scores.items()})


def _predict(call: Call) -> Finish:
    return lambda result: _remember(result, type(call.argument(0)).__name__)


def _remember(result: Any, name: str) -> None:
    """Remember whose predictions an array holds, as long as there is the array."""
    if getattr(result, "shape", None) is None:
        return
    place = id(result)
    _predicted[place] = (weakref.ref(result, lambda _: _predicted.pop(place, None) and None), name)


def _score(call: Call) -> Finish | None:
    estimator = call.argument(0)
    if library(estimator) in switch.settings.excluded:
        return None
    prefix = trainings.of(call.run).prefix(type(estimator).__name__)
    key = f"{prefix}score{suffix(call.frame, call.argument(1, 'X'))}"
    return lambda result: _record_number(call, key, result)


def _measure(call: Call) -> Finish | None:
    if NAME in switch.settings.excluded:
        return None
    held = _predicted.get(id(call.argument(1, "y_pred", "y_score", "y_proba", "y_prob")))
    prefix = trainings.of(call.run).prefix(held[1]) if held is not None else ""
    average = call.options.get("average")
    kind = f"_{average}" if isinstance(average, str) and average != "binary" else ""
    key = f"{prefix}{call.function}{kind}{suffix(call.frame, call.argument(0, 'y_true', 'labels_true', 'X', 'x'))}"
    return lambda result: _record_number(call, key, result)


def _record_number(call: Call, key: str, result: Any) -> None:
    if isinstance(result, (int, float)) or getattr(result, "shape", None) == ():
        call.run.log_metric(key, result)


def _validate(call: Call) -> Finish | None:
    estimator = call.argument(0, "estimator")
    if library(estimator) in switch.settings.excluded:
        return None
    training = begin(call, estimator)
    return lambda scores: cross_validated(training, scores)


_OBSERVERS = {
    "sklearn.fit": _fit,
    "sklearn.partial_fit": _partial_fit,
    "sklearn.predict": _predict,
    "sklearn.score": _score,
    "sklearn.measure": _measure,
    "sklearn.validate": _validate,
}
