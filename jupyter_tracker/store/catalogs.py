"""Table `experiment`, brought up to the head of the catalog commit by commit."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from ..catalog import Catalog
from ..root import Root
from .database import transaction
from .stage import columns, staged

_NAMES = "experiment_id name note tags artifact_root created deleted"


def apply(con: duckdb.DuckDBPyConnection, root: Root) -> int:
    """Apply the commits after the known head in one transaction with the new head; returns how many there were."""
    (head,) = con.execute("SELECT n FROM catalog_head").fetchone() or (0,)
    if not (root.catalog / f"{head + 1:08d}.json").exists():
        return 0
    commits = list(Catalog(root).commits(after=head))
    if not commits:
        return 0
    rows = _rows(con)
    for commit in commits:
        _apply(rows, commit.kind, commit.time, dict(commit.fields))
    with transaction(con):
        con.execute("DELETE FROM experiment")
        _insert(con, rows)
        con.execute("UPDATE catalog_head SET n = ?", [commits[-1].n])
    return len(commits)


def _rows(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    found = con.execute(
        "SELECT experiment_id, name, note, tags, artifact_root, epoch_us(created), deleted FROM experiment"
    ).fetchall()
    rows = {row[0]: dict(zip(_NAMES.split(), row, strict=True)) for row in found}
    for row in rows.values():
        row["tags"] = json.loads(row["tags"])
    return rows


def _apply(rows: dict[str, dict[str, Any]], kind: str, time: int, fields: dict[str, Any]) -> None:
    """Change the row a commit is about. Commits of other kinds, or about no experiment we know, change nothing."""
    ident = fields.get("experiment_id")
    if kind == "experiment.create" and isinstance(ident, str):
        tags, note = fields.get("tags") or {}, fields.get("note")
        rows[ident] = {
            "experiment_id": ident, "name": fields.get("name"), "note": note, "tags": tags,
            "artifact_root": fields.get("artifact_root"), "created": time, "deleted": False,
        }  # fmt: skip
        return
    row = rows.get(str(ident))
    if row is None:
        return
    match kind:
        case "experiment.rename":
            row["name"] = fields.get("name")
        case "experiment.delete" | "experiment.restore":
            row["deleted"] = kind == "experiment.delete"
        case "experiment.note":
            row["note"] = fields.get("text")
        case "experiment.tag":
            row["tags"] = {k: v for k, v in row["tags"].items() if k != fields.get("key")}
            if fields.get("value") is not None:
                row["tags"][fields.get("key")] = fields["value"]


def _insert(con: duckdb.DuckDBPyConnection, rows: dict[str, dict[str, Any]]) -> None:
    if not rows:
        return
    values = [tuple((row | {"tags": json.dumps(row["tags"])}).values()) for row in rows.values()]
    with staged(con, columns(values, _NAMES.replace("created", "created!").replace("deleted", "deleted!"))):
        con.execute(
            "INSERT INTO experiment SELECT experiment_id, name, note, tags, artifact_root, make_timestamp(created), "
            "deleted = 1 FROM staged"
        )
