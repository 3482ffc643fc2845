"""Runs in a table: pages, counts, attempts, differences, the best of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import duckdb
import msgspec

from .. import search
from ..errors import NotFound
from .registry import Number, number, query

View = Literal["active", "deleted", "all"]
Aggregate = Literal["last", "min", "max", "first", "best", "mean"]

_AGGREGATES = {
    "last": 'u."last"', "first": 'u."first"', "min": "u.min", "max": "u.max",
    "mean": "u.total / nullif(u.count - u.nonfinite, 0)",
    "best": "CASE k.direction WHEN 'min' THEN u.min WHEN 'max' THEN u.max END",
}  # fmt: skip


class Column(msgspec.Struct, forbid_unknown_fields=True):
    """A column beside the run's own: a metric (with an aggregate), a param or a tag, by key."""

    kind: Literal["metric", "param", "tag"]
    key: str
    aggregate: Aggregate = "last"


class RunRow(msgspec.Struct):
    """One run; `values` has one entry per requested column, None where the run has none."""

    run_id: str
    name: str | None
    status: str
    experiment: str | None
    experiment_id: str | None
    start_time: int | None
    end_time: int | None
    duration: float | None
    user: str | None
    host: str | None
    notebook: str | None
    cell_id: str | None
    execution_count: int | None
    attempt: int | None
    lineage: str | None
    parent_run_id: str | None
    git_commit: str | None
    git_branch: str | None
    git_dirty: bool | None
    source_type: str | None
    python: str | None
    note: str | None
    error_type: str | None
    error: str | None
    deleted: bool
    last_time: int | None
    values: list[float | str | None] = []


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """A filter and order in the search grammar; `page_token` comes from the page before."""

    filter: str = ""
    order_by: list[str] = []
    experiment_ids: list[str] = []
    view: View = "active"
    limit: int = 100
    page_token: str | None = None
    columns: list[Column] = []


class RunPage(msgspec.Struct):
    runs: list[RunRow]
    next_page_token: str | None


class Count(msgspec.Struct, forbid_unknown_fields=True):
    filter: str = ""
    experiment_ids: list[str] = []
    view: View = "active"


class Counted(msgspec.Struct):
    count: int


class Attempts(msgspec.Struct, forbid_unknown_fields=True):
    run_id: str
    columns: list[Column] = []


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    run_ids: list[str]


class Difference(msgspec.Struct):
    """A param or tag that is not the same in all runs; `values` in the order of the runs asked for."""

    kind: Literal["param", "tag"]
    key: str
    values: list[str | None]


class InExperiment(msgspec.Struct, forbid_unknown_fields=True):
    experiment_id: str


class Best(msgspec.Struct):
    """The best run of an experiment by one metric."""

    key: str
    direction: Literal["min", "max"]
    run_id: str
    name: str | None
    value: float
    step: int
    runs: int


@query("runs.page", Page, RunPage)
def page(con: duckdb.DuckDBPyConnection, p: Page) -> Iterable[RunPage]:
    """One page of runs that match a filter, in order, with the columns asked for."""
    found = search.search(
        con, p.filter, order_by=p.order_by, experiment_ids=p.experiment_ids or None, view=p.view,
        max_results=p.limit, page_token=p.page_token,
    )  # fmt: skip
    yield RunPage(rows(con, found.run_ids, p.columns), found.next_page_token)


@query("runs.count", Count, Counted)
def count(con: duckdb.DuckDBPyConnection, p: Count) -> Iterable[Counted]:
    """How many runs match a filter."""
    condition, values = search.to_sql(search.parse(p.filter)) if p.filter.strip() else ("true", [])
    where = {"active": "NOT r.deleted", "deleted": "r.deleted", "all": "true"}[p.view]
    if p.experiment_ids:
        where += " AND r.experiment_id IN (SELECT unnest(?))"
        values = [*values, p.experiment_ids]
    yield Counted(one(con, f"SELECT count(*) FROM all_runs r WHERE ({condition}) AND {where}", values))


@query("run.attempts", Attempts, RunRow)
def attempts(con: duckdb.DuckDBPyConnection, p: Attempts) -> Iterable[RunRow]:
    """All attempts of the cell a run is an attempt of, oldest first; the run alone when it has no lineage."""
    exists(con, p.run_id)
    ids = con.execute(
        "SELECT r.run_id FROM all_runs r JOIN run a ON a.run_id = ? "
        "WHERE NOT r.deleted AND (r.run_id = a.run_id OR r.lineage = a.lineage) ORDER BY r.start_time, r.run_id",
        [p.run_id],
    ).fetchall()
    return rows(con, [run_id for (run_id,) in ids], p.columns)


