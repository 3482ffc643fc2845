"""The store of a root: take in what is new, then let it be queried, in one short opening of the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from ..errors import Corrupt, Invalid
from ..frames import Result
from ..roots import Root
from . import database, guard
from .ingest import Ingest, IngestReport, Progress
from .lock import Lock
from .place import Place, place

T = TypeVar("T")

TIMEOUT = 10.0
_log = logging.getLogger(__name__)
_open = threading.local()


class Store:
    """The SQL view of a root. Holds nothing open between calls; may be used from any thread and after a fork.

    `where` is where this host keeps the database; by default in the root if that can hold one.
    """

    def __init__(self, root: Root, where: Place | None = None) -> None:
        self.root = root
        self._where = where

    @property
    def place(self) -> Place:
        """Where the database is on this host."""
        return self._where or place(self.root)

    @contextmanager
    def reading(self, timeout: float = TIMEOUT) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees every event accepted before the call; closed at the end of the block.

        Waits up to `timeout` seconds for other processes, then StoreBusy names the holder. Within a block of
        the same thread the same connection is given. Raises Corrupt when a damaged page is met: the file is
        then set aside and the next reading grows a new one.
        """
        where = self.place
        opened = _readings()
        if where.database in opened:
            yield opened[where.database]
            return
        with self._locked(where, timeout):
            con = self._connect(where, timeout)
            opened[where.database] = con
            try:
                yield con
            except duckdb.Error as error:
                if not database.damaged(error):
                    raise
                con.close()
                raise _set_aside(where, error) from error
            finally:
                del opened[where.database]
                con.close()

    def read(self, use: Callable[[duckdb.DuckDBPyConnection], T], timeout: float = TIMEOUT) -> T:
        """`use(con)` within a reading; tried once more on a new database if a damaged one had to be set aside."""
        try:
            with self.reading(timeout) as con:
                return use(con)
        except Corrupt:
            with self.reading(timeout) as con:
                return use(con)

    def ingest(self, wait: bool = False, timeout: float = TIMEOUT) -> IngestReport:
        """Take in what is new. Without `wait`, whoever finds another process at it leaves at once."""
        where = self.place
        if wait:
            with self._locked(where, timeout):
                return self._ingest(where, timeout)
        with Lock(where.lock) as lock:
            return self._ingest(where, timeout) if lock.try_acquire() else IngestReport(elected=False)

    def rebuild(self, progress: Progress | None = None, timeout: float = TIMEOUT) -> IngestReport:
        """Throw the database away and grow it again from the truth. Safe to kill: the next reading goes on.

        `progress(done, total)` counts journals.
        """
        where = self.place
        with self._locked(where, timeout):
            database.discard(where)
            return self._ingest(where, timeout, progress)

    def sql(
        self,
        text: str,
        params: Sequence[Any] | Mapping[str, Any] = (),
        limit: int = guard.LIMIT,
        timeout: float = guard.TIMEOUT,
    ) -> Result:
        """Run one reading statement of a person on everything accepted so far.

        The connection can neither write nor reach files, network or settings. At most `limit` rows, at most
        `timeout` seconds. Invalid for anything else than a sound SELECT, WITH, DESCRIBE, SHOW or SUMMARIZE.
        """
        guard.check(text)
        where = self.place
        with self._locked(where, TIMEOUT):
            self._connect(where, TIMEOUT).close()
            con = database.connect_read_only(where, TIMEOUT)
            try:
                return guard.run(con, text, params, limit, timeout)
            except duckdb.Error as error:
                con.close()
                raise _set_aside(where, error) from error
            finally:
                con.close()

    @contextmanager
    def _locked(self, where: Place, timeout: float) -> Iterator[None]:
        if where.database in _readings():
            raise Invalid(
                "this thread is reading the store already",
                hint="ask on the connection it has, or leave that block first.",
            )
        with Lock(where.lock) as lock:
            lock.acquire(timeout)
            yield

    def _ingest(self, where: Place, timeout: float, progress: Progress | None = None) -> IngestReport:
        con, report = self._drain(where, timeout, progress)
        con.close()
        return report

    def _connect(self, where: Place, timeout: float) -> duckdb.DuckDBPyConnection:
        """Open and bring up to date. If that fails for want of space or the like, what is there can still be read."""
        con, report = self._drain(where, timeout, None)
        if report.trouble:
            _log.warning("the newest events are not in the store yet: %s", report.trouble)
        return con

    def _drain(
        self, where: Place, timeout: float, progress: Progress | None
    ) -> tuple[duckdb.DuckDBPyConnection, IngestReport]:
        """Open and ingest; a database found damaged on the way is set aside and grown again, once."""
        try:
            return self._attempt(where, timeout, progress)
        except Corrupt:
            return self._attempt(where, timeout, progress)

    def _attempt(
        self, where: Place, timeout: float, progress: Progress | None
    ) -> tuple[duckdb.DuckDBPyConnection, IngestReport]:
        con, mended = database.connect(where, self.root.root_id, timeout)
        for what in mended:
            _log.warning("store %s: %s", where.database, what)
        began = time.perf_counter()
        ingest = Ingest(con, self.root, shared=where.shared)
        trouble = ""
        try:
            ingest.run(progress)
        except duckdb.Error as error:
            if database.damaged(error):
                con.close()
                raise _set_aside(where, error) from error
            trouble = str(error)
            con.close()  # a failed checkpoint has made it useless
            con, _ = database.connect(where, self.root.root_id, timeout)
        except BaseException:
            con.close()
            raise
        counts = (ingest.events, ingest.points, ingest.errors, ingest.commits)
        return con, IngestReport(True, *counts, time.perf_counter() - began, trouble, tuple(mended))


def _readings() -> dict[Path, duckdb.DuckDBPyConnection]:
    """The open readings of this thread, by database."""
    found: dict[Path, duckdb.DuckDBPyConnection] = _open.__dict__.setdefault("readings", {})
    return found


def _set_aside(where: Place, error: duckdb.Error) -> Corrupt:
    for path in (where.wal, where.database):
        if path.exists():
            database.set_aside(path)
    return Corrupt(
        f"the store {where.database} was damaged: {error}",
        hint="it was set aside as *.corrupt-<time> and grows back from the journals: read again. Nothing is lost.",
    )
