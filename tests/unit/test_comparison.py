from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_tracker as jt
from jupyter_tracker.comparison import what_changed
from jupyter_tracker.errors import Invalid, NotFound
from jupyter_tracker.run import Run
from jupyter_tracker.store import Store


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[str, str]]:
    jt.set_root(tmp_path)
    ids = []
    for name, rate, loss, code in (
        ("first", 0.1, 0.5, "a = 1\nb = 2"),
        ("second", 0.05, 0.375, "a = 1\nb = 3\nc = 4"),
    ):
        with Run.start(jt.root(), jt.set_experiment("e"), name) as run:
            run.set_tags({"team": "<b>"})
            run.log_params({"lr": rate, "same": 1})
            run.log_metric("loss", loss)
            run.record("source", {"code": code})
            run.record(
                "environment", {"packages": {"numpy": "2.4" if name == "first" else "2.5"}, "python": "3.11"}
            )
            run.record("git", {"commit": ("a" if name == "first" else "b") * 40, "branch": "main"})
        ids.append(run.run_id)
    yield ids[0], ids[1]


def test_what_differs_comes_first(pair: tuple[str, str]) -> None:
    found = jt.compare(*pair)
    assert [(row.kind, row.key) for row in found.rows if row.differs][:2] == [
        ("param", "lr"),
        ("metric", "loss"),
    ]
    assert [row.differs for row in found.rows] == sorted((row.differs for row in found.rows), reverse=True)
    assert "-b = 2" in found.source[0]
    assert "+c = 4" in found.source[0]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()


def test_a_sentence_says_what_changed(pair: tuple[str, str]) -> None:
    store = Store(jt.root())
    sentence = store.read(lambda con: what_changed(con, pair[1], pair[0]))
    for part in ("lr 0.1 → 0.05", "cell (+2 −1)", "git aaaaaaa → bbbbbbb", "numpy 2.4 → 2.5", "loss −0.125"):
        assert part in sentence
    assert "nothing changed" in store.read(lambda con: what_changed(con, pair[0], pair[0]))


def test_a_fact_of_another_shape_is_passed_over(pair: tuple[str, str]) -> None:
    run = Run.annotate(jt.root(), pair[1])
    run.record("git", "not what it should be")
    run.close()
    assert jt.compare(*pair).names == ["first", "second"]


def test_unknown_runs_and_too_few_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        jt.compare(pair[0], "nobody")
    with pytest.raises(Invalid):
        jt.compare(pair[0])


def test_the_packages_that_differ_are_rows(pair: tuple[str, str]) -> None:
    packages = [(row.key, row.values) for row in jt.compare(*pair).rows if row.kind == "package"]
    assert packages == [("numpy", ["2.4", "2.5"])]


def test_nan_is_no_change_and_large_cells_take_no_time(tmp_path: Path) -> None:
    jt.set_root(tmp_path)
    ids = []
    for name in ("first", "second"):
        with Run.start(jt.root(), jt.set_experiment("e"), name) as run:
            run.log_metrics({"always": math.nan, "once": math.nan if name == "first" else 0.5})
            run.record("source", {"code": "\n".join(f"x{i} = fit({name}, {i})" for i in range(3000))})
        ids.append(run.run_id)
    began = time.process_time()
    found = jt.compare(*ids)
    assert time.process_time() - began < 5
    assert {row.key for row in found.rows if row.kind == "metric" and row.differs} == {"once"}
    assert "cell (+3000 −3000)" in found.changes[0]
    assert "once nan → 0.5" in found.changes[0].lower()
    assert "always" not in found.changes[0]
