"""Leaving again: runs as CSV, Parquet, JSON or a DuckDB database that needs nothing of this package."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from . import reading, tables
from .errors import Conflict, Invalid
from .frames import Result
from .roots import Root
from .store.index import Store

Step = Callable[[int, int], None]
VIEWS = ("runs", "params", "metrics", "metric_summary", "tags", "artifacts", "experiments", "events")


def export_runs(
    root: Root, target: Path, experiment: str | None = None, where: str = "", step: Step | None = None
) -> int:
    """Write the runs of `root` to `target` and return how many; its suffix chooses the form.

    .csv, .json and .parquet hold one row per run. .duckdb is a database, and a directory (no
    suffix) holds Parquet files, with every view whole; they take no filter. The target appears
    complete or not at all. Conflict if it exists.
    """
    if target.exists():
        raise Conflict(f"{target} exists", hint="Name another file, or remove it first.")
    suffix = target.suffix.lower()
    whole = suffix in ("", ".duckdb")
    if whole and (experiment or where):
        hint = "Filter a table instead: --where with a .csv or .parquet file."
        raise Invalid("A whole copy takes no filter", hint=hint)
    if not whole and suffix not in (".csv", ".json", ".parquet"):
        hint = "Name it .csv, .json, .parquet or .duckdb, or give a directory."
        raise Invalid(f"{target.name} names no form of export", hint=hint)
    temporary = target.with_name(f".{secrets.token_hex(6)}{suffix}")
    try:
        count = (
            _copy(root, temporary, step or _unwatched)
            if whole
            else _one_table(root, temporary, experiment, where)
        )
        os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True) if temporary.is_dir() else temporary.unlink(
            missing_ok=True
        )
    return count


def _copy(root: Root, target: Path, step: Step) -> int:
    """Write every view whole, as tables of a database or as Parquet files of a directory."""
    database = target.suffix == ".duckdb"
    place = _quoted(target)
    if not database:
        target.mkdir(parents=True)
    with Store(root).reading() as con:
        if database:
            con.execute(f"ATTACH {place} AS copied (STORAGE_VERSION 'v1.2.0')")
        for done, view in enumerate(VIEWS):
            step(done, len(VIEWS))
            if database:
                con.execute(f"CREATE TABLE copied.{view} AS SELECT * FROM {view}")
            else:
                con.execute(
                    f"COPY (SELECT * FROM {view}) TO {_quoted(target / f'{view}.parquet')} (FORMAT parquet)"
                )
        if database:
            con.execute("DETACH copied")
        found = con.execute("SELECT count(*) FROM runs").fetchone()
    return int(found[0]) if found else 0


def _one_table(root: Root, target: Path, experiment: str | None, where: str) -> int:
    found = reading.runs(experiment, where, root=root)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".parquet":
        _parquet(found, target)
    else:
        rows = [{name: _portable(cell, target) for name, cell in row.items()} for row in found.dicts()]
        target.write_bytes(tables.encode(rows or {"run_id": []}, target.name)[0])
    return len(found)


def _parquet(found: Result, target: Path) -> None:
    """Write a result through DuckDB, which needs no other library for Parquet."""
    kinds = ", ".join(f"{_name(name)} {kind}" for name, kind in zip(found.columns, found.types, strict=True))
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE found ({kinds})")
        if found.rows:
            con.executemany(f"INSERT INTO found VALUES ({', '.join('?' for _ in found.columns)})", found.rows)
        con.execute(f"COPY found TO {_quoted(target)} (FORMAT parquet)")


def _portable(cell: object, target: Path) -> object:
    """A cell as JSON and CSV carry it; in CSV no text can be taken for a formula by a spreadsheet."""
    if isinstance(cell, str) and target.suffix == ".csv" and cell[:1] in ("=", "+", "@", "\t", "\r"):
        return f"'{cell}"
    return cell if cell is None or isinstance(cell, (bool, int, float, str)) else str(cell)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _unwatched(done: int, total: int) -> None:
    """Nobody watches the progress."""
