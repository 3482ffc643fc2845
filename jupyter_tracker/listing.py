"""A table of runs for the eye: from all that is known, the columns worth showing."""

from __future__ import annotations

import datetime
from typing import Any

from .formats import age, duration, number
from .formats import value as shown
from .frames import Result

_MOST = 12


def listing(found: Result, width: int | None = None) -> Result:
    """Return what identifies each run, then metrics, then the params that differ; no wider than `width` characters."""
    rows = found.dicts()
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    table: dict[str, list[Any]] = {
        "run": [row["run_id"][-8:] for row in rows],
        "name": [row["name"] for row in rows],
        "status": [row["status"] for row in rows],
        "age": [age((now - row["start_time"]).total_seconds()) if row["start_time"] else "" for row in rows],
        "took": [duration(row["duration"]) for row in rows],
    }
    if len({row["experiment"] for row in rows}) > 1:
        table["experiment"] = [row["experiment"] for row in rows]
    left = None if width is None else width - sum(_width(name, cells) for name, cells in table.items())
    for column in _candidates(rows, found.columns)[:_MOST]:
        name, cells = column.partition(".")[2], [_short(row[column]) for row in rows]
        if left is not None:
            left -= _width(name, cells)
            if left < 0:
                break
        table[name] = cells
    return Result(list(table), list(zip(*table.values(), strict=True)))


def _candidates(rows: list[dict[str, Any]], columns: list[str]) -> list[str]:
    """Metrics before params, what most runs have first; what is the same everywhere tells nothing."""
    metrics = [name for name in columns if name.startswith("metrics.")]
    params = [name for name in columns if name.startswith("params.") and len({row[name] for row in rows}) > 1]
    counts = {name: sum(row[name] is not None for row in rows) for name in [*metrics, *params]}
    metrics.sort(key=lambda name: (name.startswith("metrics.training_"), -counts[name]))
    return [*metrics, *sorted(params, key=lambda name: -counts[name])]


def _short(cell: Any) -> Any:
    return shown(cell, 24) if isinstance(cell, str) else cell


def _width(name: str, cells: list[Any]) -> int:
    texts = [number(cell) if isinstance(cell, (int, float)) else str(cell or "") for cell in cells]
    return max(map(len, [name, *texts])) + 2
