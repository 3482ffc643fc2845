"""The command line over a root with known runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

import jupyter_tracker as jt
from jupyter_tracker.capture.circumstances import settle
from jupyter_tracker.cli import cli


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("root")
    jt.set_root(place)
    for number in range(3):
        with jt.start_run(f"run-{number}", experiment="churn", tags={"team": "a"}) as run:
            jt.log_params({"depth": number, "=formula": "=1+1"})
            for step in range(5):
                run.log(rmse=1.0 / (number + step + 1))
            jt.log_text("x" * 1000, "notes.txt")
    return place


@pytest.fixture(autouse=True)
def _root(place: Path) -> Iterator[None]:
    jt.set_root(place)
    yield


def tracker(*arguments: str, **options: object) -> Result:
    return CliRunner().invoke(cli, list(arguments), **options)


def printed(*arguments: str) -> str:
    result = tracker(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_ls_lists_filters_and_orders() -> None:
    assert [line.split()[1] for line in printed("ls").splitlines()[1:]] == ["run-2", "run-1", "run-0"]
    rows = json.loads(printed("ls", "churn", "--where", "params.depth > 0", "--best", "rmse", "--json"))
    assert [row["name"] for row in rows] == ["run-2", "run-1"]
    assert rows[0]["metrics.rmse"] == pytest.approx(1 / 7)


def test_a_key_that_no_run_has_is_told() -> None:
    assert "near: rmse" in printed("ls", "--where", "metrics.rmsee < 3")


def test_show_by_name_id_and_end_of_id() -> None:
    run_id = json.loads(printed("show", "run-1", "--json"))["run"]["run_id"]
    for name in (run_id, run_id[:20], run_id[-8:]):
        assert "run-1" in printed("show", name)


def test_compare_and_sql() -> None:
    assert "* param depth" in printed("compare", "run-0", "run-1")
    assert json.loads(printed("sql", "SELECT count(*) AS n FROM runs", "--json")) == [{"n": 3}]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["show", "nobody"], 1, "No run 'nobody'"),
        (["ls", "--where", "stauts = 'x'"], 1, "no attribute"),
        (["sql", "DROP TABLE run"], 1, "SELECT"),
        (["compare", "run-0"], 1, "two runs"),
        (["tag", "run-0", "novalue"], 1, "KEY=VALUE"),
        (["export", "out.xyz"], 1, "names no form"),
        (["nosuch"], 2, "No such command"),
        (["ls", "--limit", "x"], 2, "not a valid integer"),
    ],
)
def test_what_cannot_be_done_says_why_and_how(arguments: list[str], code: int, says: str) -> None:
    result = tracker(*arguments)
    assert result.exit_code == code
    assert says in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_note_tag_trash_and_restore() -> None:
    printed("note", "run-0", "a note")
    printed("tag", "run-0", "stage=done", "team=")
    found = json.loads(printed("show", "run-0", "--json"))
    assert found["run"]["note"] == "a note"
    assert found["tags"] == {"stage": "done"}
    printed("rm", "run-0")
    assert "run-0" not in printed("ls")
    assert "run-0" in printed("ls", "--deleted")
    (listed,) = json.loads(printed("gc", "--json"))
    assert listed["bytes"] > 1000
    printed("restore", "run-0")
    assert "run-0" in printed("ls")
    assert "trash is empty" in printed("gc")


def test_gc_purges_for_good() -> None:
    with jt.start_run("doomed", experiment="trash") as run:
        jt.log_param("a", 1)
    assert settle()
    home = run.root.runs / run.run_id
    printed("rm", "doomed")
    assert "freed" in printed("gc", "--purge", "--yes")
    assert not home.exists()
    assert tracker("show", run.run_id).exit_code == 1


def test_rebuild_and_doctor_leave_everything_in_order() -> None:
    before = printed(
        "sql", "SELECT * FROM metrics WHERE NOT starts_with(key, 'system/') ORDER BY ALL", "--json"
    )
    assert "events" in printed("rebuild")
    assert (
        printed("sql", "SELECT * FROM metrics WHERE NOT starts_with(key, 'system/') ORDER BY ALL", "--json")
        == before
    )
    assert "in order" in printed("doctor")
    assert json.loads(printed("doctor", "--json")) == []


def test_root_says_which_and_why(place: Path) -> None:
    assert json.loads(printed("root", "--json"))["path"] == str(place)


def test_export_in_every_form(tmp_path: Path) -> None:
    for name in ("runs.csv", "runs.json", "runs.parquet", "all.duckdb", "all"):
        assert "3 runs" in " ".join(printed("export", str(tmp_path / name)).split())
    with (tmp_path / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["params.=formula"] == "'=1+1"
    assert json.loads((tmp_path / "runs.json").read_text())["columns"][0] == "run_id"
    with duckdb.connect() as con:
        for source in (tmp_path / "runs.parquet", tmp_path / "all" / "runs.parquet"):
            assert con.execute(f"SELECT count(*) FROM '{source}'").fetchone() == (3,)
    with duckdb.connect(str(tmp_path / "all.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM metrics WHERE key = 'rmse'").fetchone() == (15,)
    assert tracker("export", str(tmp_path / "all")).exit_code == 1


def test_completion_scripts_are_printed() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "jupyter-tracker" in printed("completion", shell)
