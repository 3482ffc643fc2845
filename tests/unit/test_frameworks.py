"""Autologging on the real libraries: what is recorded, and that nothing else changes."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jupyter_tracker as jt
from jupyter_tracker.errors import Invalid
from jupyter_tracker.frameworks import autologging, watch
from jupyter_tracker.record import RunRecord

watch()
import xgboost  # noqa: E402  (loaded after the hooks, as by a user)
from sklearn import model_selection  # noqa: E402

X, Y = load_diabetes(return_X_y=True)


@pytest.fixture(autouse=True)
def _root(tmp_path: Path) -> Iterator[None]:
    jt.set_root(tmp_path)
    yield


def recorded(work: Any) -> RunRecord:
    with jt.start_run(log_system_metrics=False) as run, autologging():
        work()
    problems = [event for event in jt.sql("SELECT body FROM events WHERE kind = 'problem'")]
    assert problems == []
    return jt.get_run(run.run_id)


def test_an_estimator_records_params_and_training_scores() -> None:
    record = recorded(lambda: RandomForestRegressor(n_estimators=5, max_depth=3, n_jobs=2).fit(X, Y))
    assert record.data.tags["estimator"] == "RandomForestRegressor"
    assert record.typed_params["n_estimators"] == 5
    assert record.typed_params["max_depth"] == 3
    assert set(record.data.metrics) == {"training_r2", "training_rmse", "training_mae"}


def test_a_classifier_records_its_own_scores() -> None:
    data = load_iris()
    record = recorded(lambda: LogisticRegression(max_iter=500).fit(data.data, data.target))
    assert record.data.metrics["training_accuracy"] > 0.9
    assert 0.9 < record.data.metrics["training_f1"] <= 1


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), Ridge(alpha=0.5)),
        VotingRegressor([("a", LinearRegression()), ("b", Ridge())], n_jobs=2),
    ],
    ids=["pipeline", "voting"],
)
def test_what_an_estimator_fits_inside_is_not_recorded(estimator: Any) -> None:
    record = recorded(lambda: estimator.fit(X, Y))
    assert record.data.tags["estimator"] == type(estimator).__name__


def test_a_second_estimator_does_not_overwrite_the_first() -> None:
    record = recorded(
        lambda: (Ridge(alpha=1.0).fit(X, Y), Ridge(alpha=2.0).fit(X, Y), LinearRegression().fit(X, Y))
    )
    assert record.typed_params["alpha"] == 1.0
    assert record.typed_params["Ridge_2.alpha"] == 2.0
    assert record.data.tags["estimator"] == "Ridge, LinearRegression"


def test_a_search_records_its_candidates_as_child_runs() -> None:
    search = model_selection.GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=3, n_jobs=2)
    record = recorded(lambda: search.fit(X, Y))
    assert record.typed_params["best_alpha"] == search.best_params_["alpha"]
    assert record.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    children = [jt.get_run(child) for child in record.children]
    assert sorted(child.typed_params["alpha"] for child in children) == [0.1, 1.0, 10.0]
    assert {child.status for child in children} == {"finished"}
    best = max(children, key=lambda child: child.data.metrics["mean_test_score"])
    assert best.typed_params["alpha"] == search.best_params_["alpha"]


def test_cross_validation_records_folds_mean_and_spread() -> None:
    record = recorded(lambda: model_selection.cross_val_score(Ridge(), X, Y, cv=4))
    assert record.summaries["cv_test_score"]["count"] == 4
    assert {"cv_test_score_mean", "cv_test_score_std"} <= set(record.data.metrics)
    assert record.data.tags["estimator"] == "Ridge"


def test_xgboost_train_records_params_curves_and_importance() -> None:
    data = xgboost.DMatrix(X, Y)
    record = recorded(
        lambda: xgboost.train(
            {"max_depth": 2, "eta": 0.3},
            data,
            num_boost_round=12,
            evals=[(data, "train")],
            verbose_eval=False,
        )
    )
    assert record.typed_params == {"max_depth": 2, "eta": 0.3, "num_boost_round": 12}
    assert (record.summaries["train-rmse"]["count"], record.summaries["train-rmse"]["last_step"]) == (12, 11)
    assert json.loads(record.artifact("feature_importance.json").read_text())


def test_the_sklearn_wrapper_of_xgboost_is_recorded_once_with_its_curves() -> None:
    model = xgboost.XGBRegressor(n_estimators=30, early_stopping_rounds=3, max_depth=2)
    record = recorded(lambda: model.fit(X[:300], Y[:300], eval_set=[(X[300:], Y[300:])], verbose=False))
    assert record.data.tags["estimator"] == "XGBRegressor"
    assert record.typed_params["n_estimators"] == 30
    assert record.summaries["validation_0-rmse"]["count"] == len(model.evals_result()["validation_0"]["rmse"])
    assert record.data.metrics["best_iteration"] == model.best_iteration


def test_nothing_is_recorded_without_a_run_or_when_it_is_off() -> None:
    with autologging():
        Ridge().fit(X, Y)
    with jt.start_run() as run:
        Ridge().fit(X, Y)
    assert jt.get_run(run.run_id).data.params == {}
    assert len(jt.runs()) == 1


def test_autolog_switches_it_on_everywhere_and_off_again() -> None:
    jt.autolog(exclude=["xgboost"])
    try:
        with jt.start_run() as run:
            Ridge(alpha=3.0).fit(X, Y)
    finally:
        jt.autolog(False)
    assert jt.get_run(run.run_id).typed_params["alpha"] == 3.0
    with pytest.raises(Invalid, match="no framework"):
        jt.autolog(exclude=["tensorflow9"])


def test_classes_of_the_user_are_recorded_and_errors_pass_unchanged() -> None:
    class Broken(RegressorMixin, BaseEstimator):
        def __init__(self, knob: int = 1) -> None:
            self.knob = knob

        def fit(self, data: Any, target: Any) -> Broken:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"), jt.start_run() as run, autologging():
        Broken(knob=7).fit(X, Y)
    assert jt.get_run(run.run_id).typed_params["knob"] == 7
    assert jt.get_run(run.run_id).status == "failed"


def test_estimators_stay_what_they_were() -> None:
    model = Ridge(alpha=0.5)
    with jt.start_run(), autologging():
        recorded_coefficients = model.fit(X, Y).coef_
    assert np.array_equal(recorded_coefficients, Ridge(alpha=0.5).fit(X, Y).coef_)
    assert clone(model).get_params() == model.get_params()
    assert np.array_equal(pickle.loads(pickle.dumps(model)).coef_, model.coef_)
    assert list(inspect.signature(Ridge.fit).parameters) == ["self", "X", "y", "sample_weight"]
    assert "Fit Ridge regression model" in (Ridge.fit.__doc__ or "")


def test_threads_record_what_each_fits() -> None:
    with jt.start_run() as run, autologging():
        threads = [threading.Thread(target=lambda: Ridge(alpha=1.0).fit(X, Y)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert jt.get_run(run.run_id).summaries["training_r2"]["count"] == 4


def test_loading_the_package_loads_no_framework() -> None:
    code = "import sys; from jupyter_tracker.frameworks import watch; watch(); assert not {'sklearn', 'xgboost', 'numpy'} & set(sys.modules); import sklearn.linear_model as m; assert hasattr(m.Ridge.fit, '__jupyter_tracker_wrapped__')"
    subprocess.run([sys.executable, "-c", code], check=True)
