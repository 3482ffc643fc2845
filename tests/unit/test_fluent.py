from __future__ import annotations

import asyncio
import concurrent.futures
import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import log_there

import jupyter_tracker as jt
from jupyter_tracker import fluent
from jupyter_tracker.errors import Invalid, NotFound
from jupyter_tracker.journal import read
from jupyter_tracker.record import RunRecord
from jupyter_tracker.run import Run


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> Iterator[Path]:
    jt.set_root(tmp_path)
    yield tmp_path
    while jt.active_run() is not None:
        jt.end_run()


def mine(record: RunRecord) -> dict[str, float]:
    return {key: value for key, value in record.data.metrics.items() if not key.startswith("system/")}


def kinds(run: Run, kind: str) -> list[dict[str, object]]:
    return [event.fields for event in read(run.root, run.run_id) if event.kind == kind]


def test_a_block_records_params_metrics_tags_and_its_end() -> None:
    jt.set_experiment("churn")
    with jt.start_run("baseline", tags={"team": "a"}) as run:
        jt.log_params({"depth": 3, "lr": 0.1})
        jt.log_metric("rmse", 0.5)
        jt.log_metrics({"rmse": 0.4, "mae": 0.3})
        jt.set_tag("seen", True)
        jt.set_note("a note")
    record = jt.get_run(run.run_id)
    assert record.name == "baseline"
    assert record.experiment == "churn"
    assert record.status == "finished"
    assert mine(record) == {"rmse": 0.4, "mae": 0.3}
    assert record.typed_params == {"depth": 3, "lr": 0.1}
    assert record.data.tags == {"team": "a", "seen": "True"}
    assert record.note == "a note"
    assert record.captures["source"]["code"] is None or "pytest" in record.captures["source"]["code"]


def test_steps_count_on_by_themselves_for_each_key() -> None:
    with jt.start_run() as run:
        for _ in range(3):
            run.log(loss=1.0)
        run.log(loss=1.0, acc=0.5)
        run.log_metric("loss", 2.0, step=10)
        run.log({"loss": 3.0})
    steps = [
        (event.fields["step"], list(event.fields["values"]))
        for event in read(run.root, run.run_id)
        if event.kind == "metrics"
    ]
    mine = [(step, keys) for step, keys in steps if not keys[0].startswith("system/")]
    assert mine == [
        (0, ["loss"]),
        (1, ["loss"]),
        (2, ["loss"]),
        (3, ["loss", "acc"]),
        (10, ["loss"]),
        (11, ["loss"]),
    ]


def test_starting_again_ends_what_an_earlier_cell_left_open() -> None:
    first = jt.start_run("one")
    second = jt.start_run("two")
    assert first.outcome == "finished"
    assert second.parent_run_id is None
    assert jt.active_run() is second


def test_runs_nest_inside_blocks() -> None:
    with jt.start_run("outer") as outer:
        with jt.start_run("inner") as inner:
            assert inner.parent_run_id == outer.run_id
        assert jt.active_run() is outer
        with jt.start_run("mlflow style", nested=True) as other:
            assert other.parent_run_id == outer.run_id
    assert jt.active_run() is None
    assert sorted(jt.get_run(outer.run_id).children) == sorted([inner.run_id, other.run_id])


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted"), (MemoryError, "failed")]
)
def test_a_block_left_by_an_error_says_so(error: type[BaseException], status: str) -> None:
    with pytest.raises(error), jt.start_run() as run:
        raise error("what happened")
    record = jt.get_run(run.run_id)
    assert record.status == status
    assert "what happened" in (record.error or "")


def test_a_run_is_resumed_by_its_id_and_counts_on() -> None:
    with jt.start_run("first") as run:
        run.log(loss=1.0)
    with jt.start_run(run.run_id) as again:
        assert again.run_id == run.run_id
        assert again.name == "first"
        again.log(loss=0.5)
    assert jt.get_run(run.run_id).status == "finished"
    assert jt.get_run(run.run_id).summaries["loss"]["last_step"] == 1


def test_an_unknown_id_is_not_found() -> None:
    with pytest.raises(NotFound, match="No run"):
        jt.start_run("0" * 32)


def test_a_param_may_be_logged_again_and_both_are_kept() -> None:
    with jt.start_run() as run:
        jt.log_param("lr", 0.1)
        jt.log_param("lr", 0.2)
    assert jt.get_run(run.run_id).data.params == {"lr": "0.2"}
    assert [fields["values"] for fields in kinds(run, "params")] == [{"lr": 0.1}, {"lr": 0.2}]


def test_secrets_in_params_and_errors_are_masked() -> None:
    token = "ghp_" + "a1B2" * 9
    with pytest.raises(RuntimeError), jt.start_run() as run:
        jt.log_param("auth", token)
        raise RuntimeError(f"bad token {token}")
    stored = b"".join(path.read_bytes() for path in run.root.runs.rglob("*.ndjson"))
    assert token.encode() not in stored


def test_a_metric_that_is_no_number_is_refused_and_the_run_goes_on() -> None:
    with jt.start_run() as run:
        with pytest.raises(Invalid, match="'acc'"):
            jt.log_metric("acc", "high")
        jt.log_metric("acc", 0.9)
    assert mine(jt.get_run(run.run_id)) == {"acc": 0.9}


