"""Results and the ways out of them."""

from __future__ import annotations

import math
from datetime import datetime

import pytest

from jupyter_tracker.errors import Invalid
from jupyter_tracker.frames import Result

WHEN = datetime(2026, 1, 2, 3, 4, 5)
TYPES = ["VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP"]
RESULT = Result(["name", "n", "x", "at"], [("a", 1, 0.5, WHEN), ("b", None, math.nan, None)], TYPES)


def test_rows_one_way_or_another() -> None:
    assert len(RESULT) == 2
    assert next(iter(RESULT)) == ("a", 1, 0.5, WHEN)
    assert RESULT.dicts()[0] == {"name": "a", "n": 1, "x": 0.5, "at": WHEN}
    assert RESULT.column("n") == [1, None]
    with pytest.raises(Invalid, match="the columns are name, n, x, at"):
        RESULT.column("m")
    with pytest.raises(Invalid):
        RESULT.scalar()


def test_as_a_data_frame() -> None:
    frame = RESULT.df()
    assert list(frame.columns) == RESULT.columns
    assert frame["x"].dtype == "float64"
    empty = Result(["n", "at"], [], ["BIGINT", "TIMESTAMP"]).df()
    assert [str(t) for t in empty.dtypes] == ["int64", "datetime64[us]"]
    assert list(Result(["a", "a"], [(1, 2)], ["BIGINT", "BIGINT"]).df().columns) == ["a", "a"]


def test_as_an_arrow_table() -> None:
    pytest.importorskip("pyarrow")
    table = RESULT.arrow()
    assert [str(f.type) for f in table.schema] == ["string", "int64", "double", "timestamp[us]"]
    assert table.column("n").to_pylist() == [1, None]


def test_html_is_escaped_and_short() -> None:
    evil = Result(["<b>"], [("<script>alert(1)</script>" + "x" * 5000,)] * 500, ["VARCHAR"])
    shown = evil._repr_html_()
    assert "<script" not in shown and "<b>" not in shown
    assert len(shown) < 6000
    assert "of 500 rows" in shown


@pytest.mark.parametrize("width", [24, 40, 80, 200])
def test_text_fits(width: int) -> None:
    wide = Result([f"column {i}" for i in range(4)], [("x" * 50, 1, 1 / 3, "y\ny")] * 30, ["VARCHAR"] * 4)
    lines = wide.text(width).splitlines()
    assert max(map(len, lines[:-1])) <= width
    assert "of 30 rows" in lines[-1]


def test_an_empty_result_says_so() -> None:
    assert "no rows" in Result(["a"], [], ["BIGINT"]).text()
    assert "limit" in Result(["a"], [(1,)], ["BIGINT"], truncated=True).text()
