"""What scikit-learn trains is recorded once, as the user called it, and trains as it would alone."""

from __future__ import annotations

import inspect
import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, StackingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes the class available)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from jupyter_tracker import fluent
from jupyter_tracker.catalog import Catalog
from jupyter_tracker.frameworks import autolog, autologging
from jupyter_tracker.journal import read
from jupyter_tracker.roots import Root
from jupyter_tracker.run import Run

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    root = Root.create(tmp_path)
    started = Run.start(root, Catalog(root).ensure_experiment("x"))
    fluent.push(started)
    with autologging():
        yield started
    started.end()
    assert [event.fields for event in read(root, started.run_id) if event.kind == "problem"] == []


def points(run: Run) -> dict[str, list[float]]:
    """Return every value of every metric of a run, in order."""
    found: dict[str, list[float]] = {}
    for event in read(run.root, run.run_id):
        if event.kind == "metrics":
            for key, value in event.fields["values"].items():
                found.setdefault(key, []).append(float(value))
    return found


def children(run: Run) -> list[dict[str, dict[str, Any]]]:
    """Return the merged values of params and metrics of each child of a run."""
    found = []
    for home in sorted(run.root.runs.iterdir()):
        events = list(read(run.root, home.name))
        if events[0].fields.get("parent") != run.run_id:
            continue
        merged: dict[str, dict[str, Any]] = {"params": {}, "metrics": {}, "end": {}}
        for event in events:
            if event.kind in ("params", "metrics"):
                merged[event.kind] |= event.fields["values"]
            elif event.kind == "end":
                merged["end"] = event.fields
        found.append(merged)
    return found


def test_a_classifier_leaves_its_class_params_and_scores(run: Run) -> None:
    forest = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0).fit(*IRIS)
    assert run.tags["estimator"] == "RandomForestClassifier"
    assert (run.params["n_estimators"], run.params["max_depth"]) == (5, 3)
    assert set(run.origins.values()) == {"sklearn"}
    assert points(run)["training_accuracy"] == [forest.score(*IRIS)]
    assert points(run).keys() == {"training_accuracy", "training_f1"}


def test_a_regressor_leaves_its_scores(run: Run) -> None:
    line = LinearRegression().fit(*DIABETES)
    assert points(run)["training_r2"] == [pytest.approx(line.score(*DIABETES))]
    assert points(run).keys() == {"training_r2", "training_rmse", "training_mae"}


def test_of_a_pipeline_only_the_pipeline(run: Run) -> None:
    make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(*IRIS)
    assert run.tags["estimator"] == "Pipeline"
    assert run.params["logisticregression__C"] == 0.5
    assert run.params["standardscaler"] == "StandardScaler"
    assert len(points(run)["training_accuracy"]) == 1


@pytest.mark.parametrize("jobs", [None, 2])
def test_of_an_ensemble_only_the_ensemble(run: Run, jobs: int | None) -> None:
    StackingRegressor([("ridge", Ridge()), ("line", LinearRegression())], n_jobs=jobs).fit(*DIABETES)
    assert run.tags["estimator"] == "StackingRegressor"
    assert len(points(run)["training_r2"]) == 1


def test_trees_of_a_forest_in_threads_are_not_recorded(run: Run) -> None:
    RandomForestRegressor(n_estimators=4, n_jobs=-1).fit(*DIABETES)
    assert run.tags["estimator"] == "RandomForestRegressor"


@pytest.mark.parametrize("jobs", [None, 2])
def test_a_grid_search_leaves_its_candidates(run: Run, jobs: int | None) -> None:
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=3, n_jobs=jobs).fit(*DIABETES)
    assert run.tags["estimator"] == "GridSearchCV"
    assert (run.params["best_alpha"], run.params["estimator"]) == (search.best_params_["alpha"], "Ridge")
    assert points(run)["best_cv_score"] == [search.best_score_]
    found = children(run)
    assert {child["params"]["alpha"] for child in found} == {0.1, 1.0, 10.0}
    assert max(child["metrics"]["mean_test_score"] for child in found) == search.best_score_
    assert all("std_test_score" in child["metrics"] for child in found)
    assert {child["end"]["outcome"] for child in found} == {"finished"}


