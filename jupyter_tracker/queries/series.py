"""Curves: points of metric series, thinned in SQL to what a screen can show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

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


# A series that fits is given whole. Otherwise each bucket of the axis gives its lowest and its highest
# point, and its first one that is not finite: what the full curve would paint in that column of pixels.
_SQL = """
WITH series AS MATERIALIZED (
    SELECT r.run_id, r.run_idx, k.key, k.key_idx FROM run r, metric_key k
    WHERE r.run_id IN (SELECT unnest($runs::VARCHAR[])) AND k.key IN (SELECT unnest($keys::VARCHAR[]))
), p AS MATERIALIZED (
    SELECT p.run_idx, p.key_idx, p.step, p.time, p.value, p.exact, p.seq, {axis} AS x
    FROM point p SEMI JOIN series s ON s.run_idx = p.run_idx AND s.key_idx = p.key_idx
    WHERE ($low IS NULL OR {axis} >= $low) AND ($high IS NULL OR {axis} <= $high)
), span AS (
    SELECT run_idx, key_idx, min(x)::DOUBLE AS lo, max(x)::DOUBLE - min(x)::DOUBLE + 1 AS width, count(*) AS
    points FROM p GROUP BY run_idx, key_idx
), ranked AS (
    SELECT p.*, row_number() OVER (seat ORDER BY p.value, p.step, p.time, p.seq) AS low,
           row_number() OVER (seat ORDER BY p.value DESC, p.step, p.time, p.seq) AS high,
           isfinite(p.value) AS finite
    FROM p JOIN span USING (run_idx, key_idx) WHERE span.points > 2 * $buckets
    WINDOW seat AS (PARTITION BY p.run_idx, p.key_idx, isfinite(p.value),
                    floor((p.x - span.lo) * $buckets / span.width))
), kept AS (
    SELECT p.run_idx, p.key_idx, p.step, p.time, p.value, p.exact, p.seq
    FROM p JOIN span USING (run_idx, key_idx) WHERE span.points <= 2 * $buckets
    UNION ALL
    SELECT run_idx, key_idx, step, time, value, exact, seq FROM ranked WHERE low = 1 OR (finite AND high = 1)
)
SELECT s.run_id, s.key, step, epoch_us(time), value, exact
FROM kept JOIN series s USING (run_idx, key_idx) ORDER BY s.run_id, s.key, {order}, kept.value
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
    axis, order = ("epoch_us(p.time)", "time, step") if p.axis == "time" else ("p.step", "step, time")
    values = {"runs": p.run_ids, "keys": p.keys, "buckets": p.buckets, "low": p.low, "high": p.high}
    found = con.execute(_SQL.format(axis=axis, order=order), values).fetchall()
    return [CurvePoint(*[*row[:4], number(row[4]), row[5]]) for row in found]
