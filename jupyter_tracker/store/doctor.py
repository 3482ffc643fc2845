"""What is wrong with a root, in words, and the mending of it. Nothing of the truth is ever deleted here."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ..catalog import Catalog
from ..errors import Corrupt, TrackerError
from ..roots import Root
from . import database
from .follow import segments
from .index import TIMEOUT, Store
from .lock import Lock
from .place import Place

_TEMPORARY = re.compile(r"\.tmp[-.\w]*$|^\.tmp|\.new(\.wal)?$")
_MARKER = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{16}")
_OLD = 3600.0  # s after which a temporary file has no owner any more


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `kind` for programs, `what` and `cure` for people; `mended` once the cure was applied.

    `serious` findings keep something from working; the others are worth knowing.
    """

    kind: str
    what: str
    cure: str
    serious: bool = True
    mended: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    finding: Finding
    path: Path


def examine(store: Store, mend: bool = False) -> list[Finding]:
    """Look for everything that is known to go wrong; with `mend`, put right what can be put right.

    Waits for the lock like any reader. Journals newly made known and a database set aside are taken in again
    before it returns.
    """
    root, place = store.root, store.place
    found = _seen_to(mend, _modes(root), _directories(root), _litter(root, place))
    with Lock(place.lock) as lock:
        lock.acquire(TIMEOUT)
        found += _seen_to(mend, _database(place, root.root_id), _stray_log(place))
        known = _known(place)
    found += _seen_to(mend, _journals(root, known), _markers(root))
    if mend:
        store.ingest(wait=True)
    return [*found, *_catalog(root), *_unreadable(store, known)]


def _seen_to(mend: bool, *looks: Iterator[_Case]) -> list[Finding]:
    """Take each look in turn, mending what it finds before the next one if that is wanted."""
    return [_mended(case) if mend else case.finding for look in looks for case in list(look)]


def _mended(case: _Case) -> Finding:
    """Apply the cure of a case; a finding whose cure fails says so and stays unmended."""
    finding, path = case.finding, case.path
    try:
        match finding.kind:
            case "mode":
                path.chmod(path.stat().st_mode | (0o700 if path.is_dir() else 0o600))
            case "directory":
                path.mkdir(parents=True, exist_ok=True)
            case "temporary" | "marker":
                path.unlink(missing_ok=True)
            case "purged":
                shutil.rmtree(path)
            case "database" | "log":
                for damaged in (path.with_name(path.name + ".wal"), path):
                    if damaged.exists():
                        database.set_aside(damaged)
            case "journal":
                path.touch()
            case _:
                return finding
    except OSError as error:
        return Finding(
            finding.kind, f"{finding.what}; mending failed: {error}", finding.cure, finding.serious
        )
    return Finding(finding.kind, finding.what, finding.cure, finding.serious, mended=True)


def _modes(root: Root) -> Iterator[_Case]:
    """Directories and journals that even their owner cannot use."""
    for path, directories, files in os.walk(root.dir):
        inside = [Path(path, name) for name in (*directories, *files)]
        for each in inside:
            with suppress(FileNotFoundError):
                mode = each.lstat().st_mode
                wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
                if not stat.S_ISLNK(mode) and mode & wanted != wanted:
                    what = f"{each} has mode {stat.filemode(mode)}"
                    yield _Case(Finding("mode", what, "give its owner the right to read and write it"), each)
        directories[:] = [name for name in directories if name != "artifacts"]


def _directories(root: Root) -> Iterator[_Case]:
    for path in (root.runs, root.catalog, root.active):
        if not path.is_dir():
            yield _Case(Finding("directory", f"{path} is missing", "make it anew, empty"), path)


def _litter(root: Root, place: Place) -> Iterator[_Case]:
    """Temporary files whose makers died, half-deleted runs, and databases set aside."""
    for path in root.runs.glob(".purged-*"):
        yield _Case(Finding("purged", f"{path} was not deleted to the end", "delete it", False), path)
    for folder in {root.dir, root.catalog, root.active, place.database.parent}:
        with suppress(FileNotFoundError):
            for path in folder.iterdir():
                with suppress(FileNotFoundError):
                    old = time.time() - path.stat().st_mtime > _OLD
                    if old and path.is_file() and _TEMPORARY.search(path.name):
                        yield _Case(Finding("temporary", f"{path} was left behind", "delete it", False), path)
                    if ".corrupt-" in path.name:
                        size = path.stat().st_size
                        what = f"{path} ({size} bytes) was damaged and set aside"
                        yield _Case(
                            Finding("set-aside", what, "gc deletes it when nobody wants to look", False), path
                        )


