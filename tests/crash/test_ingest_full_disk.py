"""A disk that fills up while taking in: readers see what was there, and the rest comes once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from handmade import Hand, grows_back, line, metrics

from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

CODE = """
import json, logging, resource, sys
from jupyter_tracker.errors import TrackerError
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store
logging.disable(logging.CRITICAL)
root = Root.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    report = Store(root).ingest(wait=True)
    with Store(root).reading() as con:
        said = con.execute("SELECT count(*) FROM metrics").fetchone()[0]
    print(json.dumps({"trouble": report.trouble, "points": said}))
except TrackerError as error:
    print(json.dumps({"error": type(error).__name__, "text": str(error)}))
"""


def limited(root: Root, size: int) -> dict[str, object]:
    """Take in and read with files limited to `size` bytes, as on a disk with that much room."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(root.path), str(size)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("room", [0, 4096, 262_144, 1_000_000, 3_000_000])
def test_full_while_taking_in(tmp_path: Path, room: int, sealed: bool) -> None:
    root = Root.create(tmp_path)
    hand = Hand(root)
    hand.metrics(0, m=0)
    store = Store(root)
    store.ingest()
    hand.raw(b"".join(metrics(n, n, m=n * 0.1234567) for n in range(3, 200_003)))
    if sealed:
        hand.raw(line(200_003, "seal"))
    said = limited(root, root.database.stat().st_size + room)
    assert said.get("points") in (1, 200_001), said
    with store.reading() as con:
        assert con.execute("SELECT count(*), count(DISTINCT step) FROM metrics").fetchone() == (
            200_001,
            200_001,
        )
    assert not list(root.dir.glob("*.corrupt-*"))
    grows_back(store)


@pytest.mark.parametrize("size", [0, 5_000, 20_000, 300_000])
def test_full_while_being_born(tmp_path: Path, size: int) -> None:
    root = Root.create(tmp_path)
    Hand(root).start()
    said = limited(root, size)
    assert said.get("error") == "TrackerError" or said.get("points") == 0, said
    assert not list(root.dir.glob("*.new*"))
    store = Store(root)
    with store.reading() as con:
        assert con.execute("SELECT name FROM runs").fetchall() == [("by-hand",)]
    assert not list(root.dir.glob("*.corrupt-*"))
