"""Roots of every released format are read for ever: these files are never written again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from jupyter_tracker import queries
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

SAMPLES = sorted((Path(__file__).parent.parent / "journals").glob("format-*"))


def test_there_is_a_sample_of_every_format() -> None:
    assert [sample.name for sample in SAMPLES] == ["format-1"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_frozen_root_reads_as_it_was_written(sample: Path, tmp_path: Path) -> None:
    place = tmp_path / "root"
    shutil.copytree(sample / "root", place / ".jupyter_tracker")
    store = Store(Root.create(place))
    store.rebuild()
    expected = json.loads((sample / "expected.json").read_text())
    runs = queries.dispatch(store, "runs.page", {"limit": 100, "view": "all"})[0]["runs"]
    found = {}
    for row in runs:
        detail = queries.dispatch(store, "run.detail", {"run_id": row["run_id"]})[0]
        del detail["run"]["last_time"]
        found[row["run_id"]] = detail
    assert found == expected["runs"]
    experiments = queries.dispatch(store, "experiments.list", {})
    assert experiments == expected["experiments"]
    assert queries.dispatch(store, "errors.list", {}) == []
