"""The row of a run, folded from its events.

The events of a run in the order (time, writer, seq) decide, wherever they were written and whenever they
were taken in: the first start says where the run belongs and when it began, anything set again is as the
last event says, and an end counts only if no start follows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb
import msgspec
import numpy as np

from . import kinds
from .stage import columns, staged

_OTHER = {
    "attempt": "INTEGER", "duration": "DOUBLE", "deleted": "BOOLEAN", "execution_count": "INTEGER",
    "git_dirty": "BOOLEAN",
}  # fmt: skip
_TIMES = "start_time end_time last_time".split()


@dataclass(slots=True)
class RunRow:
    """A row of table run; field names are column names, times are microseconds."""

    run_idx: int
    run_id: str
    experiment_id: str | None = None
    name: str | None = None
    parent_run_id: str | None = None
    lineage: str | None = None
    attempt: int | None = None
    source_type: str | None = None
    user: str | None = None
    host: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    duration: float | None = None
    outcome: str | None = None
    last_time: int | None = None
    note: str | None = None
    deleted: bool = False
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    python: str | None = None
    error_type: str | None = None
    error: str | None = None


@dataclass(slots=True)
class _Seen:
    started: bool = False
    renamed: bool = False


def fold(con: duckdb.DuckDBPyConnection, runs: dict[int, str], last: dict[int, int]) -> None:
    """Write the rows of `runs` (run_idx → run_id) anew from table event, which already holds all their events.

    `last` gives the time of the newest event just taken in, by run_idx.
    """
    if not runs:
        return
    ids = {"run_idx": np.fromiter(runs, np.int64, len(runs))}
    with staged(con, ids):
        known = con.execute(
            "SELECT r.run_idx, epoch_us(r.last_time) FROM run r JOIN staged s ON r.run_idx = s.run_idx"
        ).fetchall()
        events = con.execute(
            "SELECT e.run_idx, epoch_us(e.time), e.kind, e.body FROM event e JOIN staged s ON e.run_idx = s.run_idx "
            "WHERE e.kind IN (SELECT unnest(?)) ORDER BY e.run_idx, e.time, e.writer, e.seq",
            [sorted(kinds.FOLDED)],
        ).fetchall()
        con.execute("DELETE FROM run USING staged s WHERE run.run_idx = s.run_idx")
    rows = {run_idx: RunRow(run_idx, run_id) for run_idx, run_id in runs.items()}
    for run_idx, last_time in known:
        rows[run_idx].last_time = last_time
    for run_idx, group in groupby(events, lambda event: event[0]):
        _fold(rows[run_idx], ((time, kind, body) for _, time, kind, body in group))
    for run_idx, time in last.items():
        if run_idx in rows:
            rows[run_idx].last_time = max(time, rows[run_idx].last_time or 0)
    _insert(con, list(rows.values()))


def _fold(row: RunRow, events: Iterable[tuple[int, str, str]]) -> None:
    seen = _Seen()
    for time, kind, body in events:
        row.start_time = time if row.start_time is None else row.start_time
        _apply(row, seen, time, kinds.check(kind, msgspec.json.decode(body)))


def _apply(row: RunRow, seen: _Seen, time: int, event: msgspec.Struct | None) -> None:
    match event:
        case kinds.Start():
            _start(row, seen, time, event)
        case kinds.Name(name=name):
            row.name, seen.renamed = name, True
        case kinds.Note(text=text):
            row.note = text
        case kinds.Lifecycle(deleted=deleted):
            row.deleted = deleted
        case kinds.Capture(section=section, value=value) if section in kinds.SECTIONS and value is not None:
            _capture(row, msgspec.convert(value, kinds.SECTIONS[section]))
        case kinds.End(outcome=outcome, duration=duration, error=error):
            row.outcome, row.end_time, row.duration = outcome, time, duration
            row.error_type = error.type if error else None
            row.error = error.message if error else None


def _start(row: RunRow, seen: _Seen, time: int, start: kinds.Start) -> None:
    row.outcome = row.end_time = row.duration = row.error_type = row.error = None
    if seen.started:
        return
    seen.started = True
    row.start_time = time
    if not seen.renamed:
        row.name = start.name
    row.experiment_id, row.parent_run_id, row.user = start.experiment_id, start.parent, start.user
    row.host, row.source_type, row.lineage = start.host, start.source_type, start.lineage


def _capture(row: RunRow, section: msgspec.Struct) -> None:
    match section:
        case kinds.Source(notebook=notebook, cell_id=cell_id, execution_count=count):
            row.notebook, row.cell_id, row.execution_count = notebook, cell_id, count
        case kinds.Git(commit=commit, branch=branch, dirty=dirty):
            row.git_commit, row.git_branch, row.git_dirty = commit, branch, dirty
        case kinds.Environment(python=python):
            row.python = python
        case kinds.Standing(attempt=attempt):
            row.attempt = attempt


def _insert(con: duckdb.DuckDBPyConnection, rows: list[RunRow]) -> None:
    names = RunRow.__slots__
    values: list[tuple[Any, ...]] = [tuple(getattr(row, name) for name in names) for row in rows]
    shown = {name: f"CAST({name} AS {kind})" for name, kind in _OTHER.items()}
    shown |= {name: f"make_timestamp(CAST({name} AS BIGINT))" for name in _TIMES}
    listed = [shown.get(name, f'"{name}"') for name in names]
    into = ", ".join(f'"{name}"' for name in names)
    with staged(con, columns(values, " ".join(names).replace("run_idx", "run_idx!", 1))):
        con.execute(f"INSERT INTO run ({into}) SELECT {', '.join(listed)} FROM staged ORDER BY run_idx")
