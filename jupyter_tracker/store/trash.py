"""The bin: deleted runs, with the room they take, and their final removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ..roots import Root
from .database import transaction
from .index import Store

_TABLES = ("param", "tag", "point", "rollup", "artifact", "event", "journal", "run")


@dataclass(frozen=True, slots=True)
class Discarded:
    """A deleted run: the bytes of its journals and artifacts, and whether it is being written to right now."""

    run_id: str
    name: str | None
    experiment: str | None
    last_time: datetime | None
    bytes: int
    alive: bool


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged database that was set aside."""

    path: Path
    bytes: int


def discarded(store: Store, older_than: datetime | None = None) -> list[Discarded]:
    """Deleted runs and runs of deleted experiments, whose newest event is before `older_than` (naive, UTC)."""
    with store.reading() as con:
        rows = con.execute(
            "SELECT run_id, name, experiment, last_time, run_idx IN (SELECT run_idx FROM journal WHERE alive) "
            "FROM all_runs WHERE deleted AND (? IS NULL OR last_time < ?) ORDER BY run_id",
            [older_than, older_than],
        ).fetchall()
    return [Discarded(*[*row[:4], _size(store.root.runs / row[0]), row[4]]) for row in rows]


def purge(store: Store, run_ids: Iterable[str]) -> int:
    """Remove these runs for good: files, artifacts, markers and rows. Returns the bytes freed.

    Only deleted runs that nobody writes to are removed; the others are passed over. A kill in between leaves
    the run in the bin, to be purged again.
    """
    wanted = set(run_ids)
    with store.reading() as con:
        rows = con.execute(
            "SELECT run_id, run_idx FROM all_runs WHERE deleted AND run_idx NOT IN "
            "(SELECT run_idx FROM journal WHERE alive) AND run_id IN (SELECT unnest(?::VARCHAR[]))",
            [sorted(wanted)],
        ).fetchall()
        freed = sum(_remove(store.root, run_id) for run_id, _ in rows)
        _forget(con, dict(rows))
    return freed


def set_aside(store: Store) -> list[SetAside]:
    """Damaged databases kept beside the store."""
    found = sorted(store.place.database.parent.glob(f"{store.place.database.name}*.corrupt-*"))
    return [SetAside(path, path.stat().st_size) for path in found]


def _remove(root: Root, run_id: str) -> int:
    """Take the directory out of sight in one step, then delete it."""
    home = root.runs / run_id
    for marker in root.active.glob(f"{run_id}.*"):
        marker.unlink(missing_ok=True)
    size = _size(home)
    gone = root.runs / f".purged-{run_id}"
    with suppress(FileNotFoundError):
        home.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    return size


def _forget(con: duckdb.DuckDBPyConnection, runs: dict[str, int]) -> None:
    with transaction(con):
        for table in _TABLES:
            con.execute(
                f"DELETE FROM {table} WHERE run_idx IN (SELECT unnest(?::INTEGER[]))", [list(runs.values())]
            )
        con.execute("DELETE FROM ingest_error WHERE run_id IN (SELECT unnest(?::VARCHAR[]))", [list(runs)])


def _size(path: Path) -> int:
    return sum(p.lstat().st_size for p in path.rglob("*") if not p.is_dir())
