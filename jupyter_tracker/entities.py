"""The values that the truth is made of, as plain immutable records."""

from __future__ import annotations

from dataclasses import dataclass, field

OUTCOMES = ("finished", "failed", "interrupted")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named group of runs. `name` may be a path such as `vision/resnet`; times are UTC microseconds."""

    experiment_id: str
    name: str
    created: int
    note: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    artifact_root: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """One atomic, numbered change of the catalog: who did what, when (UTC microseconds)."""

    n: int
    time: int
    user: str
    host: str
    kind: str
    fields: dict[str, object]
