"""Taking in what is new: from the journals and the catalog into the database, each event exactly once.

The cursor of a journal is written in the transaction that writes its rows. A kill anywhere leaves rows and
cursors that agree, and the next ingest goes on from there.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..roots import Root
from . import catalogs
from .batch import Batch, Cursor, Keys
from .database import transaction
from .decode import Seen
from .follow import bury, follow, segments
from .liveness import fate
from .load import load

Progress = Callable[[int, int], None]

_MARKER = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{16})")
_RUN = re.compile(r"[0-9a-f]{32}")
_WRITER = re.compile(r"[0-9a-f]{16}")
_DAY = 86_400
_KEEP_SHARED = 7 * _DAY  # s a marker outlives its journal where several hosts have databases of their own


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did.

    `elected` is False when another process was at it; `trouble` says why it stopped early, `mended` what was
    done about a database that would not open.
    """

    elected: bool = True
    events: int = 0
    points: int = 0
    errors: int = 0
    commits: int = 0
    seconds: float = 0.0
    trouble: str = ""
    mended: tuple[str, ...] = ()


class Ingest:
    """One pass over the journals of a root into an open database. Use once; the caller holds the lock.

    `shared` tells that other hosts read the same markers into databases of their own.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, root: Root, *, shared: bool) -> None:
        self._con = con
        self._root = root
        self._shared = shared
        self._batch = Batch()
        self._keys = Keys()
        self._known: dict[tuple[str, str], Cursor] = {}
        self._runs: dict[str, int] = {}
        self._new_runs: dict[int, str] = {}
        self._next_run = self._next_journal = 0
        self._over: list[Cursor] = []
        self.events = self.points = self.errors = self.commits = 0

    def run(self, progress: Progress | None = None) -> None:
        """Take in everything whole that is there. Raises duckdb.Error with the open transaction rolled back."""
        self.commits = catalogs.apply(self._con, self._root)
        full = self._must_scan()
        wanted = list(self._all() if full else self._marked())
        self._recall(wanted, full)
        todo = dict.fromkeys(wanted) | dict.fromkeys(self._known)
        for done, (run_id, writer) in enumerate(todo):
            self._journal(run_id, writer)
            if progress is not None:
                progress(done + 1, len(todo))
        self._write()
        if full:
            self._scanned()

    def _must_scan(self) -> bool:
        scanned, at = self._con.execute("SELECT scanned, epoch(scanned_at) FROM meta").fetchone() or (
            False,
            None,
        )
        return not scanned or (self._shared and (at is None or time.time() - at > _KEEP_SHARED - _DAY))

    def _scanned(self) -> None:
        now = time.time_ns() // 1000
        self._con.execute("UPDATE meta SET scanned = true, scanned_at = make_timestamp(?)", [now])

    def _marked(self) -> Iterator[tuple[str, str]]:
        with suppress(FileNotFoundError):
            for name in os.listdir(self._root.active):
                if found := _MARKER.fullmatch(name):
                    yield found[1], found[2]

    def _all(self) -> Iterator[tuple[str, str]]:
        yield from self._marked()
        with suppress(FileNotFoundError):
            for run_id in sorted(filter(_RUN.fullmatch, os.listdir(self._root.runs))):
                with suppress(NotADirectoryError):
                    for writer in sorted(filter(_WRITER.fullmatch, os.listdir(self._root.runs / run_id))):
                        yield run_id, writer

    def _recall(self, wanted: list[tuple[str, str]], full: bool) -> None:
        """Read the cursors of the wanted journals' runs and of journals that were alive, and the numbers in use."""
        runs = self._concerned(wanted)
        if not full and not runs and not wanted:
            return
        rows = self._con.execute(
            "SELECT j.journal_idx, j.run_idx, r.run_id, j.writer, j.segment, j.byte_offset, j.tail, j.seen, "
            "epoch_us(j.last_time), j.host, j.boot_id, j.pid, j.pid_start, j.sealed, j.alive, j.errors "
            "FROM journal j JOIN run r ON r.run_idx = j.run_idx "
            + ("" if full else "WHERE j.run_idx IN (SELECT unnest(?::INTEGER[]))"),
            [] if full else [runs],
        ).fetchall()
        for *place, seen, last_time, host, boot_id, pid, pid_start, sealed, alive, errors in rows:
            who = (host, boot_id, pid, pid_start, sealed, alive, errors)
            cursor = Cursor(*[*place, Seen(json.loads(seen)), last_time, *who])
            self._known[cursor.identity] = cursor
            self._runs[cursor.run_id] = cursor.run_idx
        self._next_run, self._next_journal = self._con.execute(
            "SELECT (SELECT coalesce(max(run_idx), -1) + 1 FROM run), "
            "(SELECT coalesce(max(journal_idx), -1) + 1 FROM journal)"
        ).fetchone() or (0, 0)
        self._keys.known = dict(self._con.execute("SELECT key, key_idx FROM metric_key").fetchall())

    def _concerned(self, wanted: list[tuple[str, str]]) -> list[int]:
        """Numbers of the known runs that are wanted or have a journal that was alive."""
        found = self._con.execute("SELECT run_idx FROM journal WHERE alive").fetchall()
        if wanted:
            found += self._con.execute(
                "SELECT run_idx FROM run WHERE run_id IN (SELECT unnest(?::VARCHAR[]))",
                [sorted({r for r, _ in wanted})],
            ).fetchall()
        return sorted({run_idx for (run_idx,) in found})

    def _journal(self, run_id: str, writer: str) -> None:
        """Take in one journal to its end, see whether its writer lives, and remember it if nothing will follow."""
        directory = self._root.runs / run_id / writer
        found = segments(directory)
        if not found:
            self._vanished(run_id, writer)
            return
        cursor = self._known.get((run_id, writer)) or self._meet(run_id, writer)
        if cursor is None or self._drained(cursor, found):
            return
        self._drain(directory, cursor)
        alive, over = fate(cursor, directory)
        if over and not cursor.sealed:
            self._drain(directory, cursor)  # what it wrote between our reading and its death
            last = segments(directory)
            bury(last[max(last)], cursor, self._batch)
        if alive != cursor.alive:
            cursor.alive = alive
            self._batch.cursors[cursor.identity] = cursor
        if over:
            self._over.append(cursor)

    def _drained(self, cursor: Cursor, found: dict[int, Path]) -> bool:
        """Whether a journal that was over has nothing new; its marker, if any, may go."""
        last = max(found)
        if cursor.alive or cursor.segment != last or found[last].stat().st_size != cursor.offset:
            return False
        if fate(cursor, found[last].parent)[1]:
            self._over.append(cursor)
            return True
        return False

    def _drain(self, directory: Path, cursor: Cursor) -> None:
        for _ in follow(directory, cursor, self._batch, self._keys):
            if self._batch.full:
                self._write()

    def _meet(self, run_id: str, writer: str) -> Cursor | None:
        """A cursor for a journal never seen before, None while its first line is not whole."""
        first = segments(self._root.runs / run_id / writer)
        with min(first.items())[1].open("rb", buffering=0) as file:
            if not any(b"\n" in block for block in iter(lambda: file.read(1 << 16), b"")):
                return None
        if run_id not in self._runs:
            known = self._con.execute("SELECT run_idx FROM run WHERE run_id = ?", [run_id]).fetchone()
            self._runs[run_id] = known[0] if known else self._next_run
            if not known:
                self._new_runs[self._next_run] = run_id
                self._next_run += 1
        cursor = Cursor(self._next_journal, self._runs[run_id], run_id, writer, segment=min(first))
        self._next_journal += 1
        self._known[cursor.identity] = cursor
        return cursor

    def _vanished(self, run_id: str, writer: str) -> None:
        """A marker or a live cursor without a journal: not there yet, or deleted."""
        cursor = self._known.get((run_id, writer))
        if cursor is not None and cursor.alive:
            cursor.alive = False
            self._batch.error(cursor, 0, 0, "the journal is gone")
            return
        marker = self._root.active / f"{run_id}.{writer}"
        with suppress(OSError):
            if time.time() - marker.stat().st_mtime > _DAY:
                marker.unlink()

    def _write(self) -> None:
        """Write the batch in one transaction, and only then forget the markers of journals that are over.

        What is only in the write-ahead log could be lost with it, so the checkpoint comes before the markers
        go.
        """
        batch = self._batch
        if batch.cursors:
            with transaction(self._con):
                load(self._con, batch, self._keys, self._new_runs)
            self.events += batch.taken
            self.points += len(batch.seq)
            self.errors += len(batch.errors)
            self._keys.new.clear()
            self._new_runs.clear()
            batch.clear()
        if self._over:
            self._con.execute("CHECKPOINT")
        for cursor in self._over:
            self._unmark(cursor)
        self._over.clear()

    def _unmark(self, cursor: Cursor) -> None:
        """Remove the marker; put it back if the journal has grown meanwhile, for its writer may have come back."""
        marker = self._root.active / f"{cursor.run_id}.{cursor.writer}"
        with suppress(OSError):
            if self._shared and time.time() - marker.stat().st_mtime < _KEEP_SHARED:
                return
            marker.unlink()
            found = segments(self._root.runs / cursor.run_id / cursor.writer)
            if max(found) != cursor.segment or found[max(found)].stat().st_size > cursor.offset:
                marker.touch()