@query("runs.differing", Chosen, Difference)
def differing(con: duckdb.DuckDBPyConnection, p: Chosen) -> Iterable[Difference]:
    """Params and tags whose values differ among the runs, or that only some of them have."""
    found = con.execute(
        "WITH chosen AS (SELECT unnest(?::VARCHAR[]) AS run_id) "
        "SELECT 'param' AS kind, key, map_from_entries(list((run_id, value))) AS by_run "
        "FROM params SEMI JOIN chosen USING (run_id) GROUP BY key "
        "UNION ALL SELECT 'tag', key, map_from_entries(list((run_id, value))) "
        "FROM tags SEMI JOIN chosen USING (run_id) GROUP BY key ORDER BY kind, key",
        [p.run_ids],
    ).fetchall()
    for kind, key, by_run in found:
        values = [by_run.get(run_id) for run_id in p.run_ids]
        if len(set(values)) > 1:
            yield Difference(kind, key, values)


@query("experiment.best", InExperiment, Best)
def best(con: duckdb.DuckDBPyConnection, p: InExperiment) -> Iterable[Best]:
    """Per metric with a known direction: the best run of an experiment; the earlier one wins a tie."""
    found = con.execute(
        "SELECT k.key, k.direction, r.run_id, r.name, s.best, s.best_step, count(*) OVER (PARTITION BY k.key) "
        "FROM metric_summary s JOIN metric_key k ON k.key = s.key JOIN all_runs r ON r.run_id = s.run_id "
        "WHERE r.experiment_id = ? AND NOT r.deleted AND s.best IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY k.key ORDER BY "
        "CASE k.direction WHEN 'min' THEN s.best ELSE -s.best END, r.start_time, r.run_id) = 1 ORDER BY k.key",
        [p.experiment_id],
    ).fetchall()
    return [Best(*row) for row in found]


def rows(
    con: duckdb.DuckDBPyConnection, run_ids: Sequence[str], columns: Sequence[Column] = ()
) -> list[RunRow]:
    """The rows of these runs in this order (unknown ids are left out), with values of `columns`."""
    if not run_ids:
        return []
    names = RunRow.__struct_fields__[:-1]
    listed = ", ".join(f'epoch_us(r.{n}) AS "{n}"' if n.endswith("_time") else f'r."{n}"' for n in names)
    numbers = con.execute(
        "SELECT run_idx FROM run WHERE run_id IN (SELECT unnest(?::VARCHAR[]))", [list(run_ids)]
    ).fetchall()
    found = con.execute(
        f"SELECT r.run_idx, {listed} FROM all_runs r WHERE r.run_idx IN (SELECT unnest(?::INTEGER[]))",
        [[run_idx for (run_idx,) in numbers]],
    ).fetchall()
    by_id = {row[1]: RunRow(*[*row[1:], [None] * len(columns)]) for row in found}
    idx = {row[0]: row[1] for row in found}
    for run_idx, place, value in _values(con, list(idx), columns):
        by_id[idx[run_idx]].values[place] = value
    return [by_id[run_id] for run_id in run_ids if run_id in by_id]


def _values(
    con: duckdb.DuckDBPyConnection, runs: list[int], columns: Sequence[Column]
) -> Iterable[tuple[int, int, Number]]:
    """(run_idx, place of the column, value) for every value there is."""
    for kind in {column.kind for column in columns}:
        places: dict[str, list[int]] = {}
        for place, column in enumerate(columns):
            if column.kind == kind:
                places.setdefault(column.key, []).append(place)
        if kind != "metric":
            sql = f"SELECT run_idx, key, value FROM {kind} WHERE run_idx IN (SELECT unnest(?)) AND key IN (SELECT unnest(?))"
            for run_idx, key, value in con.execute(sql, [runs, list(places)]).fetchall():
                yield from ((run_idx, place, value) for place in places[key])
            continue
        listed = ", ".join(_AGGREGATES.values())
        sql = (
            f"SELECT u.run_idx, k.key, {listed} FROM rollup u JOIN metric_key k ON k.key_idx = u.key_idx "
            "WHERE u.run_idx IN (SELECT unnest(?)) AND k.key IN (SELECT unnest(?))"
        )
        for run_idx, key, *all_values in con.execute(sql, [runs, list(places)]).fetchall():
            by_name = dict(zip(_AGGREGATES, all_values, strict=True))
            yield from ((run_idx, place, number(by_name[columns[place].aggregate])) for place in places[key])


def exists(con: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """The run_idx of a run; NotFound when there is none."""
    row = con.execute("SELECT run_idx FROM run WHERE run_id = ?", [run_id]).fetchone()
    if row is None:
        raise NotFound(f"no run {run_id!r}", hint="a run id is 32 hexadecimal digits; list runs to see them.")
    found: int = row[0]
    return found


def one(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]) -> Any:
    """The single value a statement gives."""
    row = con.execute(sql, list(values)).fetchone()
    return row[0] if row else None
