"""The names a filter may use, and what each is in SQL. Nothing else ever becomes part of a statement."""

from __future__ import annotations

import difflib
from typing import Literal, NamedTuple

from .tokens import Source, Token, fail
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
    "run_name": "name", "run name": "name", "user_id": "user", "created": "start_time", "cell_id": "cell",
    "git_commit": "commit", "git_branch": "branch", "git_dirty": "dirty", "parent_run_id": "parent", "description": "note",
}  # fmt: skip
# What MLflow keeps in tags of its own and we in attributes; a run that has the tag nevertheless answers with it.
MLFLOW_TAGS = {
    "mlflow.runName": "name", "mlflow.user": "user", "mlflow.note.content": "note", "mlflow.parentRunId": "parent",
    "mlflow.source.git.commit": "commit", "mlflow.source.git.branch": "branch", "mlflow.source.name": "notebook",
}  # fmt: skip
# Where `text ~ 'x'` looks, beside the values of params and tags.
TEXTS = ("run_id", "name", "note", "experiment", "notebook", "user", "commit", "error")
_GROUPS: dict[str, Literal["metric", "param", "tag", "attribute", "dataset"]] = {
    "metrics": "metric", "metric": "metric", "params": "param", "param": "param", "parameters": "param", "parameter": "param",
    "tags": "tag", "tag": "tag", "attributes": "attribute", "attribute": "attribute", "attr": "attribute", "run": "attribute",
    "datasets": "dataset", "dataset": "dataset",
}  # fmt: skip
DATASET = ("name", "digest", "context")


def field(source: Source, parts: list[Token]) -> Field:
    """Return the field that a dotted name means; Invalid with near names if there is none."""
    first, rest = parts[0], parts[1:]
    group = _GROUPS.get(first.text.lower()) if first.kind == "name" and rest else None
    if group is None:
        return _attribute(source, parts)
    if group == "attribute":
        return _attribute(source, rest)
    if group == "dataset":
        return _dataset(source, parts)
    aggregate = rest[-1].text.lower() if len(rest) > 1 and rest[-1].kind == "name" else ""
    if group == "metric" and aggregate in AGGREGATES:
        bare = all(part.kind != "quoted" for part in rest)
        return Field("metric", _key(rest[:-1]), aggregate, _key(rest) if bare else "", at=first.at)
    return Field(group, _key(rest), at=first.at)


def kind(compared: Field) -> Type:
    """Return how the values of a field are written and compared."""
    if compared.kind == "metric":
        return "number"
    return ATTRIBUTES[compared.key].type if compared.kind == "attribute" else "text"


def _key(parts: list[Token]) -> str:
    return ".".join(part.value for part in parts)


def _attribute(source: Source, parts: list[Token]) -> Field:
    written, at = _key(parts), parts[0].at
    name = ALIASES.get(written.lower(), written.lower())
    if name in ATTRIBUTES:
        return Field("attribute", name, at=at)
    if name == "text":
        return Field("text", name, at=at)
    if name == "artifact_uri":
        fail(source, at, "artifact_uri cannot be searched", "It follows from the run: search run_id instead.")
    near = difflib.get_close_matches(name, [*ATTRIBUTES, *ALIASES, "text"], 3, 0.6)
    known = ", ".join(near) if near else "name, status, experiment, start_time, duration, user, notebook …"
    hint = f"Known: {known}. Metrics, params and tags are written metrics.{written[:60]}, params.… and tags.…"
    return fail(source, at, f"{written[:60]!r} is no attribute of a run", hint)


def _dataset(source: Source, parts: list[Token]) -> Field:
    name = _key(parts[1:]).lower()
    if name not in DATASET:
        hint = "It has dataset.name, dataset.digest and dataset.context."
        fail(source, parts[1].at, f"a data set has no {name[:60]!r}", hint)
    return Field("dataset", name, at=parts[0].at)
