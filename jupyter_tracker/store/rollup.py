"""Summaries of metric series, kept up while points arrive.

Whatever the batches and whatever their order, a series ends with the same summary: first and last go by
(step, time, value), extremes ignore what is not finite and give ties to the smallest step, and the total is
a left fold in the order of the one journal that fed the series. A series fed by several journals has its
total taken anew from its points, journal after journal by writer.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from .stage import Array, filled, number, staged

_SEVERAL = -1
_COLUMNS = (
    "run_idx key_idx journal_idx count first first_step first_time last last_step last_time "
    "min min_step max max_step total nonfinite"
).split()
_TIMES = ("first_time", "last_time")


@dataclass(slots=True)
class Points:
    """Columns of equal length; `start` marks where each series begins once they are sorted by series."""

    run_idx: Array
    key_idx: Array
    journal_idx: Array
    step: Array
    time: Array
    value: Array
    seq: Array

    def take(self, order: Array) -> Points:
        return Points(
            *(c[order] for c in (self.run_idx, self.key_idx, self.journal_idx)),
            *(c[order] for c in (self.step, self.time, self.value, self.seq)),
        )

    @property
    def series(self) -> Array:
        """One number per point that is equal within a series."""
        return (self.run_idx.astype(np.int64) << 32) | self.key_idx.astype(np.int64)


def by_arrival(points: Points) -> tuple[Array, Array]:
    """The order that brings series together keeping arrival order inside, and where each series starts in it."""
    series = points.series
    order = np.argsort(series, kind="stable")
    return order, starts(series[order])


def starts(sorted_codes: Array) -> Array:
    return np.flatnonzero(np.concatenate(([True], sorted_codes[1:] != sorted_codes[:-1])))


def by_step(points: Points, start: Array) -> Array:
    """The order of points already gathered by series that sorts each series by (step, time, value)."""
    inner = np.ones(len(points.step), bool)
    inner[start] = False
    step, time = np.diff(points.step, prepend=0), np.diff(points.time, prepend=0)
    if bool(((step > 0) | ((step == 0) & (time > 0)) | ~inner).all()):
        return np.arange(len(points.step))
    return np.lexsort((points.value, points.time, points.step, points.series))


def update(con: duckdb.DuckDBPyConnection, arrived: Points, sorted_points: Points, start: Array) -> None:
    """Bring table `rollup` up to date with points just inserted.

    `arrived` and `sorted_points` are the same points gathered by series, the first in arrival order, the
    second by (step, time, value); `start` tells where each series begins in both.
    """
    new = _summaries(sorted_points, start)
    with staged(con, {"run_idx": new["run_idx"], "key_idx": new["key_idx"]}):
        old = _existing(con)
        place = np.searchsorted(_code(new), _code(old))
        _totals(new, arrived, start, old, place)
        _merge(new, old, place)
        con.execute(
            "DELETE FROM rollup USING staged WHERE rollup.run_idx = staged.run_idx AND rollup.key_idx = staged.key_idx"
        )
    _write(con, new)
    _retotal(con, new)


def _summaries(points: Points, start: Array) -> dict[str, Array]:
    """One row per series of this batch; extremes of a series without finite values are NaN."""
    count = np.diff(start, append=len(points.value))
    end = start + count - 1
    finite = np.isfinite(points.value)
    several = np.minimum.reduceat(points.journal_idx, start) != np.maximum.reduceat(points.journal_idx, start)
    low, low_step = _extreme(points, start, count, finite, np.minimum, np.inf)
    high, high_step = _extreme(points, start, count, finite, np.maximum, -np.inf)
    return {
        "run_idx": points.run_idx[start],
        "key_idx": points.key_idx[start],
        "journal_idx": np.where(several, _SEVERAL, points.journal_idx[start]),
        "count": count,
        "first": points.value[start],
        "first_step": points.step[start],
        "first_time": points.time[start],
        "last": points.value[end],
        "last_step": points.step[end],
        "last_time": points.time[end],
        "min": low,
        "min_step": low_step,
        "max": high,
        "max_step": high_step,
        "nonfinite": count - np.add.reduceat(finite.astype(np.int64), start),
    }


def _extreme(
    points: Points, start: Array, count: Array, finite: Array, ufunc: np.ufunc, worst: float
) -> tuple[Array, Array]:
    """The extreme of each series and the first step that reached it."""
    values = np.where(finite, points.value, worst)
    best = ufunc.reduceat(values, start)
    series = np.repeat(np.arange(len(start)), count)
    hits = np.flatnonzero(finite & (values == best[series]))[::-1]
    step = np.zeros(len(start), np.int64)
    step[series[hits]] = points.step[hits]
    return np.where(np.isfinite(best), best, np.nan), step


def _existing(con: duckdb.DuckDBPyConnection) -> dict[str, Array]:
    listed = ", ".join(f"epoch_us(r.{c}) AS {c}" if c in _TIMES else f"r.{c}" for c in _COLUMNS)
    rows = con.execute(
        f"SELECT {listed} FROM rollup r JOIN staged s ON r.run_idx = s.run_idx AND r.key_idx = s.key_idx "
        "ORDER BY r.run_idx, r.key_idx"
    ).fetchnumpy()
    values = ("min", "max", "total", "first", "last")
    return {c: filled(v.astype(np.float64), np.nan) if c in values else filled(v, 0) for c, v in rows.items()}


def _code(rows: dict[str, Array]) -> Array:
    return (rows["run_idx"].astype(np.int64) << 32) | rows["key_idx"].astype(np.int64)


def _totals(
    new: dict[str, Array], arrived: Points, start: Array, old: dict[str, Array], place: Array
) -> None:
    """Fold the arrived values on from the old totals, one after the other."""
    total = np.zeros(len(start))
    total[place] = old["total"]
    finite = np.isfinite(arrived.value)
    series = np.repeat(np.arange(len(start)), new["count"])
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(total, series[finite], arrived.value[finite])
    new["total"] = total


def _merge(new: dict[str, Array], old: dict[str, Array], place: Array) -> None:
    """Fold the old summaries into the new ones at the rows `place`."""
    mine = {c: v[place] for c, v in new.items()}
    with np.errstate(invalid="ignore"):
        picks = {
            ("first", "first_step", "first_time"): _less(old, mine, "first"),
            ("last", "last_step", "last_time"): _less(mine, old, "last"),
            ("min", "min_step"): _wins(old["min"], mine["min"], old["min_step"], mine["min_step"]),
            ("max", "max_step"): _wins(-old["max"], -mine["max"], old["max_step"], mine["max_step"]),
        }
    for names, keep in picks.items():
        for name in names:
            new[name][place] = np.where(keep, old[name], mine[name])
    for name in ("count", "nonfinite"):
        new[name][place] = mine[name] + old[name]
    same = old["journal_idx"] == mine["journal_idx"]
    new["journal_idx"][place] = np.where(same, mine["journal_idx"], _SEVERAL)


def _less(a: dict[str, Array], b: dict[str, Array], name: str) -> Array:
    """Whether a comes before b by (step, time, value), NaN being the greatest value."""
    step, time = f"{name}_step", f"{name}_time"
    value = np.where(np.isnan(a[name]), False, np.isnan(b[name]) | (a[name] < b[name]))
    later = (a[time] < b[time]) | ((a[time] == b[time]) & value)
    before: Array = (a[step] < b[step]) | ((a[step] == b[step]) & later)
    return before


def _wins(a: Array, b: Array, a_step: Array, b_step: Array) -> Array:
    """Whether extreme a beats b (smaller, or equal at a smaller step); NaN is no extreme."""
    wins: Array = ~np.isnan(a) & (np.isnan(b) | (a < b) | ((a == b) & (a_step < b_step)))
    return wins


def _write(con: duckdb.DuckDBPyConnection, rows: dict[str, Array]) -> None:
    none = "CASE WHEN count = nonfinite THEN NULL ELSE {} END"
    shown = {c: none.format(c) for c in ("min", "min_step", "max", "max_step")}
    shown |= {c: f"make_timestamp({c})" for c in _TIMES}
    shown |= {c: number(c) for c in ("first", "last", "total")}
    with staged(con, rows):
        listed = ", ".join(shown.get(c, c) for c in _COLUMNS)
        con.execute(f"INSERT INTO rollup ({', '.join(_COLUMNS)}) SELECT {listed} FROM staged")


def _retotal(con: duckdb.DuckDBPyConnection, rows: dict[str, Array]) -> None:
    """Take the totals of series with several journals from the points themselves."""
    several = rows["journal_idx"] == _SEVERAL
    if not several.any():
        return
    with staged(con, {"run_idx": rows["run_idx"][several], "key_idx": rows["key_idx"][several]}):
        found = con.execute(
            "SELECT p.run_idx, p.key_idx, p.value FROM point p JOIN staged s "
            "ON p.run_idx = s.run_idx AND p.key_idx = s.key_idx JOIN journal j ON j.journal_idx = p.journal_idx "
            "WHERE isfinite(p.value) ORDER BY p.run_idx, p.key_idx, j.writer, p.seq"
        ).fetchnumpy()
    values = {c: filled(v, 0) for c, v in found.items()}
    if not len(values["value"]):
        return
    start = starts(_code(values))
    total = np.zeros(len(start))
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(
            total,
            np.repeat(np.arange(len(start)), np.diff(start, append=len(values["value"]))),
            values["value"],
        )
    with staged(
        con, {"run_idx": values["run_idx"][start], "key_idx": values["key_idx"][start], "total": total}
    ):
        con.execute(
            f"UPDATE rollup SET total = {number('s.total')} FROM staged s "
            "WHERE rollup.run_idx = s.run_idx AND rollup.key_idx = s.key_idx"
        )
