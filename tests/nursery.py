"""Processes that are born to be killed, forked from one that has imported everything and opened nothing.

python -m tests.crash.nursery kill ROOT CYCLES SEED     → JSON: in which phases the kills fell, events
accepted python -m tests.crash.nursery look ROOT…                → JSON per root: what the store says, or how
looking died python -m tests.crash.nursery crowd ROOT PROCESSES EVENTS
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas  # noqa: F401  DuckDB 1.5 imports it at its first statement: better once, before the forks
from handmade import Hand, dump

from jupyter_tracker.journal import Journal
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store, database
from jupyter_tracker.store.ingest import Ingest
from jupyter_tracker.store.lock import Lock

PHASES = {b"j": "journal", b"o": "open", b"i": "ingest", b"t": "transaction", b"c": "close", b"d": "done"}


def fork(work: Callable[[int], None]) -> tuple[int, int]:
    """Run `work(write end of a pipe)` in a child; returns its pid and the read end."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    os.close(read)
    try:
        work(write)
        os._exit(0)
    except BaseException:  # a forked child must not go on as the parent
        logging.getLogger(__name__).exception("child failed")
        os._exit(1)


def drain(read: int) -> bytes:
    parts = []
    while part := os.read(read, 65536):
        parts.append(part)
    os.close(read)
    return b"".join(parts)


def write_and_ingest(root: Root, number: int, ack: int) -> None:
    """Write events, acknowledging each, then take them in, acknowledging each step; until killed."""
    hand = Hand(root, f"0197{number % 7:028x}", f"{number:016x}")
    hand.start()
    os.write(ack, b"jj")
    step = 0
    while True:
        for _ in range(30):
            hand.metrics(step, loss=1 / (step + 1), acc=step)
            step += 1
            os.write(ack, b"j")
        hand.add("params", values={f"p{step % 5}": step})
        os.write(ack, b"j")
        with Lock(root.lock_file) as lock:
            os.write(ack, b"o")
            lock.acquire(10)
            con, _ = database.connect(Store(root).place, root.root_id, 10)
            os.write(ack, b"i")
            Ingest(con, root, shared=False).run(lambda done, total: os.write(ack, b"t") and None)
            if step % 90 == 0:
                con.execute("CHECKPOINT")
            os.write(ack, b"c")
            con.close()
            os.write(ack, b"d")


def kill(root: Root, cycles: int, seed: int) -> dict[str, object]:
    rng = random.Random(seed)
    phases: Counter[str] = Counter()
    accepted: dict[str, int] = {}
    for number in range(cycles):
        pid, read = fork(lambda ack, n=number: write_and_ingest(root, n, ack))  # type: ignore[misc]
        select.select([read], [], [], 10)
        time.sleep(rng.uniform(0, 0.15))  # the moment of the kill is the subject of the test
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"cycle {number} ended by itself"
        acks = drain(read)
        phases[PHASES[acks[-1:]]] += 1
        accepted[f"{number:016x}"] = acks.count(b"j")
    return {"phases": phases, "accepted": accepted}


def look(root: Root) -> dict[str, object]:
    """What a reader of this root sees, looked at by a child so that an abort of DuckDB is seen as one."""

    def work(out: int) -> None:
        logging.disable(logging.WARNING)
        said = Store(root).read(dump)
        os.write(out, hashlib.sha256(json.dumps(said).encode()).hexdigest().encode())

    pid, read = fork(work)
    digest = drain(read).decode()
    _, status = os.waitpid(pid, 0)
    aside = sorted(path.name for path in root.dir.glob("*.corrupt-*"))
    return {"status": status, "digest": digest, "aside": aside}


def crowd(path: Path, processes: int, count: int) -> dict[str, object]:
    """Processes that all create the root, log and ingest at once; returns seconds until the last one left."""
    gate, opened = os.pipe()

    def work(out: int) -> None:
        os.close(opened)
        os.read(gate, 1)
        began = time.perf_counter()
        root = Root.create(path)
        journal = Journal(root, f"0197{os.getpid():028x}")
        journal.append("start", {"experiment_id": "e", "name": "crowd"})
        for step in range(count):
            journal.append_metrics(step, {'"m"': str(step)})
        journal.close()
        logged = time.perf_counter() - began
        elected = Store(root).ingest().elected
        said = {
            "logged": logged,
            "all": time.perf_counter() - began,
            "elected": elected,
            "cpu": time.process_time(),
        }
        os.write(out, json.dumps(said).encode())

    children = [fork(work) for _ in range(processes)]
    os.close(gate)
    os.close(opened)
    said = [json.loads(drain(read)) for _, read in children]
    statuses = [os.waitpid(pid, 0)[1] for pid, _ in children]
    return {"children": said, "statuses": statuses}


def ask(*args: object, timeout: float = 300) -> object:
    """Run the nursery with these arguments in a process of its own; returns its answer."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, args)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def main(command: str, *args: str) -> None:
    match command:
        case "kill":
            print(json.dumps(kill(Root.open(args[0]), int(args[1]), int(args[2]))))
        case "look":
            print(json.dumps([look(Root.open(path)) for path in args]))
        case "crowd":
            print(json.dumps(crowd(Path(args[0]), int(args[1]), int(args[2]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
