from __future__ import annotations

import inspect
import json
import multiprocessing
import pickle
import random
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
from autologged import artifacts, autologged, children, curves, estimators, events, metrics, params
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import jupyter_tracker as jt
from jupyter_tracker.errors import Invalid
from jupyter_tracker.frameworks import autologging

X, y = load_diabetes(return_X_y=True)
WINE, KIND = load_wine(return_X_y=True)


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> Iterator[Path]:
    with autologged(tmp_path):
        yield tmp_path


class Doubled(RegressorMixin, BaseEstimator):
    """An estimator of the user's: two ridges, fitted by its own code."""

    def __init__(self, alpha: float = 1.0, fail: bool = False) -> None:
        self.alpha = alpha
        self.fail = fail

    def fit(self, X: Any, y: Any) -> Doubled:
        """Fit both."""
        self.inner_ = [Ridge(alpha=self.alpha).fit(X, y) for _ in range(2)]
        if self.fail:
            raise RuntimeError("no luck")
        return self

    def predict(self, X: Any) -> Any:
        return sum(inner.predict(X) for inner in self.inner_) / 2


def test_a_regressor_leaves_its_params_its_class_and_its_training_scores() -> None:
    with jt.start_run() as run:
        model = Ridge(alpha=0.5).fit(X, y)
    predicted = model.predict(X)
    assert params(run) == model.get_params()
    assert {origin for event in events(run, "params") for origin in event["origin"].values()} == {"sklearn"}
    assert estimators(run) == "Ridge"
    assert metrics(run) == pytest.approx(
        {
            "training_r2": sklearn.metrics.r2_score(y, predicted),
            "training_rmse": sklearn.metrics.root_mean_squared_error(y, predicted),
            "training_mae": sklearn.metrics.mean_absolute_error(y, predicted),
        }
    )
    assert events(run, "problem") == []


@pytest.mark.parametrize("names", [None, np.array(["barolo", "grignolino", "barbera"])])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_classifier_is_scored_as_scikit_learn_scores_it(names: Any, weighted: bool) -> None:
    truth = KIND if names is None else names[KIND]
    weight = np.linspace(0.1, 3, len(truth)) if weighted else None
    with jt.start_run() as run:
        model = DecisionTreeClassifier(max_depth=2).fit(WINE, truth, sample_weight=weight)
    predicted, likely = model.predict(WINE), model.predict_proba(WINE)
    measure = sklearn.metrics
    assert metrics(run) == pytest.approx(
        {
            "training_accuracy": measure.accuracy_score(truth, predicted, sample_weight=weight),
            "training_f1": measure.f1_score(truth, predicted, average="weighted", sample_weight=weight),
            "training_log_loss": measure.log_loss(truth, likely, sample_weight=weight, labels=model.classes_),
        }
    )


def test_targets_of_several_columns_are_scored_where_that_means_something() -> None:
    both = np.column_stack([y, -2 * y + X[:, 0]])
    labels = np.column_stack([KIND, KIND > 0])
    with jt.start_run() as run:
        model = LinearRegression().fit(X, both)
        DecisionTreeClassifier().fit(WINE, labels)
    predicted = model.predict(X)
    assert metrics(run) == pytest.approx(
        {
            "training_r2": sklearn.metrics.r2_score(both, predicted),
            "training_rmse": sklearn.metrics.root_mean_squared_error(both, predicted),
            "training_mae": sklearn.metrics.mean_absolute_error(both, predicted),
        }
    )
    assert events(run, "problem") == []


def test_what_is_neither_has_its_own_score() -> None:
    with jt.start_run() as run:
        model = KMeans(3, n_init=1, random_state=0)
        model.fit_predict(WINE)
    assert metrics(run) == pytest.approx({"training_score": model.score(WINE)})


def test_a_transformer_alone_is_no_model() -> None:
    with jt.start_run() as run:
        scaled = StandardScaler().fit_transform(WINE)
        PCA(2).fit(scaled)
        LogisticRegression(max_iter=500).fit(scaled, KIND)
    assert estimators(run) == "LogisticRegression"
    assert "copy" not in params(run)


