"""What there is to choose from: experiments, keys of metrics, params and tags, and what could not be taken in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

import duckdb
import msgspec

from .registry import query
from .runs import View


class Experiments(msgspec.Struct, forbid_unknown_fields=True):
    view: View = "active"


class Experiment(msgspec.Struct):
    """An experiment; `runs` counts those not deleted."""

    experiment_id: str
    name: str | None
    note: str | None
    tags: dict[str, str]
    created: int
    deleted: bool
    runs: int
    last_run: int | None
    artifact_root: str | None


class Keys(msgspec.Struct, forbid_unknown_fields=True):
    """Keys used by the runs of these experiments, of all when there are none."""

    experiment_ids: list[str] = []


class MetricKey(msgspec.Struct):
    key: str
    direction: Literal["min", "max"] | None
    runs: int
    points: int


class ParamKey(msgspec.Struct):
    """`types` are the types its values have, `numeric` whether every value is a number."""

    key: str
    types: list[str]
    numeric: bool
    runs: int
    values: int


class TagKey(msgspec.Struct):
    key: str
    runs: int
    values: int


class Errors(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str | None = None
    limit: int = 1000


class IngestError(msgspec.Struct):
    """A stretch of a journal that could not be taken in, and why; `length` 0 when events are missing."""

    run_id: str
    writer: str
    segment: int
    byte_offset: int
    length: int
    reason: str


_RUNS = "SELECT run_idx FROM all_runs WHERE NOT deleted AND (len(?) = 0 OR list_contains(?, experiment_id))"


@query("experiments.list", Experiments, Experiment)
def experiments(con: duckdb.DuckDBPyConnection, p: Experiments) -> Iterable[Experiment]:
    """All experiments with how many runs they have and when the last one started, by name."""
    where = {"active": "NOT deleted", "deleted": "deleted", "all": "true"}[p.view]
    found = con.execute(
        "SELECT experiment_id, name, note, tags, epoch_us(created), deleted, runs, epoch_us(last_run), artifact_root "
        f"FROM experiments WHERE {where} ORDER BY name, experiment_id"
    ).fetchall()
    return [Experiment(*[*row[:3], json.loads(row[3]), *row[4:]]) for row in found]


@query("metrics.keys", Keys, MetricKey)
def metrics(con: duckdb.DuckDBPyConnection, p: Keys) -> Iterable[MetricKey]:
    """Metric keys with their direction, how many runs have them and how many points there are."""
    found = con.execute(
        "SELECT k.key, k.direction, count(*), sum(u.count)::BIGINT FROM rollup u JOIN metric_key k USING (key_idx) "
        f"WHERE u.run_idx IN ({_RUNS}) GROUP BY ALL ORDER BY k.key",
        [p.experiment_ids, p.experiment_ids],
    ).fetchall()
    return [MetricKey(*row) for row in found]


@query("params.keys", Keys, ParamKey)
def params(con: duckdb.DuckDBPyConnection, p: Keys) -> Iterable[ParamKey]:
    """Param keys with the types of their values, how many runs have them and how many values there are."""
    found = con.execute(
        "SELECT key, list(DISTINCT type ORDER BY type), bool_and(number IS NOT NULL), count(*), count(DISTINCT value) "
        f"FROM param WHERE run_idx IN ({_RUNS}) GROUP BY key ORDER BY key",
        [p.experiment_ids, p.experiment_ids],
    ).fetchall()
    return [ParamKey(*row) for row in found]


@query("tags.keys", Keys, TagKey)
def tags(con: duckdb.DuckDBPyConnection, p: Keys) -> Iterable[TagKey]:
    """Tag keys, how many runs have them and how many values there are."""
    found = con.execute(
        "SELECT key, count(*), count(DISTINCT value) FROM tag "
        f"WHERE value IS NOT NULL AND run_idx IN ({_RUNS}) GROUP BY key ORDER BY key",
        [p.experiment_ids, p.experiment_ids],
    ).fetchall()
    return [TagKey(*row) for row in found]


@query("errors.list", Errors, IngestError)
def errors(con: duckdb.DuckDBPyConnection, p: Errors) -> Iterable[IngestError]:
    """Lines of journals that could not be taken in."""
    found = con.execute(
        "SELECT * FROM errors WHERE ? IS NULL OR run_id = ? ORDER BY run_id, writer, segment, byte_offset LIMIT ?",
        [p.run_id, p.run_id, p.limit],
    ).fetchall()
    return [IngestError(*row) for row in found]
