"""What lightgbm trains is recorded once: params, growing curves, the best iteration, importances."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from autologged import artifacts, autologged, curves, estimators, events, metrics, params

import jupyter_tracker as jt

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is no dependency of the tests")


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> Iterator[Path]:
    with autologged(tmp_path):
        yield tmp_path


@pytest.fixture
def data() -> tuple[Any, Any, Any, Any]:
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X[:300], y[:300], X[300:], y[300:]


QUIET = {"verbosity": -1, "num_leaves": 4}


def test_train_leaves_params_curves_the_best_round_and_importance(data: Any) -> None:
    train, valid = lightgbm.Dataset(data[0], data[1]), lightgbm.Dataset(data[2], data[3])
    seen: dict[str, Any] = {}
    stops = [lightgbm.early_stopping(3, verbose=False), lightgbm.record_evaluation(seen)]
    with jt.start_run() as run:
        booster = lightgbm.train(
            QUIET, train, 200, valid_sets=[valid], valid_names=["valid"], callbacks=stops
        )
    assert params(run) == QUIET | {"num_boost_round": 200}
    assert estimators(run) == "Booster"
    assert curves(run)["valid-l2"] == list(enumerate(seen["valid"]["l2"]))
    assert metrics(run)["best_iteration"] == booster.best_iteration
    assert set(artifacts(run)) == {"feature_importance.json", "feature_importance.svg"}
    stored = json.loads((run.root.artifacts(run.run_id) / "feature_importance.json").read_text())
    assert set(stored) == set(data[0].columns)
    assert events(run, "problem") == []


def test_the_estimator_is_recorded_once(data: Any) -> None:
    with jt.start_run() as run:
        model = lightgbm.LGBMRegressor(n_estimators=5, verbosity=-1)
        model.fit(data[0], data[1], eval_X=data[2], eval_y=data[3])
    assert params(run)["n_estimators"] == 5
    assert "num_boost_round" not in params(run)
    assert estimators(run) == "LGBMRegressor"
    assert curves(run)["valid_0-l2"] == list(enumerate(model.evals_result_["valid_0"]["l2"]))
    assert len(curves(run)["training_r2"]) == 1
    assert events(run, "problem") == []


def test_excluding_it_covers_its_estimators(data: Any) -> None:
    jt.autolog(exclude=["lightgbm"])
    with jt.start_run() as run:
        lightgbm.LGBMRegressor(n_estimators=2, verbosity=-1).fit(data[0], data[1])
    assert params(run) == {}
    assert metrics(run) == {}
