"""Journals written by hand, byte by byte as docs/journal-format.md says, and the oracle of the store."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import duckdb

from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

RUN = "0197" + "0" * 27 + "1"
WRITER = "ab" * 8
EPOCH = 1_764_000_000_000_000


def line(seq: int, kind: str, time: int | None = None, **fields: Any) -> bytes:
    """One event line with its checksum and newline; `time` defaults to seq milliseconds after EPOCH."""
    head = {"seq": seq, "time": EPOCH + seq * 1000 if time is None else time, "kind": kind}
    body = json.dumps(head | fields, separators=(",", ":"))[:-1].encode()
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def metrics(seq: int, step: int, time: int | None = None, **values: float | str) -> bytes:
    return line(seq, "metrics", time, step=step, values=values)


class Hand:
    """A journal of another host, written line by line; numbers and times count up by themselves."""

    def __init__(self, root: Root, run_id: str = RUN, writer: str = WRITER, *, clock: int = EPOCH) -> None:
        self.run_id, self.writer, self.clock, self.seq = run_id, writer, clock, 0
        self.directory = root.runs / run_id / writer
        self.marker = root.active / f"{run_id}.{writer}"
        self.marker.touch()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.segment = 1
        self.header()

    @property
    def path(self) -> Path:
        return self.directory / f"{self.segment:06d}.ndjson"

    def header(self) -> None:
        self.add(
            "header", format=1, run=self.run_id, writer=self.writer, segment=self.segment,
            host="elsewhere", boot_id="b", pid=7, pid_start=9,
        )  # fmt: skip

    def add(self, kind: str, time: int | None = None, **fields: Any) -> None:
        self.seq += 1
        self.clock += 1000
        self.raw(line(self.seq, kind, self.clock if time is None else time, **fields))

    def metrics(self, step: int, time: int | None = None, **values: float | str) -> None:
        self.add("metrics", time, step=step, values=values)

    def start(self, **fields: Any) -> None:
        defaults = {
            "experiment_id": "e" * 32, "name": "by-hand", "parent": None, "user": "ann", "host": "elsewhere",
            "source_type": "script", "lineage": None, "resumed": False,
        }  # fmt: skip
        self.add("start", **(defaults | fields))

    def rotate(self) -> None:
        self.segment += 1
        self.header()

    def raw(self, data: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(data)


def dump(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Everything the store says, without the numbers that differ from one rebuild to the next."""
    tables = {
        "all_runs": "SELECT * EXCLUDE (run_idx) FROM all_runs",
        "journal": "SELECT r.run_id, j.* EXCLUDE (run_idx, journal_idx) FROM journal j JOIN run r USING (run_idx)",
        "point": "SELECT m.*, j.writer, p.seq FROM point p JOIN journal j USING (journal_idx) JOIN run r "
        "ON r.run_idx = p.run_idx JOIN metric_key k USING (key_idx) JOIN metrics m "
        "ON m.run_id = r.run_id AND m.key = k.key AND m.step = p.step AND m.time = p.time "
        "AND m.value = p.value AND m.exact IS NOT DISTINCT FROM p.exact",
    }
    for view in (
        "params",
        "tags",
        "metrics",
        "metric_summary",
        "artifacts",
        "experiments",
        "events",
        "errors",
    ):
        tables[view] = f"SELECT * FROM {view}"
    return {name: sorted(map(repr, con.execute(sql).fetchall())) for name, sql in tables.items()}


def grows_back(store: Store) -> dict[str, list[str]]:
    """Assert that a rebuild says exactly what the live store says; returns what that is."""
    with store.reading() as con:
        live = dump(con)
    store.rebuild()
    with store.reading() as con:
        grown = dump(con)
    for name, rows in live.items():
        assert rows == grown[name], f"{name} differs after a rebuild"
    return live
