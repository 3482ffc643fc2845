"""A filter as a checked tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

AGGREGATES = ("last", "first", "min", "max", "best", "mean", "count")


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: an attribute by name; a metric, param or tag by key; of a data set; or any text of a run.

    `whole` is the key of a metric, written without quotes, before its last part was taken for a roll-up: the
    metric of that very key is meant if there is one. `at` is the place in the filter.
    """

    kind: Literal["attribute", "metric", "param", "tag", "dataset", "text"]
    key: str
    aggregate: str = "last"
    whole: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; the value of IN is a tuple, of IS NULL nothing."""

    field: Field
    operator: str
    value: str | float | bool | tuple[str | float | bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node


@dataclass(frozen=True, slots=True)
class Both:
    """All of the parts (AND) or any of them (OR)."""

    word: Literal["AND", "OR"]
    parts: tuple[Node, ...]


Node = Union[Comparison, Not, Both]  # noqa: UP007  (evaluated, and Not comes before it is defined)