def _database(place: Place, root_id: str) -> Iterator[_Case]:
    """A database that will not open, is another root's or another version's, or has a damaged page anywhere."""
    if not place.database.exists():
        return
    try:
        con = database.connect_read_only(place, TIMEOUT)
    except Corrupt as error:
        yield _bad(place, f"does not open: {error}")
        return
    with con:
        try:
            row = con.execute("SELECT schema_version, root_id FROM meta").fetchone()
            if row != (database.VERSION, root_id):
                yield _bad(place, f"is of schema and root {row}, wanted {(database.VERSION, root_id)}")
                return
            for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                con.execute(f'SELECT bit_xor(hash(COLUMNS(*))) FROM "{table}"').fetchall()
        except duckdb.Error as error:
            yield _bad(place, f"cannot be read through: {error}")


def _bad(place: Place, what: str) -> _Case:
    return _Case(
        Finding("database", f"{place.database} {what}", "set it aside and grow it again from the journals"),
        place.database,
    )


def _stray_log(place: Place) -> Iterator[_Case]:
    if place.wal.exists() and not place.database.exists():
        finding = Finding("log", f"{place.wal} belongs to no database", "set it aside", False)
        yield _Case(finding, place.wal)


def _known(place: Place) -> dict[str, tuple[int, int]] | None:
    """How far each journal was taken, as marker name → (segment, offset); None if the next ingest scans them all."""
    if not place.database.exists():
        return None
    try:
        with database.connect_read_only(place, TIMEOUT) as con:
            if con.execute("SELECT scanned FROM meta").fetchone() != (True,):
                return None
            rows = con.execute(
                "SELECT r.run_id || '.' || j.writer, j.segment, j.byte_offset FROM journal j JOIN run r USING (run_idx)"
            ).fetchall()
    except (duckdb.Error, TrackerError):
        return None
    return {name: (segment, offset) for name, segment, offset in rows}


def _journals(root: Root, known: dict[str, tuple[int, int]] | None) -> Iterator[_Case]:
    """Journals with something the store does not have, and no marker that would make it look."""
    if known is None:
        return
    marked = {path.name for path in root.active.iterdir()} if root.active.is_dir() else set()
    for directory in root.runs.glob("*/*/"):
        name = f"{directory.parent.name}.{directory.name}"
        if not _MARKER.fullmatch(name) or name in marked:
            continue
        found = segments(directory)
        if not found or (max(found), found[max(found)].stat().st_size) == known.get(name, (0, 0)):
            continue
        what = "holds events the store does not have" if name in known else "is unknown to the store"
        yield _Case(
            Finding("journal", f"journal {directory} {what} and has no marker", "mark it and take it in"),
            root.active / name,
        )


def _markers(root: Root) -> Iterator[_Case]:
    """Files among the markers that mark no journal. (Markers whose journal never came go by themselves.)"""
    if root.active.is_dir():
        for path in root.active.iterdir():
            if not _MARKER.fullmatch(path.name):
                yield _Case(Finding("marker", f"{path} marks no journal", "remove it", False), path)


def _catalog(root: Root) -> Iterator[Finding]:
    try:
        Catalog(root).read()
    except TrackerError as error:
        yield Finding(
            "catalog", str(error), "restore the file named from a backup; later commits wait for it"
        )
    numbers = {int(p.stem) for p in root.catalog.glob("*.json") if p.stem.isdigit()}
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - numbers)
    if missing:
        yield Finding(
            "catalog", f"catalog commits {missing[:10]} are missing", "restore the files from a backup"
        )


def _unreadable(store: Store, known: dict[str, tuple[int, int]] | None) -> Iterator[Finding]:
    """Lines of journals that could not be taken in: nothing mends them, but nobody should miss them."""
    if known is None:
        return
    with store.reading() as con:
        rows = con.execute(
            "SELECT run_id, writer, count(*), any_value(reason) FROM ingest_error GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    for run_id, writer, count, reason in rows:
        yield Finding(
            "events", f"{count} stretches of journal {run_id}/{writer} could not be read, e.g. {reason}",
            "the rest of the run is complete; see view errors for the places", serious=False,
        )  # fmt: skip
