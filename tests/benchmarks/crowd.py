"""Eight processes log, one polls, two query, all at once on one root; prints failures and query times as JSON.

    python tests/benchmarks/crowd.py DIRECTORY SECONDS

A logging process logs a metric every 2 ms or so; the poller takes in what is new every 250 ms; the others ask for a
page of runs without a pause. The clock starts when all are ready. A failure is an exception in any of them, a process that died, or a point that is missing
in the end.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from pathlib import Path
from queue import Empty
from typing import Any

import jupyter_tracker
from jupyter_tracker.queries import dispatch
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

WRITERS, READERS = 8, 2


def write(directory: Path, seconds: float, ready: Any, said: Any) -> None:
    jupyter_tracker.set_root(directory)
    points = 0
    ready.wait()
    until = time.time() + seconds
    with jupyter_tracker.start_run() as run:
        while time.time() < until:
            run.log_metric("loss", 1 / (1 + points))
            points += 1
            time.sleep(0.002)
    said.put(("points", points))


def ask(directory: Path, seconds: float, ready: Any, said: Any, pause: float, kind: str) -> None:
    store = Store(Root.open(directory))
    dispatch(store, "runs.page", {})
    taken, failures = [], []
    ready.wait()
    until = time.time() + seconds
    while time.time() < until:
        began = time.perf_counter()
        try:
            dispatch(store, "runs.page", {"limit": 50, "order_by": ["metrics.loss ASC"]})
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(pause)
    said.put((kind, (taken, failures)))


def main() -> None:
    directory, seconds = Path(sys.argv[1]), float(sys.argv[2])
    Root.create(directory)
    context = multiprocessing.get_context("spawn")
    said, ready = context.Queue(), context.Barrier(WRITERS + READERS + 1)
    people = [context.Process(target=write, args=(directory, seconds, ready, said)) for _ in range(WRITERS)]
    people.append(context.Process(target=ask, args=(directory, seconds, ready, said, 0.25, "poll")))
    people += [
        context.Process(target=ask, args=(directory, seconds, ready, said, 0.0, "query"))
        for _ in range(READERS)
    ]
    for person in people:
        person.start()
    heard: dict[str, list[Any]] = {"points": [], "poll": [], "query": []}
    try:
        for _ in people:
            kind, value = said.get(timeout=seconds + 90)
            heard[kind].append(value)
    except Empty:
        print("not every process answered", file=sys.stderr)
    for person in people:
        person.join()
    print("\n" + json.dumps(summary(directory, heard, len(people))))


def summary(directory: Path, heard: dict[str, list[Any]], people: int) -> dict[str, Any]:
    store = Store(Root.open(directory))
    with store.reading() as con:
        (stored,) = con.execute("SELECT count(*) FROM metrics WHERE key = 'loss'").fetchone()  # type: ignore[misc]
    taken = sorted(one for times, _ in heard["query"] for one in times)
    errors = [error for _, failures in heard["query"] + heard["poll"] for error in failures]
    logged = sum(heard["points"])
    dead = people - sum(map(len, heard.values()))
    return {
        "logged": logged,
        "failures": len(errors) + dead + abs(logged - stored),
        "errors": sorted(set(errors)),
        "queries": len(taken),
        "query_p50_ms": taken[len(taken) // 2],
        "query_p95_ms": taken[len(taken) * 95 // 100],
    }


if __name__ == "__main__":
    main()