def test_artifacts_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "model.bin").write_bytes(b"\0\1")
    with jt.start_run() as run:
        jt.log_artifact(tmp_path / "model.bin", "models")
        jt.log_artifacts(tmp_path / "in", "dir")
        jt.log_text("hello", "notes/hello.txt")
        jt.log_dict({"a": [1, float("nan")]}, "config.json")
        jt.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.csv")
        jt.log_table({"x": [1, 2]}, "table.parquet")
    record = jt.get_run(run.run_id)
    assert record.artifacts == sorted(
        ["models/model.bin", "dir/a.txt", "notes/hello.txt", "config.json", "table.csv", "table.parquet"]
    )
    assert record.artifact("models/model.bin").read_bytes() == b"\0\1"
    assert json.loads(record.artifact("config.json").read_text()) == {"a": [1, "NaN"]}
    assert record.artifact("table.csv").read_text() == "x,y\n1,a\n2,b\n"
    with pytest.raises(NotFound):
        record.artifact("gone")


def test_threads_and_pools_log_to_the_process_run() -> None:
    with jt.start_run() as run:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: jt.log_metric("m", number), range(100)))
        thread = threading.Thread(target=jt.log_param, args=("in_thread", 1))
        thread.start()
        thread.join()
    assert jt.get_run(run.run_id).summaries["m"]["count"] == 100
    assert jt.get_run(run.run_id).data.params == {"in_thread": "1"}


def test_tasks_log_to_the_run_that_was_active_where_they_were_made() -> None:
    async def train(name: str) -> str:
        with fluent.start_run(name, nested=True) as run:
            await asyncio.sleep(0)
            jt.log_param("name", name)
            await asyncio.sleep(0)
            await asyncio.to_thread(jt.log_metric, "m", 1.0)
        return run.run_id

    async def both() -> list[str]:
        return list(await asyncio.gather(*(train(name) for name in "abc")))

    with jt.start_run("outer"):
        found = asyncio.run(both())
    assert [jt.get_run(run_id).data.params["name"] for run_id in found] == list("abc")
    assert all(jt.get_run(run_id).data.metrics["m"] == 1.0 for run_id in found)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_every_kind_log_to_their_parents_run(method: str) -> None:
    context = multiprocessing.get_context(method)
    with jt.start_run() as run:
        workers = [context.Process(target=log_there, args=(run,)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
    record = jt.get_run(run.run_id)
    assert record.status == "finished"
    assert record.summaries["from_worker"]["count"] == 3


def test_a_run_survives_pickling() -> None:
    with jt.start_run() as run:
        copy = pickle.loads(pickle.dumps(run))
        copy.log_param("copied", True)
        copy.end()
        assert not run.ended
    assert jt.get_run(run.run_id).typed_params == {"copied": True}


@pytest.mark.parametrize(
    "uri", ["http://localhost:5000", "sqlite:///mlflow.db", "postgresql://u@h/db", "databricks://x"]
)
def test_addresses_of_servers_and_databases_get_a_hint(uri: str) -> None:
    with pytest.raises(Invalid) as raised:
        jt.set_tracking_uri(uri)
    assert "directory" in raised.value.hint


def test_a_file_uri_is_a_root(tmp_path: Path) -> None:
    jt.set_tracking_uri((tmp_path / "with space").as_uri())
    assert fluent.root().path == tmp_path / "with space"
    assert jt.get_tracking_uri() == (tmp_path / "with space").as_uri()


def test_experiments_are_deleted_restored_and_used_again() -> None:
    made = jt.create_experiment("a", tags={"x": 1})
    assert jt.get_experiment(made).tags == {"x": "1"}
    jt.set_experiment("a")
    jt.delete_experiment("a")
    assert [found.name for found in jt.search_experiments("deleted")] == ["a"]
    with jt.start_run() as run:
        pass
    assert run.experiment_name == "a"
    assert run.experiment_id != made


def test_runs_go_to_the_trash_and_back() -> None:
    with jt.start_run("kept") as run:
        pass
    jt.delete_run(run.run_id)
    assert len(jt.runs()) == 0
    assert [row[0] for row in jt.runs(deleted=True)] == [run.run_id]
    jt.restore_run(run.run_id)
    assert len(jt.runs()) == 1
    assert jt.get_run(run.run_id).status == "finished"


SCRIPT = """
import sys
import jupyter_tracker as mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("script")
mlflow.start_run(run_name=sys.argv[2])
mlflow.log_metric("m", 1)
if sys.argv[2] == "failing":
    raise ValueError("on purpose")
"""


@pytest.mark.parametrize(("name", "status"), [("plain", "finished"), ("failing", "failed")])
def test_a_script_that_never_ends_its_run_has_it_ended_truly(tmp_path: Path, name: str, status: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    subprocess.run([sys.executable, str(script), str(tmp_path), name], capture_output=True, check=False)
    (row,) = jt.runs("script").dicts()
    assert (row["name"], row["status"]) == (name, status)
    assert jt.get_run(row["run_id"]).source == SCRIPT


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in jt.__all__:
        assert getattr(jt, name).__doc__, name


def test_no_module_hides_a_public_name() -> None:
    for name in jt.__all__:
        assert not isinstance(getattr(jt, name), type(jt)), name
