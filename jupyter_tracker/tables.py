"""Tables of any origin as bytes: data frames, mappings of columns, lists of records."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from .errors import Invalid
from .values import param


def encode(table: Any, path: str) -> tuple[bytes, str, str]:
    """Return (content, path, media type) of a table; the suffix of `path` (.parquet, .csv, .json) chooses the format.

    JSON is MLflow's layout `{"columns": […], "data": [[…], …]}`. Raises Invalid for another
    suffix, for what is no table, and for Parquet when no library present can write it.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".parquet":
        return _parquet(table), path, "application/vnd.apache.parquet"
    columns, rows = _rows(table)
    if suffix == ".csv":
        return _csv(columns, rows), path, "text/csv"
    if suffix == ".json":
        document = {"columns": columns, "data": [[param(cell)[0] for cell in row] for row in rows]}
        return json.dumps(document).encode("ascii"), path, "application/json"
    raise Invalid(f"A table cannot be stored as {path!r}", hint="Name it .parquet, .csv or .json.")


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    if hasattr(table, "write_parquet"):
        table.write_parquet(buffer)
        return buffer.getvalue()
    frame = table if hasattr(table, "to_parquet") else _frame(table)
    try:
        frame.to_parquet(buffer)
    except ImportError as error:
        raise Invalid(
            "No library for Parquet is installed", hint="pip install pyarrow, or name the table .csv."
        ) from error
    return buffer.getvalue()


def _frame(table: Any) -> Any:
    import pandas

    columns, rows = _rows(table)
    return pandas.DataFrame(rows, columns=columns)


def _rows(table: Any) -> tuple[list[str], list[Sequence[Any]]]:
    if hasattr(table, "rows") and hasattr(table, "columns") and callable(table.rows):
        return [str(name) for name in table.columns], list(table.rows())
    if hasattr(table, "itertuples"):
        return [str(name) for name in table.columns], list(table.itertuples(index=False, name=None))
    if isinstance(table, Mapping) and table:
        columns = [value if isinstance(value, (list, tuple)) else [value] for value in table.values()]
        if len({len(column) for column in columns}) > 1:
            raise Invalid("The columns of a table have different lengths")
        return [str(name) for name in table], list(zip(*columns, strict=True))
    if isinstance(table, (list, tuple)) and table and all(isinstance(row, Mapping) for row in table):
        names = list(dict.fromkeys(name for row in table for name in row))
        return [str(name) for name in names], [[row.get(name) for name in names] for row in table]
    raise Invalid(
        f"{type(table).__name__} is no table",
        hint="Give a data frame, a dict of columns, or a list of dicts.",
    )


def _csv(columns: list[str], rows: list[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