def test_only_the_outermost_fit_is_recorded() -> None:
    with jt.start_run() as run:
        make_pipeline(StandardScaler(), LogisticRegression()).fit(WINE, KIND)
    assert estimators(run) == "Pipeline(StandardScaler, LogisticRegression)"
    assert params(run)["logisticregression__C"] == 1.0
    assert params(run)["standardscaler"] == "StandardScaler"
    assert params(run)["steps"] == [
        ["standardscaler", "StandardScaler"],
        ["logisticregression", "LogisticRegression"],
    ]
    assert [len(points) for points in curves(run).values()] == [1, 1, 1]


def test_a_pipeline_that_fits_and_predicts_at_once_does_not_leave_its_steps() -> None:
    with jt.start_run() as run:
        make_pipeline(StandardScaler(), KMeans(2, n_init=1)).fit_predict(WINE)
    assert estimators(run) == "Pipeline(StandardScaler, KMeans)"


@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "loky"])
def test_what_meta_estimators_fit_in_threads_and_processes_is_not_the_users(backend: str) -> None:
    with jt.start_run() as run, parallel_config(backend):
        BaggingClassifier(DecisionTreeClassifier(), n_estimators=4, n_jobs=2).fit(WINE, KIND)
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, n_jobs=2, cv=2).fit(WINE, KIND)
        cross_val_predict(DecisionTreeClassifier(), WINE, KIND, n_jobs=2)
        Parallel(n_jobs=2)(delayed(DecisionTreeClassifier(max_depth=d).fit)(WINE, KIND) for d in (1, 2))
    assert (
        estimators(run) == "BaggingClassifier(DecisionTreeClassifier), GridSearchCV(DecisionTreeClassifier)"
    )
    assert events(run, "problem") == []


def test_estimators_of_the_user_are_recorded_and_their_inner_fits_are_not() -> None:
    class Later(Doubled):
        pass

    with jt.start_run() as run:
        Later(alpha=0.1).fit(X, y)
    assert estimators(run) == "Later"
    assert params(run) == {"alpha": 0.1, "fail": False}
    assert len(curves(run)["training_r2"]) == 1


def test_a_class_with_a_hook_of_its_own_keeps_it() -> None:
    seen: list[type] = []

    class Hooked(Doubled):
        def __init_subclass__(cls, *, word: str, **options: Any) -> None:
            super().__init_subclass__(**options)
            seen.append((cls, word))  # type: ignore[arg-type]

    class Leaf(Hooked, word="w"):
        def fit(self, X: Any, y: Any) -> Leaf:
            return super().fit(X, y)  # type: ignore[return-value]

    with jt.start_run() as run:
        Leaf().fit(X, y)
    assert seen == [(Leaf, "w")]
    assert estimators(run) == "Leaf"
    assert len(curves(run)["training_r2"]) == 1


def test_an_error_of_fit_reaches_the_user_as_it_is_with_one_hidden_frame() -> None:
    with pytest.raises(RuntimeError, match="no luck") as caught, jt.start_run() as run:
        Doubled(fail=True).fit(X, y)
    ours = [
        frame for frame, _ in traceback.walk_tb(caught.tb) if "jupyter_tracker" in frame.f_code.co_filename
    ]
    assert len([frame for frame in ours if "frameworks" in frame.f_code.co_filename]) == 1
    assert all(f.f_locals["__tracebackhide__"] for f in ours if "frameworks" in f.f_code.co_filename)
    assert params(run) == {"alpha": 1.0, "fail": True}
    assert metrics(run) == {}
    with jt.start_run() as after:
        Ridge().fit(X, y)
    assert estimators(after) == "Ridge"


