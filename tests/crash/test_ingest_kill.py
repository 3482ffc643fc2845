"""Whoever dies while taking in, at whatever moment: every accepted event is in the store exactly once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from handmade import Hand, grows_back
from nursery import ask

from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

CYCLES = 200
SEED = 20_261
STRACE = shutil.which("strace")


def test_killed_at_random_moments(tmp_path: Path) -> None:
    root = Root.create(tmp_path)
    said = ask("kill", root.path, CYCLES, SEED)
    assert isinstance(said, dict)
    phases, accepted = said["phases"], said["accepted"]
    print("kills by phase", phases, "seed", SEED)
    inside = sum(phases.get(p, 0) for p in ("ingest", "transaction", "close"))
    assert inside >= 0.3 * CYCLES, phases
    assert phases.get("transaction", 0) >= 0.1 * CYCLES, phases
    store = Store(root)
    with store.reading() as con:
        taken = dict(con.execute("SELECT writer, last_seq FROM journal").fetchall())
        (doubles,) = con.execute(
            "SELECT count(*) - count(DISTINCT (journal_idx, seq, key_idx)) FROM point"
        ).fetchone() or (None,)
        (lost,) = con.execute(
            "SELECT count(*) FROM journal j WHERE j.last_seq <> "
            "(SELECT count(*) FROM event e WHERE e.writer = j.writer) + "
            "(SELECT count(DISTINCT seq) FROM point p WHERE p.journal_idx = j.journal_idx)"
        ).fetchone() or (None,)
    assert (doubles, lost) == (0, 0)
    assert all(accepted[writer] <= last_seq <= accepted[writer] + 1 for writer, last_seq in taken.items())
    assert len(taken) == CYCLES
    grows_back(store)
    assert not list(root.dir.glob("*.corrupt-*"))


@pytest.mark.skipif(STRACE is None, reason="needs strace")
@pytest.mark.parametrize(
    "syscall", ["pwrite64", "fsync", "fdatasync", "rename", "unlink", "write", "ftruncate"]
)
def test_killed_at_every_call_of_birth_and_first_ingest(tmp_path: Path, syscall: str) -> None:
    """The first ingest of a root, killed at its 1st, 2nd, … call of one kind, until one gets through."""
    code = (
        "import sys; from jupyter_tracker.roots import Root; from jupyter_tracker.store import Store; "
        "Store(Root.open(sys.argv[1])).ingest(wait=True)"
    )
    for nth in range(1, 60):
        root = Root.create(tmp_path / str(nth))
        hand = Hand(root)
        hand.start()
        for step in range(20):
            hand.metrics(step, m=step)
        done = subprocess.run(
            [str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={syscall}",
             "-e", f"inject={syscall}:signal=KILL:when={nth}", sys.executable, "-c", code, str(root.path)],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        if b"ptrace" in done.stderr.lower() or b"not permitted" in done.stderr:
            pytest.skip("strace may not trace here")
        store = Store(root)
        with store.reading() as con:
            assert con.execute("SELECT count(*), count(DISTINCT step) FROM metrics").fetchone() == (20, 20)
        assert not list(root.dir.glob("*.corrupt-*")), f"{syscall} {nth} left a database that would not open"
        if done.returncode == 0:
            return
        assert done.returncode in (-9, 137), done.stderr
    pytest.fail(f"still killed at the 60th {syscall}")
