"""Figures of the store, as JSON on stdout.

    python tests/benchmarks/store.py [--events 2000000] [--runs 100000] [--points 20000000] [--journals 2000]

ingest: one journal of single-metric lines taken into a new database file by the store's own ingest.
rebuild: many small real journals. reading: named queries on a fabricated root (see big_root.py), each from before the
lock is taken to the rows in Python; median, best and worst of ten, after one to warm up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

import big_root
from handmade import EPOCH, Hand, line

from jupyter_tracker.queries import dispatch
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

COLUMNS = [
    {"kind": "metric", "key": "loss"},
    {"kind": "metric", "key": "acc", "aggregate": "best"},
    {"kind": "param", "key": "lr"},
    {"kind": "tag", "key": "team"},
]
PAGE = {
    "filter": "metrics.loss < 0.5 and params.lr > 0.001",
    "order_by": ["metrics.loss ASC"],
    "limit": 50,
    "columns": COLUMNS,
}


def ingest(events: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        root = Root.create(directory)
        hand = Hand(root)
        step = 100_000
        for low in range(2, events + 2, step):
            numbers = range(low, min(low + step, events + 2))
            hand.raw(
                b"".join(
                    line(n, "metrics", EPOCH + n, step=n, values={"loss": n * 0.123456789}) for n in numbers
                )
            )
        began = time.perf_counter()
        report = Store(root).ingest()
        seconds = time.perf_counter() - began
        return {"events": report.points, "seconds": seconds, "events_per_second": report.points / seconds}


def rebuild(journals: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        root = Root.create(directory)
        for number in range(journals):
            hand = Hand(root, big_root.run_id(number))
            hand.start()
            hand.add("params", values={"lr": number, "model": "rf"})
            hand.add("tags", values={"team": "x"})
            for step in range(20):
                hand.metrics(step, loss=1 / (1 + step), acc=step)
            hand.add("end", outcome="finished", duration=1.0)
            hand.add("seal")
        report = Store(root).rebuild()
        return {"journals": journals, "events": report.events, "seconds": report.seconds}


def timed(work: Callable[[], object]) -> dict[str, float]:
    work()
    taken = []
    for _ in range(10):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return {"median_ms": statistics.median(taken), "best_ms": min(taken), "worst_ms": max(taken)}


def reading(runs: int, points: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(big_root.build(Path(directory), runs, points))
        run_id = big_root.run_id(runs // 2)
        asked = {
            "runs.page, filtered and sorted by a metric": ("runs.page", PAGE),
            "runs.page, newest first": ("runs.page", {"limit": 50, "columns": COLUMNS}),
            "run.curve": ("run.curve", {"run_id": run_id, "key": "loss"}),
            "run.detail": ("run.detail", {"run_id": run_id}),
            "metrics.keys": ("metrics.keys", {}),
        }
        figures: dict[str, object] = {
            label: timed(lambda name=name, params=params: dispatch(store, name, params))  # type: ignore[misc]
            for label, (name, params) in asked.items()
        }
        size = store.root.database.stat().st_size
        return {"runs": runs, "points": points, "database_bytes": size, "queries": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of the store.")
    for name, default in (
        ("events", 2_000_000),
        ("runs", 100_000),
        ("points", 20_000_000),
        ("journals", 2_000),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    figures = {
        "duckdb": duckdb.__version__,
        "ingest": ingest(args.events),
        "rebuild": rebuild(args.journals),
        "reading": reading(args.runs, args.points),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