def test_several_estimators_of_a_run_keep_their_names_apart() -> None:
    with jt.start_run() as run:
        Ridge(alpha=0.5).fit(X, y)
        Ridge(alpha=0.7).fit(X, y)
        DecisionTreeRegressor(max_depth=2, random_state=0).fit(X, y)
    assert params(run)["alpha"] == 0.5
    assert params(run)["Ridge_2.alpha"] == 0.7
    assert params(run)["DecisionTreeRegressor.max_depth"] == 2
    assert estimators(run) == "Ridge, DecisionTreeRegressor"
    assert [step for step, _ in curves(run)["training_r2"]] == [0, 1]
    assert len(curves(run)["DecisionTreeRegressor.training_r2"]) == 1


def test_a_param_the_user_logged_is_not_overwritten() -> None:
    with jt.start_run() as run:
        jt.log_param("alpha", "my own")
        Ridge(alpha=0.5).fit(X, y)
    assert params(run)["alpha"] == "my own"
    assert params(run)["Ridge.alpha"] == 0.5


def test_many_fits_are_a_curve_and_do_not_flood_the_params() -> None:
    with jt.start_run() as run:
        for alpha in range(1, 31):
            Ridge(alpha=alpha).fit(X, y)
    assert len(curves(run)["training_r2"]) == 30
    assert len({key for key in params(run) if key.endswith("alpha")}) == 20


def test_batches_of_partial_fit_are_one_training() -> None:
    with jt.start_run() as run:
        model = SGDClassifier(random_state=0)
        for rows in np.array_split(np.arange(len(KIND)), 5):
            model.partial_fit(WINE[rows], KIND[rows], classes=[0, 1, 2])
    assert len(events(run, "params")) == 1
    assert len(curves(run)["training_accuracy"]) == 1


def test_a_warm_start_goes_on() -> None:
    with jt.start_run() as run:
        forest = RandomForestRegressor(n_estimators=2, warm_start=True, random_state=0).fit(X, y)
        forest.set_params(n_estimators=4).fit(X, y)
    assert len(forest.estimators_) == 4
    assert params(run)["RandomForestRegressor_2.n_estimators"] == 4


def test_scores_and_measures_are_recorded_under_the_names_of_the_data() -> None:
    X_test, y_test = X[300:], y[300:]

    def report(model: Any, features: Any, truth: Any) -> float:
        return mean_squared_error(truth, model.predict(features))

    with jt.start_run() as run:
        ridge, tree = (
            Ridge().fit(X[:300], y[:300]),
            DecisionTreeRegressor(random_state=0).fit(X[:300], y[:300]),
        )
        score = ridge.score(X_test, y_test)
        mse = mean_squared_error(y_test, ridge.predict(X_test))
        predicted = tree.predict(X_test)
        tree_mse = mean_squared_error(y_test, predicted)
        whole = report(ridge, X, y)
        spread = mean_squared_error(
            np.column_stack([y, y]), np.column_stack([y, 2 * y]), multioutput="raw_values"
        )
    found = metrics(run)
    assert found["score_X_test"] == score
    assert found["mean_squared_error_y_test"] == mse
    assert found["DecisionTreeRegressor.mean_squared_error_y_test"] == tree_mse
    assert found["mean_squared_error_y"] == whole
    assert len(spread) == 2
    assert "mean_squared_error" not in found


def test_an_average_is_part_of_the_name_and_repeated_evaluation_is_a_curve() -> None:
    with jt.start_run() as run:
        model = DecisionTreeClassifier(max_depth=1).fit(WINE, KIND)
        guess = model.predict(WINE)
        sklearn.metrics.f1_score(KIND, guess, average="macro")
        for rows in np.array_split(np.arange(len(KIND)), 3):
            accuracy_score(KIND[rows], guess[rows])
    assert "f1_score_macro_KIND" in metrics(run)
    assert [step for step, _ in curves(run)["accuracy_score"]] == [0, 1, 2]


