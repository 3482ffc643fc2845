"""Columns of Python values or numpy arrays, shown to DuckDB as a table for the length of a statement or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@contextmanager
def staged(
    con: duckdb.DuckDBPyConnection, columns: Mapping[str, Array], name: str = "staged"
) -> Iterator[None]:
    """Register `columns` as table `name`. Object arrays arrive as VARCHAR, with None as NULL: cast in the SQL."""
    con.register(name, dict(columns))
    try:
        yield
    finally:
        con.unregister(name)


def columns(rows: Sequence[tuple[Any, ...]], names: str) -> dict[str, Array]:
    """Turn rows into columns. A name ending in `!` is a column of integers without None, the others are objects."""
    found: dict[str, Array] = {}
    listed = names.split()
    by_column = zip(*rows, strict=True) if rows else [()] * len(listed)
    for name, values in zip(listed, by_column, strict=True):
        if name.endswith("!"):
            found[name[:-1]] = np.array(values, np.int64)
        else:
            found[name] = objects(values)
    return found


def number(column: str) -> str:
    """SQL for a staged float column that holds NaN but no NULL: DuckDB 1.5 takes NaN in numpy columns for NULL."""
    return f"coalesce({column}, 'nan'::DOUBLE)"


def filled(column: Any, empty: float) -> Array:
    """A fetched column as a plain array, NULL as `empty`."""
    return np.asarray(np.ma.filled(column, empty))


def objects(values: Sequence[Any]) -> Array:
    """An object array of exactly these values (numpy would unpack nested sequences)."""
    column = np.empty(len(values), object)
    column[:] = values
    return column
