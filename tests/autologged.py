"""What a run of an autologging test recorded, read back from its journals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupyter_tracker as jt
from jupyter_tracker.frameworks import switch
from jupyter_tracker.journal import read
from jupyter_tracker.run import Run


@contextmanager
def autologged(root: Path, **options: Any) -> Iterator[None]:
    """Autologging into `root` for the length of a test, and everything as it was afterwards."""
    jt.set_root(root)
    jt.autolog(**options)
    try:
        yield
    finally:
        while jt.active_run() is not None:
            jt.end_run()
        jt.autolog(False)
        switch.settings = switch.Settings()


def events(run: Run, kind: str) -> list[dict[str, Any]]:
    return [event.fields for event in read(run.root, run.run_id) if event.kind == kind]


def params(run: Run) -> dict[str, Any]:
    return {key: value for event in events(run, "params") for key, value in event["values"].items()}


def curves(run: Run) -> dict[str, list[tuple[int, float]]]:
    """The points of every metric but those of the system, in the order they were logged."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(run, "metrics"):
        for key, value in event["values"].items():
            if not key.startswith("system/"):
                found.setdefault(key, []).append((event["step"], float(value)))
    return found


def metrics(run: Run) -> dict[str, float]:
    return {key: points[-1][1] for key, points in curves(run).items()}


def estimators(run: Run) -> str | None:
    tags = {key: value for event in events(run, "tags") for key, value in event["values"].items()}
    return tags.get("estimator")


def artifacts(run: Run) -> list[str]:
    return [event["path"] for event in events(run, "artifact")]


def children(run: Run) -> list[Any]:
    found = jt.sql(
        "select run_id from all_runs where parent_run_id = ? order by start_time, run_id", [run.run_id]
    )
    return [jt.get_run(row[0]) for row in found]