def test_a_grid_search_is_the_best_in_the_run_and_its_candidates_as_children() -> None:
    with jt.start_run() as run:
        search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=3).fit(
            WINE, KIND
        )
    assert estimators(run) == "GridSearchCV(DecisionTreeClassifier)"
    assert params(run)["best_max_depth"] == search.best_params_["max_depth"]
    assert metrics(run)["best_cv_score"] == search.best_score_
    assert artifacts(run) == ["cv_results.json"]
    found = children(run)
    assert {child.name for child in found} == {"candidate 1", "candidate 2", "candidate 3"}
    by_depth = {child.typed_params["max_depth"]: child.data.metrics for child in found}
    for place, depth in enumerate([1, 2, 3]):
        assert by_depth[depth]["mean_test_score"] == search.cv_results_["mean_test_score"][place]
        assert by_depth[depth]["std_test_score"] == search.cv_results_["std_test_score"][place]


def test_a_search_for_several_scores_ranks_by_the_one_it_refits(root: Path) -> None:
    jt.autolog(candidates=2)
    scoring = {"mse": "neg_mean_squared_error", "r2": "r2"}
    grid = {"alpha": [1e-3, 10.0, 1e4]}
    with jt.start_run() as run:
        search = RandomizedSearchCV(Ridge(), grid, n_iter=3, scoring=scoring, refit="r2", cv=3).fit(X, y)
    best = search.best_params_["alpha"]
    found = [child.typed_params["alpha"] for child in children(run)]
    assert len(found) == 2
    assert best in found
    assert 1e4 not in found
    directions = [event["values"] for child in children(run) for event in _directions(child.run_id)]
    assert {"mean_test_mse": "max"} in directions


def _directions(run_id: str) -> list[dict[str, Any]]:
    found = jt.sql("select body from events where run_id = ? and kind = 'direction'", [run_id])
    return [json.loads(row[0]) for row in found]


def test_halving_searches_are_recorded_too() -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    with jt.start_run() as run:
        tree = DecisionTreeClassifier(random_state=0)
        search = HalvingGridSearchCV(tree, {"max_depth": [1, 2, 3]}, random_state=0, min_resources=30).fit(
            WINE, KIND
        )
    assert params(run)["best_max_depth"] == search.best_params_["max_depth"]
    assert len(children(run)) == len(search.cv_results_["params"])


def test_folds_are_curves_with_their_mean() -> None:
    with jt.start_run() as run:
        scores = cross_val_score(Ridge(), X, y, cv=4)
        both = cross_validate(
            Ridge(), X, y, cv=3, scoring=["r2", "neg_mean_squared_error"], return_train_score=True
        )
    assert curves(run)["cv_test_score"] == [(fold, score) for fold, score in enumerate(scores)]
    assert metrics(run)["cv_test_score_mean"] == pytest.approx(scores.mean())
    assert metrics(run)["cv_test_score_std"] == pytest.approx(scores.std())
    assert [value for _, value in curves(run)["Ridge_2.cv_test_r2"]] == list(both["test_r2"])
    assert len(curves(run)["Ridge_2.cv_train_neg_mean_squared_error"]) == 3
    assert {"cv_test_neg_mean_squared_error_mean": "max"} in [
        event["values"] for event in events(run, "direction")
    ]
    assert estimators(run) == "Ridge"


def test_a_function_imported_by_name_before_is_followed_in_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from sklearn.metrics import accuracy_score\nfrom sklearn.model_selection import cross_val_score\n"
        "from sklearn.dummy import DummyClassifier\nimport jupyter_tracker as jt, sklearn.metrics\n"
        f"plain = sklearn.metrics.accuracy_score\njt.set_root({str(tmp_path)!r})\njt.autolog()\n"
        "X, y = [[1], [2], [3], [4]], [0, 1, 1, 1]\n"
        "with jt.start_run() as run:\n    accuracy_score(y, y)\n    cross_val_score(DummyClassifier(), X, y, cv=2, error_score=0)\n"
        "print(run.metrics)\nassert accuracy_score is sklearn.metrics.accuracy_score\n"
        "jt.autolog(False)\nassert accuracy_score is sklearn.metrics.accuracy_score and not hasattr(accuracy_score, '_'), 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "accuracy_score_y" in done.stdout
    assert "cv_test_score_mean" in done.stdout


