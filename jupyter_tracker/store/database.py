"""The DuckDB file: its birth, its opening, and what becomes of one that will not open.

Nothing but DuckDB ever opens the file: closing any other descriptor of it would drop DuckDB's own lock. Every
function here expects the caller to hold the lock of the place.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path

import duckdb

from ..errors import Corrupt, StoreBusy, TrackerError
from .lock import busy
from .place import Place

VERSION = 1
STORAGE = "v1.2.0"  # old enough for every DuckDB we support to read and write

_Config = dict[str, str | bool | int | float | list[str]]

_CONFIG: _Config = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "pandas_analyze_sample": "0",  # object columns are text; guessing their type needs pandas in DuckDB 1.5
}
_GUARD: _Config = _CONFIG | {
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "lock_configuration": "true",
}
_LOCKED = re.compile(r"Could not set lock on file|Conflicting lock|being used by another process")
_HOLDER = re.compile(r"held in (?P<command>.+?) \(PID (?P<pid>\d+)\)")
_BLAMELESS = re.compile(
    r"Permission denied|No space left|Disk quota|Read-only file system|Too many open files|Out of Memory|"
    r"Cannot allocate memory|Input/output error|File too large|Could not write",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r"checksum|corrupt|not a valid DuckDB database|could not read enough bytes|replaying WAL|"
    r"Serialization Error|Failed to load metadata|Failed to deserialize|invalidated because of a previous fatal",
    re.IGNORECASE,
)


def connect(place: Place, root_id: str, timeout: float) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """Open the database, giving birth to it or replacing it when it will not do.

    Returns the connection and, in words, what had to be done. A database held by a program that does not
    know our lock is waited for up to `timeout` seconds, then StoreBusy; a full disk or a missing right is a
    TrackerError.
    """
    done: list[str] = []
    if not place.database.exists():
        _born(place, root_id, done)
    try:
        return _open(place, root_id, timeout), done
    except Corrupt as error:
        done.append(f"would not open: {error}")
    if place.wal.exists():
        done.append(f"write-ahead log set aside as {set_aside(place.wal).name}")
        try:
            return _open(place, root_id, timeout), done
        except Corrupt as error:
            done.append(f"would not open without it either: {error}")
    done.append(f"database set aside as {set_aside(place.database).name}")
    _born(place, root_id, done)
    return _open(place, root_id, timeout), done


def connect_read_only(place: Place, timeout: float) -> duckdb.DuckDBPyConnection:
    """Open the database so that nothing can be written, no file touched, no extension loaded, no setting changed."""
    return _retry(place, timeout, read_only=True)


def damaged(error: duckdb.Error) -> bool:
    """Whether `error` tells of a damaged file rather than of a wrong statement or a full disk."""
    text = str(error)
    return bool(_DAMAGED.search(text)) and not _BLAMELESS.search(text)


def discard(place: Place) -> None:
    """Delete the database. The log goes first: a new database must never meet the log of an old one."""
    place.wal.unlink(missing_ok=True)
    place.database.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to `*.corrupt-<utc>` and return its new path; nothing is deleted."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    path.rename(target)
    return target


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """BEGIN … COMMIT, or ROLLBACK when the body or the commit fails."""
    con.execute("BEGIN TRANSACTION")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a failed commit has rolled back already
            con.execute("ROLLBACK")
        raise


def _open(place: Place, root_id: str, timeout: float) -> duckdb.DuckDBPyConnection:
    """Connect and check that it is our database for this root. Corrupt when it is not."""
    con = _retry(place, timeout, read_only=False)
    try:
        row = con.execute("SELECT schema_version, root_id FROM meta").fetchone()
    except duckdb.Error as error:
        con.close()
        raise Corrupt(str(error)) from error
    if row != (VERSION, root_id):
        con.close()
        raise Corrupt(f"schema version and root are {row}, wanted {(VERSION, root_id)}")
    return con


def _retry(place: Place, timeout: float, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return duckdb.connect(str(place.database), read_only, _GUARD if read_only else _CONFIG)
        except duckdb.Error as error:
            if not _LOCKED.search(str(error)):
                raise _classified(error, place) from error
            if time.monotonic() >= deadline:
                raise _held(error, timeout) from error
        time.sleep(0.25)


def _held(error: duckdb.Error, timeout: float) -> StoreBusy:
    found = _HOLDER.search(str(error))
    return busy(f"process {found['pid']} ({found['command']})" if found else "another program", timeout)


def _classified(error: duckdb.Error, place: Place) -> TrackerError:
    if _BLAMELESS.search(str(error)):
        return TrackerError(
            f"cannot open the store {place.database}: {error}",
            hint="free some space or mend the rights; the journals are untouched and logging goes on.",
        )
    return Corrupt(str(error))


def _born(place: Place, root_id: str, done: list[str]) -> None:
    """Make an empty database under a temporary name and rename it into place.

    A kill while DuckDB creates a file leaves one that can never be opened; under its final name the file is
    whole.
    """
    if place.wal.exists():
        done.append(f"log without a database set aside as {set_aside(place.wal).name}")
    new = place.database.with_name(f"{place.database.name}.{os.getpid()}-{time.monotonic_ns():x}.new")
    try:
        _create(new, root_id)
        _sync(new)
        new.replace(place.database)
        _sync(place.database.parent)
    except duckdb.Error as error:
        raise _classified(error, place) from error
    finally:
        new.unlink(missing_ok=True)
        new.with_name(new.name + ".wal").unlink(missing_ok=True)


def _create(path: Path, root_id: str) -> None:
    schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
    quoted = str(path).replace("'", "''")
    with duckdb.connect(":memory:", config=_CONFIG) as con:
        con.execute(f"ATTACH '{quoted}' AS born (STORAGE_VERSION '{STORAGE}')")
        con.execute("USE born")
        with transaction(con):
            con.execute(schema)
            con.execute("INSERT INTO meta VALUES (?, ?, false, NULL)", [VERSION, root_id])
            con.execute("INSERT INTO catalog_head VALUES (0)")
        con.execute("USE memory")
        con.execute("CHECKPOINT born")
        con.execute("DETACH born")


def _sync(path: Path) -> None:
    """Make a file or directory entry durable. Only for a database nobody has open."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
