"""A filter as a checked tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

AGGREGATES = ("last", "first", "min", "max", "best", "mean", "count")


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: an attribute by name, or a metric, param or tag by key. `at` is its place in the filter."""

    kind: Literal["attribute", "metric", "param", "tag", "dataset"]
    key: str
    aggregate: str = "last"
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
