"""A notebook written for MLflow tracking runs with its import changed, and records what MLflow would."""

from __future__ import annotations

from pathlib import Path

import pytest

import jupyter_tracker as mlflow

CELLS = [
    """
mlflow.set_tracking_uri(uri)
experiment = mlflow.set_experiment("wine")
experiment_id = experiment.experiment_id
""",
    """
with mlflow.start_run(run_name="elastic", tags={"kind": "linear"}, description="a run") as run:
    mlflow.log_param("alpha", 0.5)
    mlflow.log_params({"l1_ratio": 0.1, "random_state": 42})
    for epoch in range(5):
        mlflow.log_metric("loss", 1 / (epoch + 1), step=epoch)
    mlflow.log_metrics({"rmse": 0.8, "r2": 0.1})
    mlflow.set_tag("release", "1.0")
    mlflow.set_tags({"a": 1, "b": 2})
    mlflow.delete_tag("b")
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": 1}, "config.json")
    mlflow.log_table({"x": [1, 2], "y": [3, 4]}, artifact_file="table.json")
    run_id = run.info.run_id
    assert mlflow.active_run().info.run_id == run_id
""",
    """
mlflow.start_run()
mlflow.log_metric("m", 1)
mlflow.end_run()
mlflow.start_run(run_name="parent")
with mlflow.start_run(run_name="child", nested=True) as child:
    mlflow.log_param("depth", 2)
mlflow.end_run(status="KILLED")
with mlflow.start_run(run_id=run_id):
    mlflow.log_param("alpha", 0.7)
""",
    """
found = mlflow.get_run(run_id)
assert found.info.run_name == "elastic"
assert found.data.params["alpha"] == "0.7"
assert found.data.metrics["rmse"] == 0.8
assert found.data.tags["release"] == "1.0" and "b" not in found.data.tags
frame = mlflow.search_runs(experiment_ids=[experiment_id], filter_string="metrics.rmse < 1 and params.l1_ratio = '0.1'", order_by=["metrics.rmse ASC"])
assert list(frame["run_id"]) == [run_id]
assert frame.loc[0, "metrics.rmse"] == 0.8 and frame.loc[0, "params.alpha"] == "0.7" and frame.loc[0, "tags.kind"] == "linear"
assert frame.loc[0, "status"] == "FINISHED"
everything = mlflow.search_runs(experiment_names=["wine"])
assert len(everything) == 4
assert "KILLED" in set(everything["status"])
listed = mlflow.search_runs(experiment_names=["wine"], output_format="list", max_results=2)
assert [type(one).__name__ for one in listed] == ["RunRecord", "RunRecord"]
""",
    """
mlflow.delete_run(run_id)
assert run_id not in set(mlflow.search_runs(experiment_names=["wine"])["run_id"])
assert list(mlflow.search_runs(experiment_names=["wine"], run_view_type=2)["run_id"]) == [run_id]
mlflow.restore_run(run_id)
other = mlflow.create_experiment("other", tags={"x": "y"})
assert mlflow.get_experiment(other).name == "other"
assert mlflow.get_experiment_by_name("nobody") is None
mlflow.delete_experiment(other)
assert "other" not in [one.name for one in mlflow.search_experiments()]
mlflow.restore_experiment(other)
""",
]


@pytest.fixture(autouse=True)
def _nothing_left_open() -> object:
    yield
    while mlflow.active_run() is not None:
        mlflow.end_run()


def test_the_notebook_runs_twice_as_it_is(tmp_path: Path) -> None:
    for attempt in range(2):
        names: dict[str, object] = {"mlflow": mlflow, "uri": (tmp_path / str(attempt)).as_uri()}
        for cell in CELLS:
            exec(cell, names)


def test_every_cell_can_be_run_again(tmp_path: Path) -> None:
    names: dict[str, object] = {"mlflow": mlflow, "uri": tmp_path.as_uri()}
    for cell in CELLS[:3]:
        for _ in range(2):
            exec(cell, names)
    statuses = set(mlflow.search_runs(experiment_names=["wine"])["status"])
    assert "RUNNING" not in statuses
