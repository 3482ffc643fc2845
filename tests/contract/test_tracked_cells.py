"""`%%track` in a real kernel: the cell behaves as if the line were not there, and everything is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kernels import Kernel

from jupyter_tracker import queries
from jupyter_tracker.journal import read
from jupyter_tracker.roots import Root
from jupyter_tracker.store.index import Store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def kernel(place: Path) -> Iterator[Kernel]:
    started = Kernel(place)
    assert started.run("%load_ext jupyter_tracker").ename is None
    yield started
    started.stop()


def detail(place: Path, name: str) -> dict[str, Any]:
    store = Store(Root.open(place))
    with store.reading() as con:
        found = con.execute(
            "SELECT run_id FROM runs WHERE name = ? ORDER BY start_time DESC LIMIT 1", [name]
        ).fetchone()
    assert found is not None, name
    return queries.dispatch(store, "run.detail", {"run_id": found[0]})[0]


def params(found: dict[str, Any]) -> dict[str, str]:
    return {row["key"]: row["value"] for row in found["params"]}


def metrics(found: dict[str, Any]) -> dict[str, float]:
    return {row["key"]: row["last"] for row in found["metrics"] if not row["key"].startswith("system/")}


def eventually(check: Any, within: float = 30) -> Any:
    deadline = time.monotonic() + within
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_params_metrics_output_and_source_are_recorded(kernel: Kernel, place: Path) -> None:
    cell = kernel.run(
        "%%track first -e churn -t model=rf --note hello\ndepth = 3\nscore = depth * 0.5\nprint('printed')\nscore",
        "cell-1",
    )
    assert cell.stream == "printed\n"
    assert cell.data[0]["text/plain"] == "1.5"
    assert "jupyter-tracker-summary" in cell.html
    found = detail(place, "first")
    assert params(found) == {"depth": "3"}
    assert metrics(found) == {"score": 1.5}
    assert found["tags"] == {"model": "rf"}
    assert found["run"]["note"] == "hello"
    assert found["run"]["experiment"] == "churn"
    assert found["run"]["status"] == "finished"
    assert found["run"]["cell_id"] == "cell-1"
    assert found["captures"]["source"]["code"].startswith("%%track first")
    assert eventually(lambda: "environment" in detail(place, "first")["captures"])
    assert "duckdb" in detail(place, "first")["captures"]["environment"]["packages"]


def test_a_second_attempt_is_compared_with_the_first(kernel: Kernel, place: Path) -> None:
    for value in (1.0, 0.5):
        cell = kernel.run(
            f"%%track again -e compared\nrmse = sum([{value}])\nimport time; time.sleep(0.2)", "cell-2"
        )
    assert "attempt 2" in cell.plain
    assert "−0.5 vs previous" in cell.plain
    assert "best so far" in cell.plain
    assert detail(place, "again")["run"]["attempt"] == 2


def test_an_error_propagates_with_its_true_line(kernel: Kernel, place: Path) -> None:
    cell = kernel.run("%%track failing\nreached = sum([2])\n\n1 / 0\nnever = float(5)")
    assert cell.ename == "ZeroDivisionError"
    assert "line 4" in cell.traceback
    assert "jupyter_tracker" not in cell.traceback
    found = detail(place, "failing")
    assert found["run"]["status"] == "failed"
    assert found["run"]["error_type"] == "ZeroDivisionError"
    assert "1 / 0" in found["traceback"]
    assert metrics(found) == {"reached": 2}


def test_a_failed_cell_stops_run_all(kernel: Kernel) -> None:
    assert kernel.run("%%track stopping\nraise KeyError('x')").ename == "KeyError"


def test_a_syntax_error_is_the_users(kernel: Kernel, place: Path) -> None:
    cell = kernel.run("%%track wrong\nx = = 1")
    assert cell.ename == "SyntaxError"
    assert "line 2" in cell.traceback
    assert detail(place, "wrong")["run"]["status"] == "failed"


def test_top_level_await_works(kernel: Kernel, place: Path) -> None:
    cell = kernel.run(
        "%%track awaiting\nimport asyncio\nawait asyncio.sleep(0.01)\nimport jupyter_tracker as jt\njt.log_metric('inside', 2)\nvalue = sum([3])\nvalue"
    )
    assert cell.ename is None, cell.traceback
    assert cell.data[0]["text/plain"] == "3"
    assert metrics(detail(place, "awaiting")) == {"inside": 2.0, "value": 3}


def test_other_cell_magics_can_follow(kernel: Kernel, place: Path) -> None:
    cell = kernel.run("%%track timed\n%%time\nlr = 0.1\nresult = lr * 2")
    assert "Wall time" in cell.stream
    found = detail(place, "timed")
    assert params(found) == {"lr": "0.1"}
    assert metrics(found) == {"result": 0.2}


def test_watch_logs_a_curve(kernel: Kernel, place: Path) -> None:
    kernel.run("%%track curved --watch loss --step epoch\nfor epoch in range(5, 10):\n    loss = 1 / epoch")
    (row,) = [row for row in detail(place, "curved")["metrics"] if row["key"] == "loss"]
    assert (row["count"], row["last_step"]) == (5, 9)


def test_a_wrong_option_refuses_the_cell_in_one_line(kernel: Kernel) -> None:
    cell = kernel.run("%%track --metrcs x\nran = True")
    assert "unrecognized arguments" in cell.stream
    assert "Traceback" not in cell.stream
    assert kernel.run("'ran' in globals()").data[0]["text/plain"] == "False"


def test_a_named_metric_that_is_none_is_told_under_the_cell(kernel: Kernel) -> None:
    cell = kernel.run("%%track named --metrics text\ntext = 'high'")
    assert cell.ename is None
    assert "'text'" in cell.plain


def test_figures_are_kept_and_still_shown(kernel: Kernel, place: Path) -> None:
    cell = kernel.run(
        "%%track drawn\n%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    )
    assert any("image/png" in shown for shown in cell.data)
    assert [row["mime"] for row in detail(place, "drawn")["artifacts"]] == ["image/png"]


def test_secrets_never_reach_the_disk(kernel: Kernel, place: Path) -> None:
    token = "ghp_" + "Zz09" * 9
    kernel.run(f"%%track secretive\napi_key = '{token}'\nprint('{token}')\nraise ValueError('{token}')")
    found = detail(place, "secretive")
    assert found["run"]["status"] == "failed"
    assert token.encode() not in b"".join(
        path.read_bytes() for path in Root.open(place).runs.rglob("*.ndjson")
    )


def test_runs_started_inside_are_nested_and_a_forgotten_one_is_ended(kernel: Kernel, place: Path) -> None:
    kernel.run(
        "%%track outer\nimport jupyter_tracker as jt\nwith jt.start_run('inner'):\n    jt.log_param('a', 1)"
    )
    outer, inner = detail(place, "outer"), detail(place, "inner")
    assert inner["run"]["parent_run_id"] == outer["run"]["run_id"]
    assert outer["children"] == [inner["run"]["run_id"]]
    for _ in range(2):
        assert kernel.run("run = jt.start_run('left open')").ename is None
    kernel.run("jt.end_run()")
    assert detail(place, "left open")["run"]["status"] == "finished"


def test_resuming_goes_on_with_the_run(kernel: Kernel, place: Path) -> None:
    kernel.run("%%track resumed --watch loss\nfor i in range(3):\n    loss = 1.0 / (i + 1)")
    run_id = detail(place, "resumed")["run"]["run_id"]
    kernel.run("%%track --resume last\nextra = sum([6])")
    found = detail(place, "resumed")
    assert found["run"]["run_id"] == run_id
    assert metrics(found)["extra"] == 6
    assert found["run"]["status"] == "finished"


def test_track_on_follows_every_cell(kernel: Kernel, place: Path) -> None:
    kernel.run("%track on")
    kernel.run("every = sum([7])", "cell-9")
    kernel.run("%track off")
    kernel.run("untracked = sum([8])", "cell-10")
    store = Store(Root.open(place))
    with store.reading() as con:
        keys = {key for (key,) in con.execute("SELECT key FROM metric_key").fetchall()}
    assert "every" in keys
    assert "untracked" not in keys


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%track status", "Runs are kept in"),
        ("%track note a *note*", "Noted"),
        ("%track tag stage=done", "Tagged stage = done"),
        ("%track bogus", "does not know 'bogus'"),
        ("%track tag nothing", "KEY=VALUE"),
        ("%compare one", "at least two"),
        ("%compare nobody neither", "No run 'nobody'"),
        ("%runs nowhere", "No experiment 'nowhere'"),
    ],
)
def test_line_magics_answer_in_a_line(kernel: Kernel, line: str, expected: str) -> None:
    cell = kernel.run(line)
    assert expected in cell.stream
    assert "Traceback" not in cell.stream


def test_runs_compare_and_sql_show_tables(kernel: Kernel) -> None:
    for name in ("left", "right"):
        kernel.run(f"%%track {name} -e tables\ndepth = 3\nscore = sum([depth])")
    assert "left" in kernel.run("%runs tables").plain
    assert "score" in kernel.run("%compare left right").plain
    assert "<table" in kernel.run('%runs --where "params.depth > 2" --best score').html
    kernel.run("%%tracker_sql kept\nSELECT count(*) AS n FROM runs")
    assert int(kernel.run("kept.scalar()").data[0]["text/plain"]) >= 2
    wrong = kernel.run("%%tracker_sql\nDELETE FROM run")
    assert "Traceback" not in wrong.stream
    assert "SELECT" in wrong.stream


def test_help_and_completion(kernel: Kernel) -> None:
    kernel.client.inspect("%%track", 7)
    message = kernel.client.complete("%%track --exp", 13)
    reply = kernel.client._recv_reply(message, timeout=30)
    assert "--experiment" in reply["content"]["matches"]


def test_an_interrupt_is_recorded_as_one_and_the_next_cell_works(kernel: Kernel, place: Path) -> None:
    flag = place / "started"
    sent = kernel.send(
        f"%%track interrupted\nimport pathlib, time\nbefore = sum([2])\npathlib.Path({str(flag)!r}).touch()\nwhile True:\n    time.sleep(0.01)"
    )
    assert eventually(flag.exists)
    os.kill(kernel.pid, signal.SIGINT)
    assert kernel.collect(sent).ename == "KeyboardInterrupt"
    assert detail(place, "interrupted")["run"]["status"] == "interrupted"
    assert kernel.run("%%track after\nx = 1").ename is None


def test_a_killed_kernel_leaves_a_lost_run_and_everything_it_logged(place: Path) -> None:
    doomed = Kernel(place)
    doomed.run("%load_ext jupyter_tracker")
    flag = place / "logging"
    doomed.send(
        "%%track doomed --watch loss\nimport pathlib, time\nfor i in range(10**9):\n    loss = 1.0 / (i + 1)\n"
        f"    if i == 100: pathlib.Path({str(flag)!r}).touch()\n    time.sleep(0.001)"
    )
    assert eventually(flag.exists)
    assert detail(place, "doomed")["run"]["status"] == "running"
    os.kill(doomed.pid, signal.SIGKILL)
    began = time.monotonic()
    assert eventually(lambda: detail(place, "doomed")["run"]["status"] == "lost")
    assert time.monotonic() - began < 30
    found = detail(place, "doomed")
    (row,) = [row for row in found["metrics"] if row["key"] == "loss"]
    assert row["count"] >= 100
    steps = [
        event.fields["step"]
        for event in read(Root.open(place), found["run"]["run_id"])
        if event.kind == "metrics" and "loss" in event.fields["values"]
    ]
    assert steps == list(range(len(steps)))
    doomed.stop()


def test_a_restarted_kernel_interrupts_its_run(place: Path) -> None:
    restarted = Kernel(place)
    restarted.run("%load_ext jupyter_tracker")
    flag = place / "restarting"
    restarted.send(
        f"%%track restarted\nimport pathlib, time\npathlib.Path({str(flag)!r}).touch()\nwhile True:\n    time.sleep(0.01)"
    )
    assert eventually(flag.exists)
    restarted.manager.restart_kernel(now=False)
    assert eventually(lambda: detail(place, "restarted")["run"]["status"] in ("interrupted", "lost"))
    restarted.stop()


LEAVE = """
import sys
from IPython.core.interactiveshell import InteractiveShell
import jupyter_tracker as jt
jt.set_root(sys.argv[1])
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "jupyter_tracker")
shell.run_cell("%%track leaving\\na = 1")
"""


def test_a_process_may_end_right_behind_a_tracked_cell(tmp_path: Path) -> None:
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", LEAVE, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    store = Store(Root.open(tmp_path))
    with store.reading() as con:
        assert con.execute("SELECT count(*) FROM runs WHERE status = 'finished'").fetchone() == (5,)
