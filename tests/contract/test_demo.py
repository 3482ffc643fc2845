"""README's first command, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def tracker(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jupyter_tracker", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("demo")
    done = tracker("demo", "--no-browser", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "tracker-demo", done.stdout


def test_it_prints_the_runs_and_where_they_are(demo: tuple[Path, str]) -> None:
    place, printed = demo
    for name in ("forest", "forest-deeper", "boosted", "gradient-descent", "forest-from-code", "broken"):
        assert name in printed
    assert str(place) in printed


def test_what_it_recorded_is_right(demo: tuple[Path, str]) -> None:
    place, _ = demo
    rows = json.loads(tracker("ls", "diabetes", "--json", cwd=place).stdout)
    by_name = {row["name"]: row for row in rows}
    assert {name: row["status"] for name, row in by_name.items()} == {
        "forest": "finished", "forest-deeper": "finished", "boosted": "finished", "gradient-descent": "finished",
        "forest-from-code": "finished", "broken": "failed",
    }  # fmt: skip
    assert by_name["forest"]["params.max_depth"] == "3"
    assert by_name["forest"]["params.n_estimators"] == "50"
    assert 40 < by_name["forest"]["metrics.rmse"] < 80
    shown = json.loads(tracker("show", "boosted", "--json", cwd=place).stdout)
    counts = {row["key"]: row["count"] for row in shown["metrics"]}
    assert counts["validation_1-rmse"] == 120
    descent = json.loads(tracker("show", "gradient-descent", "--json", cwd=place).stdout)
    assert {row["key"]: row["count"] for row in descent["metrics"]}["loss"] == 60
    broken = json.loads(tracker("show", "broken", "--json", cwd=place).stdout)
    assert "InvalidParameterError" in broken["traceback"]


def test_the_executed_notebook_can_be_read_without_javascript(demo: tuple[Path, str]) -> None:
    place, _ = demo
    notebook = json.loads((place / "01_track_a_cell.ipynb").read_text())
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    summaries = ["".join(output["data"].get("text/html", "")) for output in outputs if "data" in output]
    assert sum("jupyter-tracker-summary" in html for html in summaries) == 5
    assert not any("<script" in html for html in summaries)
