"""Curves: points of metric series, thinned in SQL to what a screen can show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import duckdb
import msgspec

from .registry import Number, number, query
from .runs import exists

Buckets = Annotated[int, msgspec.Meta(ge=1, le=20_000)]
Axis = Literal["step", "time"]


class Curve(msgspec.Struct, forbid_unknown_fields=True):
    """One series; `low` and `high` bound the axis (a step, or microseconds), both ends included."""

    run_id: str
    key: str
    buckets: Buckets = 1000
    axis: Axis = "step"
    low: int | None = None
    high: int | None = None


class Curves(msgspec.Struct, forbid_unknown_fields=True):
    """Every series that one of the runs has under one of the keys."""

    run_ids: list[str]
    keys: list[str]
    buckets: Buckets = 300
    axis: Axis = "step"
    low: int | None = None
    high: int | None = None


class Point(msgspec.Struct):
    """One logged point; `exact` is its text where a float cannot hold it."""

    step: int
    time: int
    value: Number
    exact: str | None


class CurvePoint(msgspec.Struct):
    run_id: str
    key: str
    step: int
    time: int
    value: Number
    exact: str | None


_SERIES = """
SELECT r.run_id, k.key, u.run_idx, u.key_idx, u.count
FROM rollup u JOIN run r ON r.run_idx = u.run_idx JOIN metric_key k ON k.key_idx = u.key_idx
WHERE u.run_idx IN (SELECT run_idx FROM run WHERE run_id IN (SELECT unnest(?::VARCHAR[])))
  AND k.key IN (SELECT unnest(?::VARCHAR[]))
"""

_POINTS = """
SELECT p.run_idx, p.key_idx, p.step, epoch_us(p.time) AS time, p.value, p.exact, p.seq, {axis} AS x FROM point p
WHERE p.run_idx IN (SELECT unnest($runs::INTEGER[])) AND p.key_idx IN (SELECT unnest($keys::INTEGER[]))
  AND ($low IS NULL OR {axis} >= $low) AND ($high IS NULL OR {axis} <= $high)
"""

_WHOLE = "SELECT run_idx, key_idx, step, time, value, exact, seq, x FROM ({points}) p"

# Each bucket of the axis gives its lowest and its highest point, and its first one that is not finite: what the full
# curve would paint in that column of pixels. A series that fits is given whole.
_THINNED = """
WITH p AS MATERIALIZED ({points}), span AS (
    SELECT run_idx, key_idx, min(x)::DOUBLE AS lo, max(x)::DOUBLE - min(x)::DOUBLE + 1 AS width, count(*) AS points
    FROM p GROUP BY run_idx, key_idx
), ranked AS (
    SELECT p.*, row_number() OVER (seat ORDER BY p.value, p.step, p.time, p.seq) AS low,
           row_number() OVER (seat ORDER BY p.value DESC, p.step, p.time, p.seq) AS high,
           isfinite(p.value) AS finite
    FROM p JOIN span USING (run_idx, key_idx) WHERE span.points > 2 * $buckets
    WINDOW seat AS (PARTITION BY p.run_idx, p.key_idx, isfinite(p.value),
                    floor((p.x - span.lo) * $buckets / span.width))
)
SELECT p.* FROM p JOIN span USING (run_idx, key_idx) WHERE span.points <= 2 * $buckets
UNION ALL
SELECT * EXCLUDE (low, high, finite) FROM ranked WHERE low = 1 OR (finite AND high = 1)
"""


@query("run.curve", Curve, Point)
def curve(con: duckdb.DuckDBPyConnection, p: Curve) -> Iterable[Point]:
    """One series, thinned to the lowest and highest point of each bucket when it has more than twice as many."""
    exists(con, p.run_id)
    asked = Curves([p.run_id], [p.key], p.buckets, p.axis, p.low, p.high)
    return [Point(c.step, c.time, c.value, c.exact) for c in _thinned(con, asked)]


@query("runs.curves", Curves, CurvePoint)
def curves(con: duckdb.DuckDBPyConnection, p: Curves) -> Iterable[CurvePoint]:
    """Many series at once, each thinned by itself, ordered by run, key and axis."""
    return _thinned(con, p)


def _thinned(con: duckdb.DuckDBPyConnection, p: Curves) -> list[CurvePoint]:
    series = con.execute(_SERIES, [p.run_ids, p.keys]).fetchall()
    if not series:
        return []
    names = {(run_idx, key_idx): (run_id, key) for run_id, key, run_idx, key_idx, _ in series}
    values: dict[str, Any] = {
        "runs": sorted({run_idx for run_idx, _ in names}),
        "keys": sorted({key_idx for _, key_idx in names}),
        "low": p.low,
        "high": p.high,
    }
    sql = _WHOLE
    if max(count for *_, count in series) > 2 * p.buckets:
        sql, values["buckets"] = _THINNED, p.buckets
    points = _POINTS.format(axis="epoch_us(p.time)" if p.axis == "time" else "p.step")
    found = con.execute(sql.format(points=points), values).fetchall()
    found.sort(key=lambda row: (names[row[0], row[1]], row[7], row[3], row[6]))
    return [CurvePoint(*[*names[row[0], row[1]], row[2], row[3], number(row[4]), row[5]]) for row in found]
