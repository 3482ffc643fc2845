"""Fabricate a root with many runs, quickly.

The first `journaled` runs are real: their journals are written and taken in by the store's own ingest. All other
rows (runs, params, tags, journals, points and their roll-ups) are synthetic: inserted by SQL into the same schema, in
the order ingest leaves them in. They have no journals, so a rebuild of such a root keeps only the first part.

    python tests/benchmarks/big_root.py DIRECTORY --runs 100000 --points 20000000
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import duckdb

from jupyter_tracker import events
from jupyter_tracker.journal import Journal
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store, database
from jupyter_tracker.store.lock import Lock

METRICS = ("loss", "acc", "val_loss", "val_acc", "lr_now")
EXPERIMENTS = 20


def build(path: Path, runs: int, points: int, journaled: int = 20, keys: int = len(METRICS)) -> Root:
    """A root of `runs` runs sharing `points` points evenly over `keys` metrics each."""
    root = Root.create(path)
    steps = max(1, points // (runs * keys))
    for number in range(min(journaled, runs)):
        _journal(root, number, steps, keys)
    store = Store(root)
    with store.reading():
        pass
    with Lock(store.place.lock) as lock:
        lock.acquire(10)
        con, _ = database.connect(store.place, root.root_id, 10)
        _synthetic(con, min(journaled, runs), runs, steps, keys)
        con.close()
    return root


def run_id(number: int) -> str:
    return f"0197{number:028x}"


def _journal(root: Root, number: int, steps: int, keys: int) -> None:
    journal = Journal(root, run_id(number))
    start = {
        "experiment_id": f"{number % EXPERIMENTS:032x}",
        "name": f"run-{number}",
        "user": "ann",
        "host": "bench",
    }
    journal.append("start", start | {"source_type": "script"})
    params = {"lr": 1e-4 * (number % 100), "depth": number % 12, "model": "abc"[number % 3]}
    journal.append("params", {"values": params})
    journal.append("tags", {"values": {"team": "xyz"[number % 3]}})
    for step in range(steps):
        value = events.number(1 / (1 + step + number))
        journal.append_metrics(step, {events.key(key): value for key in METRICS[:keys]})
    journal.append("end", {"outcome": "finished", "duration": 1.0, "error": None})
    journal.close()


def _synthetic(con: duckdb.DuckDBPyConnection, first: int, runs: int, steps: int, keys: int) -> None:
    con.execute(f"""
        INSERT INTO metric_key SELECT i, k, CASE WHEN k LIKE '%loss' THEN 'min' WHEN k LIKE '%acc' THEN 'max' END
        FROM (SELECT unnest(range({keys})) i, unnest({list(METRICS[:keys])}) k) WHERE i NOT IN (SELECT key_idx FROM metric_key);
        INSERT INTO run BY NAME
        SELECT i::INTEGER run_idx, '0197' || printf('%028x', i) run_id, printf('%032x', i % {EXPERIMENTS}) experiment_id,
               'run-' || i AS name, 1 attempt, 'script' source_type, 'ann' "user", 'bench' host,
               TIMESTAMP '2026-01-01' + to_seconds(i * 60) start_time, start_time + to_seconds(30) end_time,
               30.0 duration, CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'finished' END outcome, end_time last_time,
               false deleted, 'train.ipynb' notebook, 'c' || i % 40 cell_id, i % 90 execution_count,
               md5((i // 100)::VARCHAR) git_commit, 'main' git_branch, false git_dirty, '3.11.7' python
        FROM range({first}, {runs}) t(i);
        INSERT INTO journal BY NAME
        SELECT i::INTEGER journal_idx, i::INTEGER run_idx, 'aaaaaaaaaaaaaaaa' writer, 1 segment, 1000 byte_offset,
               '' tail, 10 last_seq, '[[1, 10]]' seen, TIMESTAMP '2026-01-01' last_time, 'bench' host, 'b' boot_id, 1 pid, 1 pid_start,
               true sealed, false alive, 0 errors FROM range({first}, {runs}) t(i);
        INSERT INTO param BY NAME
        SELECT i::INTEGER run_idx, k AS key, v AS value, TRY_CAST(v AS DOUBLE) number, t AS type,
               TIMESTAMP '2026-01-01' AS time, 'aaaaaaaaaaaaaaaa' writer, 2 seq
        FROM (SELECT i, unnest(['lr', 'depth', 'model']) k, unnest(['float', 'int', 'str']) t,
              unnest([(i % 100 * 1e-4)::VARCHAR, (i % 12)::VARCHAR, chr((97 + i % 3)::INTEGER)]) v
              FROM range({first}, {runs}) t(i));
        INSERT INTO tag BY NAME
        SELECT i::INTEGER run_idx, 'team' AS key, chr((120 + i % 3)::INTEGER) AS value,
               TIMESTAMP '2026-01-01' AS time, 'aaaaaaaaaaaaaaaa' writer, 3 seq FROM range({first}, {runs}) t(i);
    """)
    for low in range(first, runs, 10_000):
        con.execute(f"""
            INSERT INTO point
            SELECT i::INTEGER, k::INTEGER, s, TIMESTAMP '2026-01-01' + to_seconds(i * 60 + s),
                   random() / (1 + s) + (i * 7919 % 1000) / 1000, NULL, i::INTEGER, 4 + s
            FROM range({low}, {min(low + 10_000, runs)}) r(i), range({keys}) m(k), range({steps}) p(s) ORDER BY 1, 2, 3
        """)
    con.execute(f"""
        INSERT INTO rollup BY NAME
        SELECT run_idx, key_idx, any_value(journal_idx) journal_idx, count(*) count, arg_min(value, step) "first",
               min(step) first_step, min(time) first_time, arg_max(value, step) "last", max(step) last_step,
               max(time) last_time, min(value) min, arg_min(step, value) min_step, max(value) max,
               arg_max(step, value) max_step, sum(value) total, 0 nonfinite
        FROM point WHERE run_idx >= {first} GROUP BY run_idx, key_idx ORDER BY run_idx, key_idx;
        CHECKPOINT;
    """)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("directory", type=Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=20_000_000)
    args = parser.parse_args()
    began = time.perf_counter()
    root = build(args.directory, args.runs, args.points)
    print(f"{root.dir}: {args.runs} runs, {args.points} points in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