def test_a_search_keeps_its_best_fifty(run: Run) -> None:
    search = GridSearchCV(Ridge(), {"alpha": list(np.linspace(0.01, 5, 60))}, cv=2).fit(*DIABETES)
    scores = sorted(search.cv_results_["mean_test_score"])[-50:]
    assert sorted(child["metrics"]["mean_test_score"] for child in children(run)) == pytest.approx(scores)


def test_several_scores_rank_by_the_one_that_refits(run: Run) -> None:
    GridSearchCV(Ridge(), {"alpha": [1, 2]}, scoring=["r2", "max_error"], refit="max_error", cv=2).fit(
        *DIABETES
    )
    assert {"mean_test_r2", "mean_test_max_error"} <= children(run)[0]["metrics"].keys()


def test_a_search_that_does_not_refit(run: Run) -> None:
    grid = {"alpha": [1, 2]}
    GridSearchCV(Ridge(), grid, scoring=["r2", "max_error"], refit=False, cv=2).fit(*DIABETES)
    RandomizedSearchCV(Ridge(), grid, n_iter=2, cv=2, refit=lambda results: 0).fit(*DIABETES)
    assert len(children(run)) == 4


def test_a_halving_search_says_how_much_each_candidate_saw(run: Run) -> None:
    HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, cv=2, random_state=0).fit(*DIABETES)
    assert all({"iter", "n_resources"} <= child["params"].keys() for child in children(run))


def test_cross_validation_leaves_folds_mean_and_spread(run: Run) -> None:
    scores = model_selection.cross_val_score(Ridge(alpha=2.0), *DIABETES, cv=4)
    assert points(run)["cv_test_score"] == list(scores)
    assert points(run)["cv_test_score_mean"] == [scores.mean()]
    assert points(run)["cv_test_score_std"] == [scores.std()]
    assert (run.params["alpha"], run.tags["estimator"]) == (2.0, "Ridge")
    assert "training_r2" not in points(run)


def test_cross_validate_leaves_every_score(run: Run) -> None:
    scores = model_selection.cross_validate(
        estimator=Ridge(),
        X=DIABETES[0],
        y=DIABETES[1],
        cv=3,
        scoring=["r2", "max_error"],
        return_train_score=True,
    )
    assert points(run)["cv_train_r2"] == list(scores["train_r2"])
    assert len(points(run)["cv_test_max_error"]) == 3


def test_two_estimators_do_not_replace_each_other(run: Run) -> None:
    Ridge(alpha=1.0).fit(*DIABETES)
    Ridge(alpha=2.0).fit(*DIABETES)
    RandomForestRegressor(n_estimators=3).fit(*DIABETES)
    assert (run.params["alpha"], run.params["Ridge_2.alpha"], run.params["n_estimators"]) == (1.0, 2.0, 3)
    assert run.tags["estimator"] == "Ridge, RandomForestRegressor"
    assert len(points(run)["training_r2"]) == 3


def test_a_param_of_the_user_is_not_replaced(run: Run) -> None:
    run.log_param("alpha", "chosen by hand")
    Ridge(alpha=1.0).fit(*DIABETES)
    assert (run.params["alpha"], run.params["Ridge.alpha"]) == ("chosen by hand", 1.0)


def test_a_fit_that_raises_raises_the_same_and_leaves_its_params(run: Run) -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Ridge(alpha=3.0).fit(DIABETES[0], DIABETES[1][:-1])
    assert run.params["alpha"] == 3.0
    LinearRegression().fit(*DIABETES)
    assert "training_r2" in points(run), "the next fit is again the user's own"


class Majority(ClassifierMixin, BaseEstimator):
    """The documentation of a user's class."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def fit(self, X: Any, y: Any, *, shuffle: bool = False) -> Majority:  # noqa: N803  (scikit-learn's name)
        """Fit to the majority."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.winner_ = self.classes_[counts.argmax()]
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return np.full(len(X), self.winner_)


class Weighted(Majority):
    def fit(self, X: Any, y: Any, *, shuffle: bool = False) -> Majority:  # noqa: N803
        return super().fit(X, y, shuffle=shuffle)


