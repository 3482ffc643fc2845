"""Commands that look after a root: root, rebuild, gc, doctor."""

from __future__ import annotations

import datetime
from dataclasses import asdict

import click

from .. import fluent, spool
from ..formats import duration, number, size
from ..store import doctor as medicine
from ..store import trash
from ..store.index import Store
from .output import console, json_option, print_json, print_table, progress


@click.command()
@json_option
def root(as_json: bool) -> None:
    """Say which root is in force, and why."""
    found = fluent.root()
    place = Store(found).place.database
    if as_json:
        print_json(
            {"path": str(found.path), "root_id": found.root_id, "why": found.why, "database": str(place)}
        )
    else:
        console().print(f"{found.path}\n  {found.why}\n  database: {place}", markup=False, soft_wrap=True)


@click.command()
def rebuild() -> None:
    """Grow the database again from the journals. Nothing is lost by it."""
    with progress("rebuilding") as step:
        report = Store(fluent.root()).rebuild(step)
    counts = f"{number(report.events)} events, {number(report.points)} points"
    console().print(
        f"{counts} in {duration(report.seconds)}"
        + (f"; {report.errors} lines were damaged" if report.errors else "")
    )


@click.command()
@click.option(
    "--older-than", "days", type=float, default=0.0, help="Only what has been silent for this many days."
)
@click.option("--purge", is_flag=True, help="Remove it for good; without this, only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def gc(days: float, purge: bool, yes: bool, as_json: bool) -> None:
    """Show what is in the trash, with sizes, and remove it for good with --purge."""
    store = Store(fluent.root())
    before = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(days=days)
    found = trash.discarded(store, before if days else None)
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        print_table(
            ["run", "name", "experiment", "size"],
            [[one.run_id[-8:], one.name, one.experiment, size(one.bytes)] for one in found],
        )
        console().print(f"{number(len(found))} runs, {size(sum(one.bytes for one in found))}")
    else:
        console().print("The trash is empty.")
    if purge and found and (yes or click.confirm("Remove them for good?", err=True)):
        freed = trash.purge(store, [one.run_id for one in found if not one.alive])
        _purge_experiments()
        alive = sum(one.alive for one in found)
        if not as_json:
            console().print(
                f"{size(freed)} freed" + (f"; {alive} are still being written and were kept" if alive else "")
            )


def _purge_experiments() -> None:
    catalog = fluent.catalog()
    for one in list(catalog.read().experiments.values()):
        if one.deleted:
            catalog.purge_experiment(one.experiment_id)


@click.command()
@click.option("--mend/--no-mend", default=True, help="Put right what can be put right.")
@json_option
def doctor(mend: bool, as_json: bool) -> None:
    """Look for everything that is known to go wrong, say what it is, and mend it."""
    if mend:
        spool.recover(fluent.root())
    found = medicine.examine(Store(fluent.root()), mend)
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        console().print(f"{fluent.root().path} is in order.", markup=False)
    for one in found if not as_json else ():
        state = "mended" if one.mended else "to do"
        console().print(
            f"{state}: {one.what}\n  {one.cure}",
            markup=False,
            style="" if one.mended or not one.serious else "red",
        )
    if any(one.serious and not one.mended for one in found):
        raise SystemExit(1)


COMMANDS = [root, rebuild, gc, doctor]
