"""Reading runs from Python: tables of runs, one run whole, free SQL, comparisons."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import fluent, queries, search
from .catalog import Catalog
from .directions import direction
from .entities import Experiment
from .errors import Invalid, NotFound
from .frames import Result
from .record import RunRecord
from .roots import Root
from .store.index import Store

if TYPE_CHECKING:
    import pandas

    from .comparison import Comparison

PAGE = 1000
_OWN = ("run_id", "name", "status", "experiment", "start_time", "duration", "user")
_TYPES = ("VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMP", "DOUBLE", "VARCHAR")
_MLFLOW_STATUS = {
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "running": "RUNNING",
    "lost": "FAILED",
}


def runs(
    experiment: str | None = None,
    where: str | None = "",
    order_by: Sequence[str] | str = (),
    limit: int | None = None,
    *,
    deleted: bool = False,
    root: Root | None = None,
) -> Result:
    """Return the runs that match, newest first: one row each, with its params, tags and last metrics as columns.

    `where` and `order_by` speak the search grammar (docs/search.md), for example
    `runs("churn", where="metrics.rmse < 0.5 and params.max_depth > 10", order_by="metrics.rmse asc")`.
    Raises NotFound for an unknown experiment and Invalid, with the position, for a wrong filter.
    """
    root = root or fluent.root()
    store = Store(root)
    ids = [Catalog(root).experiment(experiment).experiment_id] if experiment else []
    with store.reading():
        columns = _columns(store, ids)
        ask = {
            "filter": where or "",
            "order_by": [order_by] if isinstance(order_by, str) else list(order_by),
            "experiment_ids": ids,
            "view": "deleted" if deleted else "active",
            "columns": columns,
        }
        rows = [_row(found) for found in _pages(store, ask, limit)]
    names = [f"{column['kind']}s.{column['key']}" for column in columns]
    kept = [place for place in range(len(names)) if any(row[len(_OWN) + place] is not None for row in rows)]
    return Result(
        [*_OWN, *(names[place] for place in kept)],
        [(*row[: len(_OWN)], *(row[len(_OWN) + place] for place in kept)) for row in rows],
        [*_TYPES, *("DOUBLE" if columns[place]["kind"] == "metric" else "VARCHAR" for place in kept)],
    )


def hints(where: str) -> list[str]:
    """Return why a filter may have found nothing: keys in it that no run has, with those that come near."""
    return Store(fluent.root()).read(lambda con: search.suggest(con, where)) if where.strip() else []


def _columns(store: Store, ids: list[str]) -> list[dict[str, str]]:
    kinds = (("metric", "metrics.keys"), ("param", "params.keys"), ("tag", "tags.keys"))
    found = [
        (kind, row["key"])
        for kind, name in kinds
        for row in queries.dispatch(store, name, {"experiment_ids": ids})
    ]
    return [{"kind": kind, "key": key} for kind, key in found if not key.startswith("system/")]


def _pages(store: Store, ask: dict[str, Any], limit: int | None) -> Iterable[dict[str, Any]]:
    token, left = None, limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = queries.dispatch(store, "runs.page", {**ask, "limit": size, "page_token": token})[0]
        yield from page["runs"]
        token, left = page["next_page_token"], None if left is None else left - len(page["runs"])
        if token is None:
            return


def _row(found: dict[str, Any]) -> tuple[Any, ...]:
    own = [_time(found[name]) if name == "start_time" else found[name] for name in _OWN]
    return (*own, *found["values"])


def _time(microseconds: int | None) -> datetime.datetime | None:
    if microseconds is None:
        return None
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)  # noqa: DTZ001  (UTC, naive, as everywhere)


def best_first(metric: str) -> str:
    """Return the order clause that puts the best run by a metric first; Invalid if nobody knows what is better."""
    towards = direction(metric)
    if towards is None:
        towards = next(
            (
                row["direction"]
                for row in queries.dispatch(Store(fluent.root()), "metrics.keys", {})
                if row["key"] == metric
            ),
            None,
        )
    if towards is None:
        hint = f"Say it once with --minimize {metric} or --maximize {metric}, or sort by it."
        raise Invalid(f"Is less or more of {metric!r} better? Its name does not tell", hint=hint)
    return f"metrics.`{metric}`.{towards} {'asc' if towards == 'min' else 'desc'}"


def find_run(name_or_id: str) -> str:
    """Return the id of the run of that id, of an id that begins or ends so (6 digits or more), or the newest of that name."""
    found = Store(fluent.root()).read(
        lambda con: con.execute(
            "SELECT run_id FROM all_runs WHERE run_id = $1 OR name = $1 OR (length($1) >= 6 AND (starts_with(run_id, $1) OR ends_with(run_id, $1))) "
            "ORDER BY (run_id = $1) DESC, (name = $1) DESC, start_time DESC LIMIT 1",
            [name_or_id],
        ).fetchone()
    )
    if found is None:
        raise NotFound(
            f"No run {name_or_id!r}", hint="`%runs` in a notebook or `jupyter tracker ls` lists the runs."
        )
    return str(found[0])


def get_run(run_id: str) -> RunRecord:
    """Return everything recorded of a run, found by id, prefix or name."""
    found = queries.dispatch(Store(fluent.root()), "run.detail", {"run_id": find_run(run_id)})[0]
    return RunRecord.of(found, fluent.root())


def sql(text: str, params: Sequence[Any] = (), limit: int = 10_000, timeout: float = 30.0) -> Result:
    """Run one SELECT over the views of docs/sql.md; at most `limit` rows and `timeout` seconds. It cannot write."""
    return Store(fluent.root()).sql(text, params, limit=limit, timeout=timeout)


def compare(*names: str) -> Comparison:
    """Compare two or more runs, given by id, prefix or name; what differs comes first."""
    from .comparison import compare as compare_runs

    ids = [find_run(name) for name in names]
    return Store(fluent.root()).read(lambda con: compare_runs(con, ids))


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int | Literal["active", "deleted", "all"] = "active",
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pandas.DataFrame | list[RunRecord]:
    """Search as MLflow does: a data frame with `params.*`, `metrics.*` and `tags.*` columns, or a list of records.

    Without experiments the one in force is searched, or all with `search_all_experiments`.
    """
    ids = [
        fluent.catalog().experiment(one).experiment_id
        for one in [*(experiment_ids or ()), *(experiment_names or ())]
    ]
    if not ids and not search_all_experiments:
        ids = [fluent.experiment_in_force().experiment_id]
    view = {1: "active", 2: "deleted", 3: "all"}.get(run_view_type, run_view_type)  # type: ignore[arg-type]
    store = Store(fluent.root())
    ask = {"filter": filter_string, "order_by": list(order_by or ()), "experiment_ids": ids, "view": view}
    with store.reading():
        found = [row["run_id"] for row in _pages(store, ask, max_results)]
        records = [
            RunRecord.of(queries.dispatch(store, "run.detail", {"run_id": one})[0], fluent.root())
            for one in found
        ]
    return records if output_format == "list" else _frame(records)


def _frame(records: list[RunRecord]) -> pandas.DataFrame:
    import pandas

    rows = []
    for record in records:
        info, data = record.info, record.data
        row: dict[str, Any] = {
            "run_id": info.run_id,
            "experiment_id": info.experiment_id,
            "status": _MLFLOW_STATUS[info.status],
            "artifact_uri": info.artifact_uri,
            "start_time": pandas.Timestamp(record.start_time, tz="UTC") if record.start_time else pandas.NaT,
            "end_time": pandas.Timestamp(record.end_time, tz="UTC") if record.end_time else pandas.NaT,
        }
        row |= {f"metrics.{key}": number for key, number in data.metrics.items()}
        row |= {f"params.{key}": text for key, text in data.params.items()}
        row |= {f"tags.{key}": text for key, text in data.tags.items()}
        rows.append(row)
    columns = ["run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"]
    frame: pandas.DataFrame = pandas.DataFrame(rows) if rows else pandas.DataFrame(columns=columns)
    return frame


def search_experiments(view_type: int | str = "active", filter_string: str = "") -> list[Experiment]:
    """Return the experiments by name: the active ones, the deleted ones or all; `filter_string` is a part of the name."""
    view = {1: "active", 2: "deleted", 3: "all"}.get(view_type, view_type)  # type: ignore[arg-type]
    found = fluent.catalog().read().experiments.values()
    wanted = [one for one in found if view == "all" or one.deleted is (view == "deleted")]
    return sorted((one for one in wanted if filter_string in one.name), key=lambda one: one.name)
