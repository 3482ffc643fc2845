"""scikit-learn: the params and training scores of the estimator that the user fits, searches as child runs, folds as curves.

Only the outermost `fit` is recorded: what a pipeline, a search or an ensemble fits inside is not the
user's. Every estimator class is covered, also those the user defines, by wrapping `fit` where a class
defines it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from ..run import Run
from ..values import param
from . import switch

NAME = "sklearn"
ROWS = 20_000  # training scores are computed up to so many rows, where predicting costs less than fitting
CANDIDATES = 50
ESTIMATORS = 20  # of so many estimators of one run the params are recorded
_fitted: WeakKeyDictionary[Run, Counter[str]] = WeakKeyDictionary()
_WRAPPED = "__jupyter_tracker_wrapped__"


def install(module: ModuleType) -> None:
    """Wrap the estimators of `sklearn.base` or the functions of `sklearn.model_selection`."""
    if module.__name__ == "sklearn.base":
        _follow(module.BaseEstimator)
    else:
        for name in ("cross_val_score", "cross_validate"):
            setattr(module, name, _wrap_validation(getattr(module, name), name))


def _follow(base: type) -> None:
    for kind in _descendants(base):
        _wrap_fit(kind)
    inherited = base.__init_subclass__

    def follow(cls: Any, /, **options: Any) -> None:
        inherited.__func__(cls, **options)  # type: ignore[attr-defined]
        _wrap_fit(cls)

    base.__init_subclass__ = classmethod(follow)  # type: ignore[assignment]


def _descendants(base: type) -> list[type]:
    found: dict[type, None] = {base: None}
    work = [base]
    while work:
        kinds: list[type] = type.__subclasses__(work.pop())
        for kind in kinds:
            if kind not in found:
                found[kind] = None
                work.append(kind)
    return list(found)


def _wrap_fit(kind: Any) -> None:
    original = kind.__dict__.get("fit")
    if not callable(original) or hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        run = switch.run_for(NAME) if switch.level() == 0 else None
        if run is None:
            with switch.training():
                return original(self, *args, **options)
        with run.contained("the params of an estimator", misuse=True):
            _record_params(run, self)
        with switch.training():
            fitted = original(self, *args, **options)
        with run.contained("the scores of an estimator", misuse=True), switch.training():
            _record_fit(run, self, args, options)
        return fitted

    setattr(fit, _WRAPPED, True)
    kind.fit = fit


def _record_params(run: Run, estimator: Any) -> None:
    """Record an estimator's params: plainly for the first of the run, under its class name where a later one clashes."""
    name = type(estimator).__name__
    fitted = _fitted.setdefault(run, Counter())
    fitted[name] += 1
    if fitted.total() > ESTIMATORS:
        return
    run.set_tag("estimator", ", ".join(fitted))
    params = {key: _shown(value) for key, value in estimator.get_params(deep=True).items()}
    if type(estimator).__module__.startswith("xgboost"):
        params = {key: value for key, value in params.items() if value is not None}
    if fitted.total() > 1 and any(
        key in run.params and run.params[key] != param(value)[0] for key, value in params.items()
    ):
        prefix = name if fitted[name] == 1 else f"{name}_{fitted[name]}"
        params = {f"{prefix}.{key}": value for key, value in params.items()}
    run.log_params(params, origin=NAME)


def _shown(value: Any) -> Any:
    """A param as it is worth recording: an estimator by its class, a list of named steps by their classes."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return [_shown(member) for member in value]
    return value


def _record_fit(run: Run, estimator: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    if hasattr(estimator, "cv_results_"):
        _record_search(run, estimator)
    data = args[0] if args else options.get("X")
    target = args[1] if len(args) > 1 else options.get("y")
    if target is None or data is None or not hasattr(estimator, "predict") or not 0 < _length(data) <= ROWS:
        return
    from sklearn import metrics

    predicted = estimator.predict(data)
    scores: dict[str, float] = {}
    if _is(estimator, "classifier"):
        scores["training_accuracy"] = metrics.accuracy_score(target, predicted)
        scores["training_f1"] = metrics.f1_score(target, predicted, average="weighted")
    elif _is(estimator, "regressor"):
        scores["training_r2"] = metrics.r2_score(target, predicted)
        scores["training_rmse"] = metrics.mean_squared_error(target, predicted) ** 0.5
        scores["training_mae"] = metrics.mean_absolute_error(target, predicted)
    if scores:
        run.log_metrics(scores)


def _is(estimator: Any, kind: str) -> bool:
    from sklearn import base

    found: bool = getattr(base, f"is_{kind}")(estimator)
    return found


def _length(data: Any) -> int:
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape else len(data)


def _record_search(run: Run, search: Any) -> None:
    """The best candidate in the run itself, the best fifty as child runs."""
    best = getattr(search, "best_params_", None)
    if best is not None:
        run.log_params({f"best_{key}": _shown(value) for key, value in best.items()}, origin=NAME)
        run.log_metric("best_cv_score", search.best_score_)
        run.set_direction("best_cv_score", "max")
    results = search.cv_results_
    score = next((key for key in ("mean_test_score", *results) if key.startswith("mean_test_")), None)
    if score is None or score not in results:
        return
    order = sorted(range(len(results["params"])), key=lambda place: -_finite(results[score][place]))
    numbers = [key for key in results if key.startswith(("mean_", "std_")) and "train" not in key]
    for place in order[:CANDIDATES]:
        with run.child(f"candidate {place}") as child:
            child.log_params(
                {key: _shown(value) for key, value in results["params"][place].items()}, origin=NAME
            )
            child.log_metrics({key: results[key][place] for key in numbers})
            child.set_direction("mean_test_score", "max")


def _finite(value: float) -> float:
    return value if value == value else float("-inf")


def _wrap_validation(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    if hasattr(original, _WRAPPED):
        return original

    @functools.wraps(original)
    def validate(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        run = switch.run_for(NAME) if switch.level() == 0 else None
        with switch.training():
            scores = original(*args, **options)
        if run is not None:
            with run.contained(f"the scores of {name}", misuse=True):
                _record_folds(run, args[0] if args else options["estimator"], scores)
        return scores

    setattr(validate, _WRAPPED, True)
    return validate


def _record_folds(run: Run, estimator: Any, scores: Any) -> None:
    _record_params(run, estimator)
    series = scores if isinstance(scores, Mapping) else {"test_score": scores}
    for key, values in series.items():
        if not key.startswith(("test_", "train_")):
            continue
        for fold, value in enumerate(values):
            run.log_metric(f"cv_{key}", value, step=fold)
        run.log_metrics({f"cv_{key}_mean": values.mean(), f"cv_{key}_std": values.std()})
