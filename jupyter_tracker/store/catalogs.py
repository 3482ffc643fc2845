"""Table `experiment`, brought up to the head of the catalog commit by commit."""

from __future__ import annotations

import json

import duckdb

from ..catalog import Catalog, State
from ..entities import Experiment
from ..errors import Corrupt
from ..roots import Root
from .database import transaction
from .stage import columns, staged

_PLACE = "catalog"  # stands for a run id in table ingest_error


def apply(con: duckdb.DuckDBPyConnection, root: Root) -> int:
    """Apply the commits after the known head in one transaction with the new head; returns how many there were.

    A damaged commit stops the catalog there, is told in ingest_error, and is tried again by the next ingest.
    """
    (head,) = con.execute("SELECT n FROM catalog_head").fetchone() or (0,)
    if not (root.catalog / f"{head + 1:08d}.json").exists():
        return 0
    state = State(head, _rows(con))
    trouble = ""
    try:
        for commit in Catalog(root).commits(head):
            state.apply(commit)
    except (Corrupt, ValueError, KeyError, TypeError) as error:
        trouble = str(error)
    told = con.execute("SELECT reason FROM ingest_error WHERE run_id = ?", [_PLACE]).fetchone()
    if state.head > head or told != (trouble,):
        with transaction(con):
            _write(con, state, trouble)
    done: int = state.head - head
    return done


def _rows(con: duckdb.DuckDBPyConnection) -> dict[str, Experiment]:
    found = con.execute(
        "SELECT experiment_id, name, epoch_us(created), note, tags, artifact_root, deleted FROM experiment"
    ).fetchall()
    return {row[0]: Experiment(*[*row[:4], json.loads(row[4]), *row[5:]]) for row in found}


def _write(con: duckdb.DuckDBPyConnection, state: State, trouble: str) -> None:
    rows = [
        (e.experiment_id, e.name, e.note, json.dumps(e.tags), e.artifact_root, e.created, e.deleted)
        for e in state.experiments.values()
    ]
    con.execute("DELETE FROM experiment")
    with staged(con, columns(rows, "experiment_id name note tags artifact_root created! deleted!")):
        con.execute(
            "INSERT INTO experiment SELECT experiment_id, name, note, tags, artifact_root, make_timestamp(created), "
            "deleted = 1 FROM staged"
        )
    con.execute("UPDATE catalog_head SET n = ?", [state.head])
    con.execute("DELETE FROM ingest_error WHERE run_id = ?", [_PLACE])
    if trouble:
        con.execute("INSERT INTO ingest_error VALUES (?, '', ?, 0, 0, ?)", [_PLACE, state.head + 1, trouble])
