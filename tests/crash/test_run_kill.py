"""kill -9 while a run logs: everything whose call returned is there exactly once, and the run is lost, not running."""

from __future__ import annotations

import os
import random
import select
import signal
import struct
from pathlib import Path

from handmade import grows_back

from jupyter_tracker import queries
from jupyter_tracker.catalog import Catalog
from jupyter_tracker.journal import read
from jupyter_tracker.roots import Root
from jupyter_tracker.run import Run
from jupyter_tracker.store import Store

CYCLES = 200
ACK = struct.Struct("<q")


def _log_until_killed(root: Root, run_id: str, acks: int) -> None:
    run = Run.start(root, Catalog(root).ensure_experiment("kills"), run_id=run_id)
    number = 0
    while True:
        run.log_metric("m", number, step=number)
        os.write(acks, ACK.pack(number))
        number += 1


def _cycle(root: Root, run_id: str, delay: float) -> list[int]:
    """Start a logging child, kill it `delay` seconds after its first acknowledgement, return what it acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _log_until_killed(root, run_id, writing)
        os._exit(0)
    os.close(writing)
    assert select.select([reading], [], [], 20)[0]
    drained, deadline = b"", delay
    while deadline > 0 and select.select([reading], [], [], deadline)[0]:
        drained += os.read(reading, 65_536)
        deadline -= 0.001
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while part := os.read(reading, 65_536):
        drained += part
    os.close(reading)
    whole = len(drained) - len(drained) % ACK.size
    return [number for (number,) in ACK.iter_unpack(drained[:whole])]


def test_nothing_acknowledged_is_ever_lost(tmp_path: Path) -> None:
    root = Root.create(tmp_path)
    random_ = random.Random(20261124)
    acked = {}
    for cycle in range(CYCLES):
        run_id = f"{0x0199 << 112 | cycle:032x}"
        acked[run_id] = _cycle(root, run_id, random_.uniform(0, 0.02))
    assert all(acked.values())
    assert sum(map(len, acked.values())) > CYCLES * 10
    for run_id, numbers in acked.items():
        steps = [event.fields["step"] for event in read(root, run_id) if event.kind == "metrics"]
        assert steps[: len(numbers)] == numbers
        assert len(steps) - len(numbers) <= 1
    store = Store(root)
    grows_back(store)
    page = queries.dispatch(store, "runs.page", {"limit": CYCLES})[0]
    assert {row["status"] for row in page["runs"]} == {"lost"}
    assert len(page["runs"]) == CYCLES
