"""Named queries: how one is declared and how one is asked."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import duckdb
import msgspec

from ..errors import Invalid, NotFound
from ..store import Store

Number = float | str | None

P = TypeVar("P", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Query:
    """A question by name: `params` is what it takes, `row` what each row of the answer is."""

    name: str
    doc: str
    params: type[msgspec.Struct]
    row: type[msgspec.Struct]
    ask: Callable[[duckdb.DuckDBPyConnection, Any], Iterable[msgspec.Struct]]


QUERIES: dict[str, Query] = {}

Ask = Callable[[duckdb.DuckDBPyConnection, P], Iterable[msgspec.Struct]]


def query(name: str, params: type[P], row: type[msgspec.Struct]) -> Callable[[Ask[P]], Ask[P]]:
    """Declare a function as the query `name`; its docstring is the description."""

    def declare(ask: Ask[P]) -> Ask[P]:
        QUERIES[name] = Query(name, (ask.__doc__ or "").strip(), params, row, ask)
        return ask

    return declare


def dispatch(store: Store, name: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Ask query `name`; the rows as plain dicts, ready for JSON.

    NotFound for an unknown name, Invalid for parameters that are not what the query takes.
    """
    asked = QUERIES.get(name)
    if asked is None:
        near = difflib.get_close_matches(name, QUERIES, 3, 0.5) or sorted(QUERIES)
        raise NotFound(f"no query named {name!r}", hint=f"there is {', '.join(near)}.")
    try:
        typed = msgspec.convert(dict(params or {}), asked.params)
    except msgspec.ValidationError as error:
        takes = ", ".join(field.name for field in msgspec.structs.fields(asked.params))
        raise Invalid(f"query {name!r}: {error}", hint=f"it takes {takes or 'no parameters'}.") from error
    return cast(
        "list[dict[str, Any]]", msgspec.to_builtins(store.read(lambda con: list(asked.ask(con, typed))))
    )


def number(value: float | None) -> Number:
    """A number as JSON can carry it."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
