"""Commands that look: ls, show, compare, sql, export."""

from __future__ import annotations

from pathlib import Path

import click

from .. import fluent, queries, reading
from ..errors import Invalid
from ..export import export_runs
from ..formats import number
from ..formats import value as shown
from ..listing import listing
from ..store.index import Store
from .output import console, json_option, print_json, print_table, progress


@click.command()
@click.argument("experiment", required=False)
@click.option("--where", default="", help="Filter, for example 'metrics.rmse < 0.5 and params.depth > 3'.")
@click.option("--sort", multiple=True, help="Order, for example 'metrics.rmse asc'; may be given again.")
@click.option("--best", metavar="METRIC", help="Order by the best value of a metric, best first.")
@click.option("-n", "--limit", default=20, show_default=True, help="How many runs.")
@click.option("--deleted", is_flag=True, help="Show the trash.")
@json_option
def ls(
    experiment: str | None,
    where: str,
    sort: tuple[str, ...],
    best: str | None,
    limit: int,
    deleted: bool,
    as_json: bool,
) -> None:
    """List runs, newest first."""
    order = [reading.best_first(best)] if best else list(sort)
    found = reading.runs(experiment, where, order, limit, deleted=deleted)
    if as_json:
        print_json(found.dicts())
        return
    if not len(found):
        for hint in reading.hints(where):
            console().print(hint, markup=False)
        console().print(
            f"No runs in {fluent.root().path}"
            + (" match." if where or experiment else " yet: put %%track on a cell.")
        )
        return
    table = listing(found, console().width)
    print_table(table.columns, table.rows)


@click.command()
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> None:
    """Show everything recorded of a RUN, given by id, its beginning, its end or name."""
    run_id = reading.find_run(run)
    if as_json:
        print_json(queries.dispatch(Store(fluent.root()), "run.detail", {"run_id": run_id})[0])
        return
    record = reading.get_run(run_id)
    out = console()
    out.print(repr(record).splitlines()[0], markup=False)
    git = record.captures.get("git") or {}
    facts = {
        "started": record.start_time,
        "note": record.note,
        "tags": ", ".join(f"{key}={text}" for key, text in record.data.tags.items()),
        "git": " ".join(
            str(part)
            for part in (
                git.get("branch"),
                (git.get("commit") or "")[:10],
                "dirty" if git.get("dirty") else "",
            )
            if part
        ),
        "artifacts": ", ".join(record.artifacts),
    }
    for name, fact in facts.items():
        if fact:
            out.print(f"  {name}: {fact}", markup=False)
    if record.data.params:
        print_table(["param", "value"], [[key, shown(text)] for key, text in record.data.params.items()])
    summaries = [row for key, row in record.summaries.items() if not key.startswith("system/")]
    if summaries:
        columns = ["last", "min", "max", "best", "count"]
        print_table(
            ["metric", *columns], [[row["key"], *(row[name] for name in columns)] for row in summaries]
        )
    if record.error:
        out.print(record.error, markup=False, style="red")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@json_option
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Compare two or more runs; what differs comes first."""
    if len(names) < 2:
        raise Invalid("Compare needs at least two runs", hint="jupyter tracker compare A B")
    found = reading.compare(*names)
    if as_json:
        print_json(found.as_dict())
    else:
        console().print(found.text(), markup=False)


@click.command()
@click.argument("statement")
@click.option("-n", "--limit", default=1000, show_default=True, help="How many rows at most.")
@json_option
def sql(statement: str, limit: int, as_json: bool) -> None:
    """Run one SELECT over the views runs, params, metrics, metric_summary, tags, artifacts, experiments, events."""
    found = reading.sql(statement, limit=limit)
    if as_json:
        print_json(found.dicts())
    else:
        print_table(found.columns, found.rows)
        if found.truncated:
            console().print(f"only the first {number(limit)} rows; --limit shows more", style="dim")


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--experiment", help="Only runs of this experiment.")
@click.option("--where", default="", help="Only runs that match this filter.")
def export(target: Path, experiment: str | None, where: str) -> None:
    """Write runs to TARGET: a .csv, .parquet or .json table of runs, or a .duckdb copy of the whole store.

    A directory gets one Parquet file for each of runs, params, metrics, tags, artifacts and events.
    """
    with progress("exporting") as step:
        rows = export_runs(fluent.root(), target, experiment, where, step)
    console().print(f"{number(rows)} runs written to {target}", markup=False)


COMMANDS = [ls, show, compare, sql, export]
