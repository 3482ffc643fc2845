"""Recording what libraries train takes nothing away and adds nothing: no random number, no line, no round."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestRegressor, StackingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes the class available)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

from jupyter_tracker import fluent
from jupyter_tracker.catalog import Catalog
from jupyter_tracker.frameworks import autologging
from jupyter_tracker.journal import read
from jupyter_tracker.roots import Root
from jupyter_tracker.run import Run

IRIS: Any = load_iris(return_X_y=True)
DIABETES: Any = load_diabetes(return_X_y=True)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    root = Root.create(tmp_path)
    started = Run.start(root, Catalog(root).ensure_experiment("x"))
    fluent.push(started)
    with autologging():
        yield started
    started.end()
    assert [event.fields for event in read(root, started.run_id) if event.kind == "problem"] == []


def steps(run: Run, key: str) -> list[int]:
    """Return the steps at which a metric was logged."""
    events = (event for event in read(run.root, run.run_id) if event.kind == "metrics")
    return [event.fields["step"] for event in events if key in event.fields["values"]]


def candidates(run: Run) -> list[dict[str, Any]]:
    """Return the params of each child of a run."""
    found = []
    for home in sorted(run.root.runs.iterdir()):
        events = list(read(run.root, home.name))
        if next(event for event in events if event.kind == "start").fields["parent"] == run.run_id:
            params = (event.fields["values"] for event in events if event.kind == "params")
            found.append({key: value for values in params for key, value in values.items()})
    return found


def test_the_random_numbers_that_follow_are_the_same(run: Run) -> None:
    own = np.random.RandomState(3)
    np.random.seed(7)
    DummyClassifier(strategy="stratified").fit(*IRIS)
    DummyClassifier(strategy="uniform", random_state=own).fit(*IRIS)
    assert len(steps(run, "training_accuracy")) == 2
    assert own.randint(1 << 30) == np.random.RandomState(3).randint(1 << 30)
    drawn = np.random.randint(1 << 30)
    np.random.seed(7)
    assert drawn == np.random.randint(1 << 30)


def test_training_is_the_same_as_alone(run: Run) -> None:
    def train() -> tuple[Any, Any]:
        forest = RandomForestRegressor(n_estimators=5, random_state=1).fit(*DIABETES)
        booster = xgboost.train({"seed": 1, "subsample": 0.5}, xgboost.DMatrix(*DIABETES), 5)
        return forest.predict(DIABETES[0]), booster.save_raw()

    followed = train()
    run.end()
    alone = train()
    assert (followed[0] == alone[0]).all()
    assert followed[1] == alone[1]


def test_the_round_that_stops_is_on_the_curve(run: Run) -> None:
    class Stop(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return epoch == 4

    matrix = xgboost.DMatrix(*DIABETES)
    xgboost.train({}, matrix, 20, evals=[(matrix, "train")], callbacks=[Stop()], verbose_eval=False)
    assert steps(run, "train-rmse") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("jobs", [None, 2])
def test_a_stacking_model_is_recorded_once(run: Run, jobs: int | None) -> None:
    StackingRegressor([("ridge", Ridge()), ("line", LinearRegression())], n_jobs=jobs).fit(*DIABETES)
    assert run.tags["estimator"].startswith("StackingRegressor")
    assert len(steps(run, "training_r2")) == 1


def test_a_halving_search_says_how_much_each_candidate_saw(run: Run) -> None:
    HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=2, random_state=0).fit(*DIABETES)
    assert candidates(run)
    assert all({"alpha", "iter", "n_resources"} <= params.keys() for params in candidates(run))


def test_searches_that_refit_nothing_or_by_a_rule_leave_their_candidates(run: Run) -> None:
    grid, scoring = {"alpha": [1, 2]}, ["r2", "neg_max_error"]
    GridSearchCV(Ridge(), grid, scoring=scoring, refit=False, cv=2).fit(*DIABETES)
    RandomizedSearchCV(Ridge(), grid, n_iter=2, cv=2, refit=lambda results: 0).fit(*DIABETES)
    assert len(candidates(run)) == 4


def test_a_library_that_cannot_be_followed_still_imports(tmp_path: Path) -> None:
    (tmp_path / "xgboost.py").write_text("here = True\n")
    code = f"""
        import sys; sys.path.insert(0, {str(tmp_path)!r})
        import jupyter_tracker as jt
        jt.autolog()
        import xgboost
        print(xgboost.here)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True
    )
    assert done.stdout == "True\n"
    assert "xgboost" in done.stderr
    assert "AttributeError" in done.stderr
