"""Write one batch: its rows and the cursors of its journals, for the caller's transaction."""

from __future__ import annotations

import json

import duckdb
import msgspec
import numpy as np

from ..directions import direction
from . import rollup
from .batch import Batch, Cursor, Keys, Row
from .fold import fold
from .kinds import Direction
from .stage import Array, columns, number, staged


def load(con: duckdb.DuckDBPyConnection, batch: Batch, keys: Keys, new_runs: dict[int, str]) -> None:
    """Write everything in `batch`. `new_runs` (run_idx → run_id) have no row yet."""
    _metric_keys(con, keys)
    _journals(con, list(batch.cursors.values()))
    _points(con, batch)
    _events(con, batch.events)
    _winners(con, "param", "key", "run_idx! key value number type origin time! writer seq!", batch.params)
    _winners(con, "tag", "key", "run_idx! key value time! writer seq!", batch.tags)
    _winners(con, "artifact", "path", "run_idx! path size sha256 mime uri time! writer seq!", batch.artifacts)
    _errors(con, batch.errors)
    if batch.directions:
        _directions(con)
    _runs(con, batch, new_runs)


def _metric_keys(con: duckdb.DuckDBPyConnection, keys: Keys) -> None:
    if not keys.new:
        return
    rows = [(keys.known[key], key, direction(key)) for key in keys.new]
    with staged(con, columns(rows, "key_idx! key direction")):
        con.execute("INSERT INTO metric_key SELECT key_idx, key, direction FROM staged")


def _journals(con: duckdb.DuckDBPyConnection, cursors: list[Cursor]) -> None:
    if not cursors:
        return
    rows = [
        (
            *(c.journal_idx, c.run_idx, c.writer, c.segment, c.offset, c.tail),
            *(c.seen.newest, json.dumps(c.seen.ranges), c.last_time),
            *(c.host, c.boot_id, c.pid, c.pid_start, c.sealed, c.alive, c.errors),
        )
        for c in cursors
    ]
    names = (
        "journal_idx! run_idx! writer segment! byte_offset! tail last_seq! seen last_time "
        "host boot_id pid! pid_start! sealed! alive! errors!"
    )
    with staged(con, columns(rows, names)):
        con.execute("DELETE FROM journal USING staged s WHERE journal.journal_idx = s.journal_idx")
        con.execute(
            "INSERT INTO journal BY NAME SELECT * REPLACE (make_timestamp(CAST(last_time AS BIGINT)) AS last_time, "
            "sealed = 1 AS sealed, alive = 1 AS alive) FROM staged"
        )


def _points(con: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Insert the points sorted by (run, key, step), so that a curve lies in few row groups, and sum them up."""
    if not batch.seq:
        return
    points = rollup.Points(
        run_idx=np.frombuffer(batch.run_idx, np.intc),
        key_idx=np.frombuffer(batch.key_idx, np.intc),
        journal_idx=np.frombuffer(batch.journal_idx, np.intc),
        step=np.frombuffer(batch.step, np.int64),
        time=np.frombuffer(batch.time, np.int64),
        value=np.frombuffer(batch.value, np.float64),
        seq=np.frombuffer(batch.seq, np.int64),
    )
    gathered, start = rollup.by_arrival(points)
    arrived = points.take(gathered)
    inner = rollup.by_step(arrived, start)
    ordered = arrived.take(inner)
    exact = "NULL"
    shown: dict[str, Array] = {name: getattr(ordered, name) for name in rollup.Points.__slots__}
    if batch.exact:
        texts = np.empty(len(points.seq), object)
        for position, text in batch.exact.items():
            texts[position] = text
        exact, shown["exact"] = "exact", texts[gathered][inner]
    with staged(con, shown):
        con.execute(
            "INSERT INTO point (run_idx, key_idx, step, time, value, exact, journal_idx, seq) "
            f"SELECT run_idx, key_idx, step, make_timestamp(time), {number('value')}, {exact}, journal_idx, seq "
            "FROM staged"
        )
    rollup.update(con, arrived, ordered, start)


def _events(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    if not rows:
        return
    with staged(con, columns(rows, "run_idx! writer seq! time! kind body")):
        con.execute(
            "INSERT INTO event SELECT run_idx, writer, seq, make_timestamp(time), kind, body FROM staged"
        )


def _errors(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    if not rows:
        return
    with staged(con, columns(rows, "run_id writer segment! byte_offset! length! reason")):
        con.execute(
            "INSERT INTO ingest_error SELECT run_id, writer, segment, byte_offset, length, reason FROM staged"
        )


def _winners(con: duckdb.DuckDBPyConnection, table: str, key: str, names: str, rows: list[Row]) -> None:
    """Keep per (run, key) the row that is last by (time, writer, seq), among the table's and the new ones."""
    if not rows:
        return
    shown = {
        "time": "make_timestamp(time)",
        "number": "CAST(number AS DOUBLE)",
        "size": "CAST(size AS BIGINT)",
    }
    bare = names.replace("!", "").split()
    new = ", ".join(f"{shown[n]} AS {n}" if n in shown else n for n in bare)
    with staged(con, columns(rows, names)):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE winner AS WITH new AS (SELECT {new} FROM staged) "
            f"SELECT * FROM (SELECT * FROM new UNION ALL "
            f"SELECT {', '.join(bare)} FROM {table} t SEMI JOIN new USING (run_idx, {key})) "
            f"QUALIFY row_number() OVER (PARTITION BY run_idx, {key} ORDER BY time DESC, writer DESC, seq DESC) = 1"
        )
    con.execute(
        f"DELETE FROM {table} USING winner w WHERE {table}.run_idx = w.run_idx AND {table}.{key} = w.{key}"
    )
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM winner ORDER BY run_idx, {key}")
    con.execute("DROP TABLE winner")


def _directions(con: duckdb.DuckDBPyConnection) -> None:
    """What the last direction event says of a metric replaces what its name suggested."""
    events = con.execute(
        "SELECT body FROM event WHERE kind = 'direction' ORDER BY time, writer, seq"
    ).fetchall()
    said: dict[str, str] = {}
    for (body,) in events:
        said |= msgspec.json.decode(body, type=Direction).values
    with staged(con, columns(list(said.items()), "key direction")):
        con.execute(
            "UPDATE metric_key SET direction = s.direction FROM staged s WHERE s.key = metric_key.key"
        )


def _runs(con: duckdb.DuckDBPyConnection, batch: Batch, new_runs: dict[int, str]) -> None:
    last: dict[int, int] = {}
    for cursor in batch.cursors.values():
        last[cursor.run_idx] = max(cursor.last_time or 0, last.get(cursor.run_idx, 0))
    ids = {c.run_idx: c.run_id for c in batch.cursors.values()}
    folded = {run_idx: ids[run_idx] for run_idx in ids if run_idx in batch.folded or run_idx in new_runs}
    fold(con, folded, last)
    rest = [(run_idx, time) for run_idx, time in last.items() if run_idx not in folded and time]
    if rest:
        with staged(con, columns(rest, "run_idx! time!")):
            con.execute(
                "UPDATE run SET last_time = greatest(run.last_time, make_timestamp(s.time)) FROM staged s "
                "WHERE run.run_idx = s.run_idx"
            )
