"""The names a filter may use, and what each is in SQL. Nothing else ever becomes part of a statement."""

from __future__ import annotations

import difflib
from typing import Literal, NamedTuple

from .tokens import Token, fail
from .tree import AGGREGATES, Field

Type = Literal["text", "number", "time", "duration", "status", "flag"]


class Attribute(NamedTuple):
    sql: str
    type: Type


ATTRIBUTES: dict[str, Attribute] = {
    "run_id": Attribute("r.run_id", "text"),
    "name": Attribute("r.name", "text"),
    "status": Attribute("r.status", "status"),
    "experiment": Attribute("r.experiment", "text"),
    "experiment_id": Attribute("r.experiment_id", "text"),
    "start_time": Attribute("r.start_time", "time"),
    "end_time": Attribute("r.end_time", "time"),
    "duration": Attribute("r.duration", "duration"),
    "user": Attribute('r."user"', "text"),
    "host": Attribute("r.host", "text"),
    "notebook": Attribute("r.notebook", "text"),
    "cell": Attribute("r.cell_id", "text"),
    "execution_count": Attribute("r.execution_count", "number"),
    "attempt": Attribute("r.attempt", "number"),
    "lineage": Attribute("r.lineage", "text"),
    "parent": Attribute("r.parent_run_id", "text"),
    "commit": Attribute("r.git_commit", "text"),
    "branch": Attribute("r.git_branch", "text"),
    "dirty": Attribute("r.git_dirty", "flag"),
    "source_type": Attribute("r.source_type", "text"),
    "python": Attribute("r.python", "text"),
    "note": Attribute("r.note", "text"),
    "error_type": Attribute("r.error_type", "text"),
    "error": Attribute("r.error", "text"),
}
ALIASES = {
    "run_name": "name", "run name": "name", "user_id": "user", "created": "start_time", "cell_id": "cell", "git_commit": "commit",
    "git_branch": "branch", "git_dirty": "dirty", "parent_run_id": "parent", "description": "note", "text": "name",
    "mlflow.runname": "name", "mlflow.user": "user", "mlflow.note.content": "note", "mlflow.parentrunid": "parent",
    "mlflow.source.git.commit": "commit", "mlflow.source.git.branch": "branch", "mlflow.source.name": "notebook",
}  # fmt: skip
_GROUPS = {
    "metrics": "metric", "metric": "metric", "params": "param", "param": "param", "parameters": "param", "parameter": "param",
    "tags": "tag", "tag": "tag", "attributes": "attribute", "attribute": "attribute", "attr": "attribute", "run": "attribute",
    "datasets": "dataset", "dataset": "dataset",
}  # fmt: skip
DATASET = ("name", "digest", "context")


def field(filter_: str, parts: list[Token]) -> Field:
    """Return the field that a dotted name means; Invalid with near names if there is none."""
    first = parts[0]
    group = _GROUPS.get(first.text.lower()) if first.kind == "name" and len(parts) > 1 else None
    if group is None:
        return _attribute(filter_, parts)
    if group == "attribute":
        return _attribute(filter_, parts[1:])
    if group == "dataset":
        return _dataset(filter_, parts)
    rest = parts[1:]
    if group == "metric":
        aggregate = rest[-1].text.lower() if len(rest) > 1 and rest[-1].kind == "name" else ""
        if aggregate in AGGREGATES:
            return Field("metric", _key(rest[:-1]), aggregate, first.at)
    key = _key(rest)
    if group == "tag" and key.lower() in ALIASES and key.lower().startswith("mlflow."):
        return Field("attribute", ALIASES[key.lower()], at=first.at)
    return Field(group, key, at=first.at)  # type: ignore[arg-type]


def _key(parts: list[Token]) -> str:
    return ".".join(part.value for part in parts)


def _attribute(filter_: str, parts: list[Token]) -> Field:
    name = _key(parts).lower()
    name = ALIASES.get(name, name)
    if name in ATTRIBUTES:
        return Field("attribute", name, at=parts[0].at)
    near = difflib.get_close_matches(name, [*ATTRIBUTES, *ALIASES], 3, 0.6)
    known = ", ".join(near) if near else "name, status, experiment, start_time, duration, user, notebook …"
    hint = f"Known: {known}. Metrics, params and tags are written metrics.{_key(parts)}, params.… and tags.…"
    return fail(filter_, parts[0].at, f"{_key(parts)[:60]!r} is no attribute of a run", hint)


def _dataset(filter_: str, parts: list[Token]) -> Field:
    name = _key(parts[1:]).lower()
    if name not in DATASET:
        fail(
            filter_,
            parts[1].at,
            f"a data set has no {name[:60]!r}",
            "It has dataset.name, dataset.digest and dataset.context.",
        )
    return Field("dataset", name, at=parts[0].at)
