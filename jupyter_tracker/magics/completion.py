"""Tab completion of the magics' arguments: options, experiments, run names, keys."""

from __future__ import annotations

import re
from typing import Any

from .. import fluent, queries
from ..errors import TrackerError
from ..store.index import Store

_TRACK = (
    "--experiment --tag --note --params --metrics --exclude --no-infer --no-autolog --watch --step --minimize"
    " --maximize --resume --quiet"
).split()
_LINE = "on off status last note tag".split()
_RUNS = "--where --best --sort --limit".split()
_NEWEST = 50


def complete(_: Any, event: Any) -> list[str]:
    """Return the completions of the word at the cursor; nothing when the store cannot be asked."""
    try:
        return [word for word in _candidates(event.line) if word.startswith(event.symbol)]
    except TrackerError:
        return []


def _candidates(line: str) -> list[str]:
    command = line.split(maxsplit=1)[0].lstrip("%")
    if re.search(r"(-e|--experiment)\s+\S*$", line):
        return _experiments()
    if command == "compare":
        return _run_names()
    if command == "runs":
        return _keys() if re.search(r"--(best|sort|where)\s+\S*$", line) else [*_RUNS, *_experiments()]
    return _TRACK if line.startswith("%%") else [*_LINE, *_TRACK]


def _experiments() -> list[str]:
    state = fluent.catalog().read()
    return sorted(found.name for found in state.experiments.values() if not found.deleted)


def _run_names() -> list[str]:
    page = queries.dispatch(Store(fluent.root()), "runs.page", {"limit": _NEWEST})[0]
    return [row["name"] for row in page["runs"] if row["name"]]


def _keys() -> list[str]:
    return [row["key"] for row in queries.dispatch(Store(fluent.root()), "metrics.keys", {})]
