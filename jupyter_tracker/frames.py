"""`Result`: rows of a query, and the ways out of it."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .errors import Invalid, TrackerError

if TYPE_CHECKING:
    import duckdb
    import pandas
    import pyarrow

Row = tuple[Any, ...]

_SHOWN = 20
_CELL = 60
_ARROW = {
    "BIGINT": "int64", "INTEGER": "int32", "SMALLINT": "int16", "TINYINT": "int8", "UBIGINT": "uint64",
    "UINTEGER": "uint32", "DOUBLE": "float64", "FLOAT": "float32", "BOOLEAN": "bool", "VARCHAR": "string",
    "DATE": "date32[day]", "TIMESTAMP": "timestamp[us]", "TIME": "time64[us]", "BLOB": "binary",
}  # fmt: skip
_PANDAS = {
    "BIGINT": "int64", "INTEGER": "int32", "DOUBLE": "float64", "FLOAT": "float32", "BOOLEAN": "bool",
    "TIMESTAMP": "datetime64[us]",
}  # fmt: skip


class Result:
    """Rows of one query, all in memory.

    `columns` and `types` (DuckDB type names) have equal lengths, `rows` are tuples in column order.
    `truncated` says that the row limit cut the result. Iterating gives tuples; `.dicts()`, `.df()` and
    `.arrow()` give the rest. Times are naive datetimes in UTC.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Row],
        types: Sequence[str] = (),
        *,
        truncated: bool = False,
    ) -> None:
        self.columns = list(columns)
        self.rows = list(rows)
        self.types = list(types) or [""] * len(self.columns)
        self.truncated = truncated

    @classmethod
    def fetch(cls, con: duckdb.DuckDBPyConnection, limit: int | None = None) -> Result:
        """The pending result of `con`, at most `limit` rows of it."""
        described = con.description or []
        rows = con.fetchall() if limit is None else con.fetchmany(limit + 1)
        cut = limit is not None and len(rows) > limit
        return cls(
            [d[0] for d in described],
            rows[:limit] if cut else rows,
            [str(d[1]) for d in described],
            truncated=cut,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]

    def __repr__(self) -> str:
        return self.text()

    def dicts(self) -> list[dict[str, Any]]:
        """Every row as a dict; of columns with the same name the last one wins."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Any]:
        """The values of one column; Invalid lists the columns there are."""
        if name not in self.columns:
            raise Invalid(f"no column {name!r}", hint=f"the columns are {', '.join(self.columns)}.")
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def scalar(self) -> Any:
        """The only value of a result of one row and one column."""
        if len(self.rows) != 1 or len(self.columns) != 1:
            raise Invalid(f"one value is wanted, the result is {len(self.rows)} × {len(self.columns)}")
        return self.rows[0][0]

    def df(self) -> pandas.DataFrame:
        """A pandas DataFrame. Columns without NULL keep their type; integers with NULL become floats."""
        import pandas

        frame: pandas.DataFrame = pandas.DataFrame.from_records(self.rows, columns=self.columns)
        for place, kind in enumerate(self.types):
            wanted = _PANDAS.get(kind)
            if wanted and len(set(self.columns)) == len(self.columns) and self._whole(place):
                name = self.columns[place]
                frame[name] = frame[name].astype(wanted)  # type: ignore[call-overload]
        return frame

    def arrow(self) -> pyarrow.Table:
        """A pyarrow Table. TrackerError with the cure when pyarrow is not installed."""
        try:
            import pyarrow
        except ImportError as error:
            raise TrackerError("arrow tables need pyarrow", hint="pip install pyarrow") from error
        arrays = [
            pyarrow.array([row[i] for row in self.rows], _arrow_type(pyarrow, kind))
            for i, kind in enumerate(self.types)
        ]
        return pyarrow.Table.from_arrays(arrays, names=self.columns)

    def text(self, width: int = 100) -> str:
        """A table of plain characters at most `width` wide; long cells are cut with an ellipsis."""
        shown = [[_cell(v) for v in row] for row in self.rows[:_SHOWN]]
        sizes = [max([len(c), *(len(r[i]) for r in shown)]) for i, c in enumerate(self.columns)]
        sizes = _fit(sizes, width)
        lines = [_line(self.columns, sizes), _line(["─" * s for s in sizes], sizes)]
        lines += [_line(row, sizes) for row in shown]
        return "\n".join([*lines, *([self._rest()] if self._rest() else [])])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(c)}</th>" for c in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(v))}</td>" for v in row) + "</tr>"
            for row in self.rows[:_SHOWN]
        )
        rest = f"<caption>{html.escape(self._rest())}</caption>" if self._rest() else ""
        return f"<table>{rest}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _rest(self) -> str:
        hidden = len(self.rows) - _SHOWN
        if self.truncated:
            return (
                f"the first {min(_SHOWN, len(self.rows))} of more than {len(self.rows)} rows (limit reached)"
            )
        return (
            f"the first {_SHOWN} of {len(self.rows)} rows" if hidden > 0 else "" if self.rows else "no rows"
        )

    def _whole(self, place: int) -> bool:
        return all(row[place] is not None for row in self.rows)


def _arrow_type(pyarrow: Any, kind: str) -> Any:
    name = _ARROW.get(kind)
    return pyarrow.type_for_alias(name) if name else None


def _cell(value: Any) -> str:
    """A value as short text: floats to six digits, times to the second, one line."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = " ".join(str(value).split())
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _fit(sizes: list[int], width: int) -> list[int]:
    """Shrink the widest columns, one character at a time in effect, until the line fits or all are 4 wide."""
    sizes = list(sizes)
    over = sum(sizes) + 2 * (len(sizes) - 1) - width
    while over > 0 and sizes and max(sizes) > 4:
        widest = sizes.index(max(sizes))
        cut = min(
            over, max(1, sizes[widest] - sorted(sizes)[-2]) if len(sizes) > 1 else over, sizes[widest] - 4
        )
        sizes[widest] -= cut
        over -= cut
    return sizes


def _line(cells: Sequence[str], sizes: Sequence[int]) -> str:
    cut = [c if len(c) <= s else c[: s - 1] + "…" for c, s in zip(cells, sizes, strict=True)]
    return "  ".join(c.ljust(s) for c, s in zip(cut, sizes, strict=True)).rstrip()