def test_classes_of_the_user_stay_what_they_are(run: Run) -> None:
    fitted = Weighted(weight=2.0).fit(IRIS[0].tolist(), list(IRIS[1]), shuffle=True)
    assert (run.tags["estimator"], run.params["weight"]) == ("Weighted", 2.0)
    assert list(inspect.signature(Majority.fit).parameters) == ["self", "X", "y", "shuffle"]
    assert Majority.fit.__doc__ == "Fit to the majority."
    again = pickle.loads(pickle.dumps(fitted))
    assert again.winner_ == fitted.winner_
    assert clone(again).get_params() == {"weight": 2.0}
    assert pickle.loads(pickle.dumps(Majority.fit)) is Majority.fit


def test_warm_start_and_partial_fit_go_on_as_alone(run: Run) -> None:
    forest = RandomForestClassifier(n_estimators=2, warm_start=True, random_state=0).fit(*IRIS)
    forest.set_params(n_estimators=4).fit(*IRIS)
    assert len(forest.estimators_) == 4
    assert run.params["RandomForestClassifier_2.n_estimators"] == 4
    SGDClassifier(random_state=0).partial_fit(*IRIS, classes=[0, 1, 2])
    assert "SGDClassifier" not in run.tags["estimator"]


def test_fits_in_threads_of_the_user_are_all_recorded(run: Run) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda depth: DecisionTreeClassifier(max_depth=depth).fit(*IRIS), range(1, 9)))
    assert len(points(run)["training_accuracy"]) == 8
    depths = {value for key, value in run.params.items() if key.endswith("max_depth")}
    assert depths == set(range(1, 9))


def test_the_random_numbers_that_follow_are_the_same(run: Run) -> None:
    own = np.random.RandomState(3)
    np.random.seed(7)
    DummyClassifier(strategy="stratified").fit(*IRIS)
    DummyClassifier(strategy="uniform", random_state=own).fit(*IRIS)
    assert len(points(run)["training_accuracy"]) == 2
    assert own.randint(1 << 30) == np.random.RandomState(3).randint(1 << 30)
    drawn = np.random.randint(1 << 30)
    np.random.seed(7)
    assert drawn == np.random.randint(1 << 30)


def test_nothing_is_printed_or_warned_that_was_not_before(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        RandomForestClassifier(n_estimators=2, verbose=1, random_state=0).fit(*IRIS)
        make_pipeline(StandardScaler(), Majority()).fit(*IRIS)
    recorded = capfd.readouterr()
    with autologging():
        fluent.end_run()
        RandomForestClassifier(n_estimators=2, verbose=1, random_state=0).fit(*IRIS)
    alone = capfd.readouterr()
    assert recorded.out.count("\n") == alone.out.count("\n")
    assert recorded.err.count("\n") == alone.err.count("\n")
    assert seen == []


def test_many_rows_are_not_predicted(run: Run) -> None:
    rows = np.arange(20_001.0).reshape(-1, 1)
    LinearRegression().fit(rows, rows.ravel())
    assert run.tags["estimator"] == "LinearRegression"
    assert points(run) == {}


def test_several_outputs_leave_what_can_be_scored(run: Run) -> None:
    two = np.column_stack([IRIS[1], IRIS[1]])
    DecisionTreeClassifier().fit(IRIS[0], two)
    assert points(run) == {}
    LinearRegression().fit(IRIS[0], two)
    assert "training_r2" in points(run)


def test_training_is_the_same_as_alone(run: Run) -> None:
    followed = RandomForestRegressor(n_estimators=5, random_state=1).fit(*DIABETES).predict(DIABETES[0])
    run.end()
    alone = RandomForestRegressor(n_estimators=5, random_state=1).fit(*DIABETES).predict(DIABETES[0])
    assert (followed == alone).all()


def test_nothing_without_a_run_or_outside_the_block(tmp_path: Path) -> None:
    root = Root.create(tmp_path)
    with autologging():
        Ridge().fit(*DIABETES)
    with Run.start(root, Catalog(root).ensure_experiment("x")) as started:
        fluent.push(started)
        Ridge().fit(*DIABETES)
        assert (started.params, started.metrics) == ({}, {})
        autolog(exclude=["sklearn"])
        try:
            Ridge().fit(*DIABETES)
            assert started.params == {}
            autolog()
            Ridge().fit(*DIABETES)
            assert started.params["alpha"] == 1.0
        finally:
            autolog(False)
