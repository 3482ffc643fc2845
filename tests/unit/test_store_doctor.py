"""What can be wrong with a root is found, named and mended; the bin is emptied."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from handmade import RUN, Hand, grows_back

from jupyter_tracker.catalog import Catalog
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store
from jupyter_tracker.store.doctor import examine
from jupyter_tracker.store.trash import discarded, purge, set_aside


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = Root.create(tmp_path)
    hand = Hand(root)
    hand.start()
    hand.metrics(0, m=1)
    hand.add("seal")
    store = Store(root)
    store.ingest()
    return store


def kinds(store: Store) -> list[str]:
    return sorted(finding.kind for finding in examine(store))


def cured(store: Store, kind: str) -> None:
    """The one finding is of this kind, mending mends it, and then there is nothing left to find."""
    assert kinds(store) == [kind]
    assert [f.kind for f in examine(store, mend=True) if f.mended] == [kind]
    assert [k for k in kinds(store) if k != "set-aside"] == []
    with store.reading() as con:
        assert con.execute("SELECT value FROM metrics").fetchall() == [(1.0,)]


def old(path: Path, seconds: float) -> None:
    when = time.time() - seconds
    os.utime(path, (when, when))


def test_a_sound_root_has_nothing(store: Store) -> None:
    assert examine(store) == []
    assert examine(store, mend=True) == []


def test_an_unknown_journal(store: Store) -> None:
    hand = Hand(store.root, "0197" + "a" * 28)
    hand.start()
    hand.marker.unlink()
    cured(store, "journal")
    with store.reading() as con:
        assert con.execute("SELECT count(*) FROM runs").fetchone() == (2,)


def test_a_journal_that_went_on_unmarked(store: Store) -> None:
    hand = Hand(store.root, "0197" + "a" * 28)
    hand.start()
    hand.add("seal")
    store.ingest()
    hand.add("name", name="later")
    cured(store, "journal")
    with store.reading() as con:
        assert ("later",) in con.execute("SELECT name FROM runs").fetchall()


def test_a_marker_that_marks_nothing(store: Store) -> None:
    (store.root.active / "notes.txt").touch()
    cured(store, "marker")


def test_a_marker_whose_journal_never_came_goes_by_itself(store: Store) -> None:
    marker = store.root.active / f"{RUN}.{'0' * 16}"
    marker.touch()
    assert kinds(store) == []
    assert marker.exists()
    old(marker, 90_000)
    store.ingest()
    assert not marker.exists()


def test_a_file_left_behind(store: Store) -> None:
    for name in ("tracker.duckdb.77-abc.new", "root.json.1234abcd.tmp"):
        path = store.root.dir / name
        path.touch()
        assert kinds(store) == []
        old(path, 7200)
        cured(store, "temporary")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\0" * 100_000])
def test_a_database_that_does_not_open(store: Store, content: bytes) -> None:
    store.root.database.write_bytes(content)
    cured(store, "database")
    (aside,) = set_aside(store)
    assert aside.bytes == len(content)


def test_a_damaged_page(store: Store) -> None:
    size = store.root.database.stat().st_size
    with store.root.database.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xaa" * 5000)
    cured(store, "database")
    grows_back(store)


def test_a_missing_directory(store: Store) -> None:
    store.root.active.rmdir()
    cured(store, "directory")


def test_modes_that_lock_out_the_owner(store: Store) -> None:
    journal = store.root.runs / RUN
    journal.chmod(0o500)
    cured(store, "mode")
    assert journal.stat().st_mode & 0o700 == 0o700


def test_what_cannot_be_mended_is_told(store: Store) -> None:
    hand = Hand(store.root, "0197" + "b" * 28)
    hand.raw(b"not a line\n")
    store.ingest()
    (finding,) = examine(store, mend=True)
    assert (finding.kind, finding.mended, finding.serious) == ("events", False, False)
    catalog = Catalog(store.root)
    for name in "ab":
        catalog.create_experiment(name)
    (store.root.catalog / "00000001.json").unlink()
    assert "catalog" in kinds(store)


def test_the_bin(store: Store) -> None:
    root = store.root
    gone, alive, kept = (Hand(root, f"0197{n}" + "c" * 27) for n in range(3))
    for hand in (gone, alive, kept):
        hand.start(name=f"run {hand.run_id[4]}")
        hand.metrics(0, m=1)
    for hand in (gone, alive):
        hand.add("lifecycle", deleted=True)
    gone.add("seal")
    artifact = root.artifacts(gone.run_id) / "deep" / "model.bin"
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(b"x" * 10_000)
    found = {each.run_id: each for each in discarded(store)}
    assert set(found) == {gone.run_id, alive.run_id}
    assert found[gone.run_id].bytes > 10_000
    assert (found[gone.run_id].alive, found[alive.run_id].alive) == (False, True)
    assert purge(store, [gone.run_id, alive.run_id, kept.run_id, "f" * 32]) == found[gone.run_id].bytes
    assert not (root.runs / gone.run_id).exists()
    assert (root.runs / alive.run_id).exists() and (root.runs / kept.run_id).exists()
    assert [each.run_id for each in discarded(store)] == [alive.run_id]
    assert kinds(store) == []
    grows_back(store)


def test_a_purge_that_was_stopped_is_finished(store: Store) -> None:
    leftover = store.root.runs / f".purged-{'d' * 32}"
    leftover.mkdir()
    (leftover / "000001.ndjson").touch()
    cured(store, "purged")
    assert not leftover.exists()