def test_signatures_docs_clones_and_pickles_are_what_they_are_without(root: Path) -> None:
    observed = Ridge.fit, sklearn.metrics.accuracy_score, Doubled.fit
    jt.autolog(False)
    plain = Ridge.fit, sklearn.metrics.accuracy_score, Doubled.fit
    for one, other in zip(observed, plain, strict=True):
        assert one is not other
        assert inspect.signature(one) == inspect.signature(other)
        assert (one.__doc__, one.__name__, one.__qualname__) == (
            other.__doc__,
            other.__name__,
            other.__qualname__,
        )
        assert inspect.getsource(one) == inspect.getsource(other)
    jt.autolog()
    for method in (Ridge.fit, sklearn.metrics.accuracy_score, Ridge().fit):
        assert pickle.loads(pickle.dumps(method)).__name__ == method.__name__
    model = Ridge(alpha=0.5).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert pickle.dumps(model) == pickle.dumps(_without(lambda: Ridge(alpha=0.5).fit(X, y)))
    assert inspect.isfunction(Ridge.fit)
    assert "sample_weight" in str(Ridge().set_fit_request.__signature__)


def _without(work: Any) -> Any:
    jt.autolog(False)
    try:
        return work()
    finally:
        jt.autolog()


def test_a_users_class_travels_to_a_process_without_the_tracker(tmp_path: Path) -> None:
    import cloudpickle

    class Local(RegressorMixin, BaseEstimator):
        def fit(self, X: Any, y: Any) -> Local:
            self.mean_ = sum(y) / len(y)
            return self

        def predict(self, X: Any) -> Any:
            return [self.mean_] * len(X)

    Local.__module__ = "__main__"
    Local.fit.__module__ = Local.predict.__module__ = "__main__"
    file = tmp_path / "local.pkl"
    file.write_bytes(cloudpickle.dumps(Local()))
    code = (
        "import sys, pickle\nsys.modules['jupyter_tracker'] = None\n"
        f"model = pickle.load(open({str(file)!r}, 'rb'))\nprint(model.fit([1, 2], [3, 5]).predict([0]))\n"
        "assert not [name for name in sys.modules if name.startswith('jupyter_tracker.')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[4.0]"


def test_random_states_are_as_they_would_be_without() -> None:
    class Noisy(ClassifierMixin, BaseEstimator):
        def fit(self, X: Any, y: Any) -> Noisy:
            self.classes_ = np.unique(y)
            return self

        def predict(self, X: Any) -> Any:
            return np.random.randint(0, 2, len(X)) + random.randint(0, 0)

    def work() -> tuple[Any, ...]:
        np.random.seed(7)
        random.seed(7)
        Noisy().fit(WINE, KIND)
        return (
            np.random.rand(),
            random.random(),
            RandomForestClassifier(3).fit(WINE, KIND).predict(WINE).tolist(),
        )

    with jt.start_run() as run:
        inside = work()
    assert inside == _without(work)
    assert "training_accuracy" in metrics(run)


def test_a_verbose_estimator_prints_no_more_than_without(capsys: pytest.CaptureFixture[str]) -> None:
    with jt.start_run() as run:
        model = RandomForestClassifier(3, verbose=2, random_state=0).fit(WINE, KIND)
    assert capsys.readouterr().out.count("building tree") == 3
    assert "training_accuracy" in metrics(run)
    assert model.verbose == 2


def test_large_data_and_slow_predictors_are_not_scored() -> None:
    wide = np.zeros((2001, 2))
    wide[:, 0] = np.arange(2001)
    with jt.start_run() as run:
        KNeighborsClassifier().fit(wide, np.arange(2001) % 2)
        make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(wide, np.arange(2001) % 2)
    assert metrics(run) == {}
    jt.autolog(rows=100)
    with jt.start_run() as run:
        Ridge().fit(X, y)
    assert metrics(run) == {}


def test_a_failure_of_the_recording_stays_on_the_run() -> None:
    class Secretive(Doubled):
        def get_params(self, deep: bool = True) -> dict[str, Any]:
            raise OSError("not today")

        def predict(self, X: Any) -> Any:
            raise LookupError("broken")

    with jt.start_run() as run:
        assert isinstance(Secretive().fit(X, y), Secretive)
        Ridge().fit(X, y)
    problems = [event["error"] for event in events(run, "problem")]
    assert "OSError: not today" in problems
    assert "training_r2" in "".join(metrics(run))


def test_fits_in_threads_of_the_users_are_recorded() -> None:
    with jt.start_run() as run:
        threads = [threading.Thread(target=lambda a=a: Ridge(alpha=a).fit(X, y)) for a in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(curves(run)["training_r2"]) == 6
    assert sorted(value for key, value in params(run).items() if key.endswith("alpha")) == [1, 2, 3, 4, 5, 6]


def test_it_is_off_without_a_run_and_when_switched_off() -> None:
    Ridge().fit(X, y)
    assert jt.active_run() is None
    jt.autolog(False)
    assert not hasattr(Ridge.fit, "__wrapped__") or Ridge.fit.__wrapped__.__module__.startswith("sklearn")
    with jt.start_run() as run, autologging():
        Ridge().fit(X, y)
    assert events(run, "params") == []
    jt.autolog(exclude="sklearn")
    with jt.start_run() as run:
        Ridge().fit(X, y)
        accuracy_score(KIND, KIND)
        cross_val_score(Ridge(), X, y)
    assert events(run, "params") == []
    assert metrics(run) == {}


def test_wrong_use_is_an_error() -> None:
    with pytest.raises(Invalid, match="no framework torch"):
        jt.autolog(exclude=["torch"])
    with pytest.raises(Invalid, match="counts"):
        jt.autolog(rows=-1)


def test_a_wrong_call_of_fit_is_the_librarys_error_alone() -> None:
    with jt.start_run() as run:
        with pytest.raises(TypeError, match="missing"):
            Ridge.fit()
        with pytest.raises(TypeError, match="missing"):
            Ridge().fit()
        with pytest.raises(ValueError, match="inconsistent"):
            accuracy_score([1], [1, 2])
    assert curves(run) == {}


def test_a_dummy_on_a_constant_target_has_no_r2() -> None:
    with jt.start_run() as run:
        DummyRegressor().fit(X, np.ones(len(X)))
    assert set(metrics(run)) == {"training_rmse", "training_mae"}


def test_a_stack_is_one_estimator() -> None:
    with jt.start_run() as run:
        StackingRegressor([("a", Ridge()), ("b", LinearRegression())], cv=2).fit(X, y)
    assert estimators(run) == "StackingRegressor"
    assert params(run)["a__alpha"] == 1.0
    assert params(run)["estimators"] == [["a", "Ridge"], ["b", "LinearRegression"]]


def test_data_frames_lists_and_sparse_matrices_are_scored() -> None:
    import pandas as pd
    import scipy.sparse

    with jt.start_run() as run:
        Ridge().fit(pd.DataFrame(X), pd.Series(y, index=range(5, 5 + len(y))))
        Ridge().fit(X.tolist(), y.tolist())
        Ridge().fit(scipy.sparse.csr_matrix(X), y)
    assert len(curves(run)["training_r2"]) == 3
    assert events(run, "problem") == []


def _train_in_a_child(run: Any) -> None:
    Ridge(alpha=3).fit(X, y)


def test_a_fit_of_the_users_in_a_forked_process_is_recorded() -> None:
    with jt.start_run() as run:
        child = multiprocessing.get_context("fork").Process(target=_train_in_a_child, args=(run,))
        child.start()
        child.join()
        assert child.exitcode == 0
    assert params(run)["alpha"] == 3
