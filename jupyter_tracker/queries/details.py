"""Everything about one run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import duckdb
import msgspec

from .registry import number, query
from .runs import RunRow, exists, rows


class OfRun(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str


class Param(msgspec.Struct):
    """`number` is set when the value is one; `type` is the Python type it had."""

    key: str
    value: str | None
    number: float | str | None
    type: str
    origin: str | None
    time: int


class ParamChange(msgspec.Struct):
    """One value a param had, oldest first."""

    key: str
    value: Any
    type: str | None
    origin: str | None
    time: int
    writer: str
    seq: int


class Summary(msgspec.Struct):
    """A metric series in short; extremes and mean are over finite values."""

    key: str
    count: int
    first: float | str | None
    last: float | str | None
    last_step: int
    min: float | None
    min_step: int | None
    max: float | None
    max_step: int | None
    mean: float | str | None
    best: float | None
    best_step: int | None
    direction: Literal["min", "max"] | None
    nonfinite: int


class Artifact(msgspec.Struct):
    path: str
    size: int | None
    sha256: str | None
    mime: str | None
    uri: str | None
    time: int


class Detail(msgspec.Struct):
    """A run with all it recorded but its points and output; `captures` by section, the last of each."""

    run: RunRow
    params: list[Param]
    tags: dict[str, str]
    metrics: list[Summary]
    artifacts: list[Artifact]
    captures: dict[str, Any]
    inputs: list[dict[str, Any]]
    children: list[str]
    traceback: str | None
    errors: int


class History(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    key: str | None = None


@query("run.detail", OfRun, Detail)
def detail(con: duckdb.DuckDBPyConnection, p: OfRun) -> Iterable[Detail]:
    """One run with params, tags, metric summaries, artifacts, captures and children. NotFound without such a run."""
    run_idx = exists(con, p.run_id)
    bodies = _bodies(con, run_idx, ["capture", "input", "end"])
    captures = {body["section"]: body.get("value") for kind, body in bodies if kind == "capture"}
    run = rows(con, [p.run_id])[0]
    ends = [body for kind, body in bodies if kind == "end"]
    failure = (ends[-1].get("error") if ends and run.error_type is not None else None) or {}
    yield Detail(
        run, _params(con, p.run_id), dict(_all(con, "SELECT key, value FROM tags WHERE run_id = ? ORDER BY key", p)),
        _metrics(con, p.run_id),
        [Artifact(*row) for row in _all(
            con, "SELECT path, size, sha256, mime, uri, epoch_us(time) FROM artifacts WHERE run_id = ? ORDER BY path", p
        )],
        captures, [body for kind, body in bodies if kind == "input"],
        [row[0] for row in _all(
            con, "SELECT run_id FROM runs WHERE parent_run_id = ? ORDER BY start_time, run_id", p
        )],
        failure.get("traceback"), _all(con, "SELECT count(*) FROM errors WHERE run_id = ?", p)[0][0],
    )  # fmt: skip


@query("run.params_history", History, ParamChange)
def params_history(con: duckdb.DuckDBPyConnection, p: History) -> Iterable[ParamChange]:
    """Every value the params of a run ever had, oldest first; of one key if given."""
    found = con.execute(
        "SELECT body, epoch_us(time), writer, seq FROM event WHERE run_idx = ? AND kind = 'params' "
        "ORDER BY time, writer, seq",
        [exists(con, p.run_id)],
    ).fetchall()
    for body, time, writer, seq in found:
        fields = json.loads(body)
        types, origin = fields.get("types") or {}, fields.get("origin") or {}
        for key, value in fields["values"].items():
            if p.key in (None, key):
                yield ParamChange(key, value, types.get(key), origin.get(key), time, writer, seq)


def _params(con: duckdb.DuckDBPyConnection, run_id: str) -> list[Param]:
    found = con.execute(
        "SELECT key, value, number, type, origin, epoch_us(time) FROM params WHERE run_id = ? ORDER BY key",
        [run_id],
    ).fetchall()
    return [Param(*[*row[:2], number(row[2]), *row[3:]]) for row in found]


def _metrics(con: duckdb.DuckDBPyConnection, run_id: str) -> list[Summary]:
    found = con.execute(
        "SELECT * EXCLUDE (run_id) FROM metric_summary WHERE run_id = ? ORDER BY key", [run_id]
    ).fetchall()
    return [Summary(*[r[0], r[1], number(r[2]), number(r[3]), *r[4:9], number(r[9]), *r[10:]]) for r in found]


def _bodies(
    con: duckdb.DuckDBPyConnection, run_idx: int, kinds: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    found = con.execute(
        "SELECT kind, body FROM event WHERE run_idx = ? AND kind IN (SELECT unnest(?)) ORDER BY time, writer, seq",
        [run_idx, kinds],
    ).fetchall()
    return [(kind, json.loads(body)) for kind, body in found]


def _all(con: duckdb.DuckDBPyConnection, sql: str, p: OfRun) -> list[Any]:
    return con.execute(sql, [p.run_id]).fetchall()
