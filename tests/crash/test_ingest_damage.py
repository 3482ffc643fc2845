"""A damaged database or log: what was sound is read, or all of it grows back; nobody crashes, nothing is deleted."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from handmade import Hand
from nursery import ask

from jupyter_tracker.roots import Root

SEED = 8


def build(path: Path, *, with_log: bool) -> Root:
    """A root with a few runs in its database; `with_log` leaves the newest of them in the write-ahead log only."""
    root = Root.create(path)
    code = """
import sys, os
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store, database
from jupyter_tracker.store.ingest import Ingest
root = Root.open(sys.argv[1])
con, _ = database.connect(Store(root).place, root.root_id, 10)
Ingest(con, root, shared=False).run()
os.kill(os.getpid(), 9) if sys.argv[2] == "kill" else con.close()
"""
    for number in range(4):
        hand = Hand(root, f"0197{number:028x}")
        hand.start(name=f"run {number}")
        hand.add("params", values={"lr": 0.1 * number})
        for step in range(100):
            hand.metrics(step, loss=1 / (1 + step), acc=step)
        hand.add("end", outcome="finished", duration=1.0)
        last = "kill" if with_log and number == 3 else "close"
        if last == "close":  # what is sealed does not stay in the log
            hand.add("seal")
        os.utime(hand.path, (0, 0))
        subprocess.run([sys.executable, "-c", code, str(root.path), last], check=False)
    return root


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    home = tmp_path_factory.mktemp("pristine")
    return {"database": build(home / "database", with_log=False), "log": build(home / "log", with_log=True)}


def copies(source: Root, target: Path, count: int) -> list[Root]:
    for number in range(count):
        shutil.copytree(source.path, target / str(number))
    return [Root.open(target / str(number)) for number in range(count)]


def check(source: Root, damaged: list[Root], tmp_path: Path) -> list[list[str]]:
    """Every damaged root says what the sound one says; returns what was set aside in each."""
    (sound_root,) = copies(source, tmp_path / "sound", 1)
    looks = ask("look", sound_root.path, *(root.path for root in damaged))
    assert isinstance(looks, list)
    sound, *rest = looks
    assert sound["status"] == 0 and sound["aside"] == []
    for root, look in zip(damaged, rest, strict=True):
        assert look["status"] == 0, f"{root.path}: reader ended with {look['status']}"
        assert look["digest"] == sound["digest"], f"{root.path} says something else"
    return [look["aside"] for look in rest]


def flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def test_bit_flips_in_the_database(pristine: dict[str, Root], tmp_path: Path) -> None:
    rng = random.Random(SEED)
    damaged = copies(pristine["database"], tmp_path, 60)
    for root in damaged:
        flip(root.database, rng)
    aside = check(pristine["database"], damaged, tmp_path)
    assert sum(map(bool, aside)) > 5, "the flips hit nothing that matters"


def test_bit_flips_in_the_header_of_the_database(pristine: dict[str, Root], tmp_path: Path) -> None:
    damaged = copies(pristine["database"], tmp_path, 24)
    for number, root in enumerate(damaged):
        content = bytearray(root.database.read_bytes())
        content[number * 4 if number < 12 else 4096 * (1 + number % 2) + number * 2] ^= 0xFF
        root.database.write_bytes(content)
    check(pristine["database"], damaged, tmp_path)


def test_truncated_databases(pristine: dict[str, Root], tmp_path: Path) -> None:
    rng = random.Random(SEED)
    damaged = copies(pristine["database"], tmp_path, 30)
    for root in damaged:
        os.truncate(root.database, rng.randrange(root.database.stat().st_size))
    assert all(check(pristine["database"], damaged, tmp_path))


def test_files_that_are_no_database(pristine: dict[str, Root], tmp_path: Path) -> None:
    contents = [
        b"",
        b"<!doctype html><title>404</title>",
        b"\0" * 300_000,
        os.urandom(50_000),
        b"SQLite format 3\0" * 99,
    ]
    damaged = copies(pristine["database"], tmp_path, len(contents))
    for root, content in zip(damaged, contents, strict=True):
        root.database.write_bytes(content)
    check(pristine["database"], damaged, tmp_path)


def test_bit_flips_in_the_log(pristine: dict[str, Root], tmp_path: Path) -> None:
    rng = random.Random(SEED)
    damaged = copies(pristine["log"], tmp_path, 60)
    for root in damaged:
        flip(root.database.with_name("tracker.duckdb.wal"), rng)
    aside = check(pristine["log"], damaged, tmp_path)
    assert sum(any(".wal.corrupt-" in name for name in names) for names in aside) > 30


def test_logs_cut_short_missing_foreign_or_alone(pristine: dict[str, Root], tmp_path: Path) -> None:
    rng = random.Random(SEED)
    damaged = copies(pristine["log"], tmp_path, 24)
    foreign = build(tmp_path / "foreign", with_log=True)
    for number, root in enumerate(damaged):
        log = root.database.with_name("tracker.duckdb.wal")
        match number % 4:
            case 0:
                os.truncate(log, rng.randrange(log.stat().st_size))
            case 1:
                log.unlink()
            case 2:
                shutil.copy(foreign.database.with_name(log.name), log)
            case 3:
                root.database.unlink()
    check(pristine["log"], damaged, tmp_path)
