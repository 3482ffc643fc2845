"""How a run stands against what came before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import duckdb
import msgspec

from .registry import query
from .runs import exists


class OfRun(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str


class Leader(msgspec.Struct):
    """The best earlier run of the experiment by one metric."""

    value: float
    name: str | None


class Standing(msgspec.Struct):
    """`attempt` counts from 1 in the run's cell; `previous` has the attempt before, by metric its last value."""

    attempt: int
    previous_run_id: str | None
    previous: dict[str, float]
    best: dict[str, Leader]
    directions: dict[str, Literal["min", "max"]]


_BEFORE = """
SELECT r.run_id, count(*) OVER ()
FROM run r JOIN run a ON a.run_idx = ? AND r.lineage = a.lineage AND r.run_idx <> a.run_idx
WHERE NOT coalesce(r.deleted, false) ORDER BY r.start_time DESC, r.run_id DESC LIMIT 1
"""
_BEST = """
SELECT k.key, k.direction,
       CASE k.direction WHEN 'min' THEN min(u.min) ELSE max(u.max) END,
       CASE k.direction WHEN 'min' THEN arg_min(r.name, u.min) ELSE arg_max(r.name, u.max) END
FROM rollup u JOIN metric_key k ON k.key_idx = u.key_idx AND k.direction IS NOT NULL
JOIN run r ON r.run_idx = u.run_idx AND NOT coalesce(r.deleted, false) AND r.run_idx <> ?
JOIN run a ON a.run_idx = ? AND a.experiment_id = r.experiment_id
GROUP BY k.key, k.direction
"""


@query("run.standing", OfRun, Standing)
def standing(con: duckdb.DuckDBPyConnection, p: OfRun) -> Iterable[Standing]:
    """The previous attempt of a run's cell and the best earlier run of its experiment by each metric."""
    index = exists(con, p.run_id)
    before = con.execute(_BEFORE, [index]).fetchone()
    previous_id, earlier = before or (None, 0)
    previous = con.execute(
        "SELECT key, last FROM metric_summary WHERE run_id = ? AND isfinite(last)", [previous_id]
    ).fetchall()
    best = con.execute(_BEST, [index, index]).fetchall()
    yield Standing(
        earlier + 1,
        previous_id,
        dict(previous),
        {key: Leader(value, name) for key, _, value, name in best if value is not None},
        {key: direction for key, direction, _, _ in best},
    )
