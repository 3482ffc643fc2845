"""What xgboost trains is recorded once: params, growing curves, the best iteration, importances."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xgboost
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

from jupyter_tracker import fluent
from jupyter_tracker.catalog import Catalog
from jupyter_tracker.frameworks import autolog, autologging, switch
from jupyter_tracker.journal import read
from jupyter_tracker.roots import Root
from jupyter_tracker.run import Run

DIABETES: Any = load_diabetes(return_X_y=True)
TRAIN = (DIABETES[0][:300], DIABETES[1][:300])
VALID = (DIABETES[0][300:], DIABETES[1][300:])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    root = Root.create(tmp_path)
    started = Run.start(root, Catalog(root).ensure_experiment("x"))
    fluent.push(started)
    with autologging():
        yield started
    started.end()
    assert [event.fields for event in read(root, started.run_id) if event.kind == "problem"] == []


def curve(run: Run, key: str) -> list[tuple[int, float]]:
    """Return the points of a metric as (step, value)."""
    return [
        (event.fields["step"], float(event.fields["values"][key]))
        for event in read(run.root, run.run_id)
        if event.kind == "metrics" and key in event.fields["values"]
    ]


def test_train_leaves_params_curves_and_importance(run: Run) -> None:
    result: dict[str, Any] = {}
    valid = xgboost.DMatrix(*VALID)
    booster = xgboost.train(
        {"max_depth": 3, "eta": 0.3},
        xgboost.DMatrix(*TRAIN),
        30,
        evals=[(valid, "valid")],
        evals_result=result,
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    assert (run.params["max_depth"], run.params["num_boost_round"]) == (3, 30)
    assert run.params["early_stopping_rounds"] == 3
    assert curve(run, "valid-rmse") == list(enumerate(result["valid"]["rmse"]))
    assert run.metrics["best_iteration"] == booster.best_iteration
    assert run.metrics["best_score"] == pytest.approx(booster.best_score)
    stored = run.root.artifacts(run.run_id) / "feature_importance.json"
    assert json.loads(stored.read_text()) == booster.get_score(importance_type="gain")


def test_the_round_that_stops_is_on_the_curve(run: Run) -> None:
    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return epoch == 4

    matrix = xgboost.DMatrix(*TRAIN)
    xgboost.train({}, matrix, 20, evals=[(matrix, "train")], callbacks=[Stop()], verbose_eval=False)
    assert [step for step, _ in curve(run, "train-rmse")] == [0, 1, 2, 3, 4]


def test_the_estimator_is_recorded_once(run: Run) -> None:
    model = xgboost.XGBRegressor(n_estimators=6, max_depth=2)
    model.fit(*TRAIN, eval_set=[VALID], verbose=False)
    assert (run.params["n_estimators"], run.params["max_depth"]) == (6, 2)
    assert "num_boost_round" not in run.params
    assert run.tags["estimator"].startswith("XGBRegressor")
    assert curve(run, "validation_0-rmse") == list(enumerate(model.evals_result()["validation_0"]["rmse"]))
    assert len(curve(run, "training_r2")) == 1
    assert model.callbacks is None


def test_an_estimator_derived_by_the_user_keeps_its_curves(run: Run) -> None:
    class Own(xgboost.XGBRegressor):
        def fit(self, X: Any, y: Any, **options: Any) -> Any:
            return super().fit(X, y, eval_set=[VALID], **options)

    Own(n_estimators=4).fit(*TRAIN, verbose=False)
    assert [step for step, _ in curve(run, "validation_0-rmse")] == [0, 1, 2, 3]
    assert run.tags["estimator"] == "Own"


def test_a_second_booster_has_curves_of_its_own(run: Run) -> None:
    matrix = xgboost.DMatrix(*TRAIN)
    for depth in (2, 3):
        xgboost.train({"max_depth": depth}, matrix, 3, evals=[(matrix, "train")], verbose_eval=False)
    assert [step for step, _ in curve(run, "train-rmse")] == [0, 1, 2]
    assert [step for step, _ in curve(run, "Booster_2.train-rmse")] == [0, 1, 2]
    assert run.params["Booster_2.max_depth"] == 3


def test_cross_validation_leaves_its_curves(run: Run) -> None:
    history = xgboost.cv({"max_depth": 2, "seed": 1}, xgboost.DMatrix(*TRAIN), 4, nfold=3)
    assert [value for _, value in curve(run, "test-rmse-mean")] == list(history["test-rmse-mean"])
    assert run.params["num_boost_round"] == 4


def test_linear_boosters_and_those_without_a_split_train_as_ever(run: Run) -> None:
    booster = xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(*TRAIN), 2)
    assert len(booster.get_score(importance_type="weight")) == DIABETES[0].shape[1]
    xgboost.XGBRegressor(n_estimators=1).fit([[0.0], [0.0]], [1.0, 1.0])
    xgboost.XGBClassifier(n_estimators=2).fit(TRAIN[0], (TRAIN[1] > 100).astype(int))
    xgboost.XGBRanker(n_estimators=2).fit(TRAIN[0], (TRAIN[1] > 100).astype(int), qid=[0] * 150 + [1] * 150)


@pytest.mark.parametrize("jobs", [None, 2])
def test_what_a_search_trains_leaves_no_curves(run: Run, jobs: int | None) -> None:
    search = GridSearchCV(xgboost.XGBRegressor(n_estimators=3), {"max_depth": [1, 2]}, cv=2, n_jobs=jobs)
    search.fit(*TRAIN, eval_set=[VALID], verbose=False)
    assert run.tags["estimator"].startswith("GridSearchCV")
    assert curve(run, "validation_0-rmse") == []
    assert len(curve(run, "best_cv_score")) == 1


def test_a_search_in_threads_leaves_no_curves(run: Run) -> None:
    from joblib import parallel_config

    search = GridSearchCV(xgboost.XGBRegressor(n_estimators=3), {"max_depth": [1, 2]}, cv=2, n_jobs=2)
    with parallel_config(backend="threading"):
        search.fit(*TRAIN, eval_set=[VALID], verbose=False)
    assert curve(run, "validation_0-rmse") == []


def test_an_error_of_training_is_unchanged_and_leaves_the_params(run: Run) -> None:
    with pytest.raises(xgboost.core.XGBoostError, match="nonsense"):
        xgboost.train({"objective": "nonsense"}, xgboost.DMatrix(*TRAIN), 2)
    assert run.params["objective"] == "nonsense"


def test_training_is_the_same_as_alone(run: Run) -> None:
    followed = xgboost.train({"seed": 1, "subsample": 0.5}, xgboost.DMatrix(*TRAIN), 5).save_raw()
    run.end()
    assert followed == xgboost.train({"seed": 1, "subsample": 0.5}, xgboost.DMatrix(*TRAIN), 5).save_raw()


def test_excluding_xgboost_covers_its_estimators(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "settings", switch.Settings())
    autolog(exclude="xgboost")
    xgboost.XGBRegressor(n_estimators=2).fit(*TRAIN, eval_set=[VALID], verbose=False)
    assert (run.params, run.metrics) == ({}, {})
