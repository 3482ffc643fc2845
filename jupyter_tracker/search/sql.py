"""From a tree to SQL over the alias `r` of all_runs, with every key and value bound."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from .fields import ATTRIBUTES
from .parse import parse
from .tree import Comparison, Field, Node, Not

if TYPE_CHECKING:
    import duckdb

Sql = tuple[str, list[Any]]

AGGREGATES = {
    "last": 'u."last"',
    "first": 'u."first"',
    "min": "u.min",
    "max": "u.max",
    "count": "u.count",
    "mean": "u.total / nullif(u.count - u.nonfinite, 0)",
    "best": "CASE k.direction WHEN 'min' THEN u.min WHEN 'max' THEN u.max END",
}
_METRIC = "SELECT u.run_idx FROM rollup u JOIN metric_key k ON k.key_idx = u.key_idx WHERE k.key = ?"
_TABLES = {
    "param": "SELECT p.run_idx FROM param p WHERE p.key = ?",
    "tag": "SELECT t.run_idx FROM tag t WHERE t.value IS NOT NULL AND t.key = ?",
}
_VALUE = {"param": "p.value", "tag": "t.value"}
_DATASET = "SELECT v.run_idx FROM event v WHERE v.kind = 'input'"


def to_sql(node: Node) -> Sql:
    """Return a boolean expression and its bound values. Walks without recursion."""
    done: list[Sql] = []
    work: list[tuple[Node, bool]] = [(node, False)]
    while work:
        current, ready = work.pop()
        if isinstance(current, Comparison):
            done.append(_comparison(current))
        elif isinstance(current, Not):
            if ready:
                sql, values = done.pop()
                done.append((f"(NOT coalesce({sql}, false))", values))
            else:
                work += [(current, True), (current.inner, False)]
        elif ready:
            count = len(current.parts)
            parts, done = done[-count:], done[:-count]
            done.append(
                (
                    f"({f' {current.word} '.join(sql for sql, _ in parts)})",
                    [value for _, values in parts for value in values],
                )
            )
        else:
            work += [(current, True), *((part, False) for part in reversed(current.parts))]
    return done[0]


def _comparison(found: Comparison) -> Sql:
    field = found.field
    if field.kind == "attribute":
        attribute = ATTRIBUTES[field.key]
        column = (
            f"CAST({attribute.sql} AS VARCHAR)"
            if _textual(found) and attribute.type != "text"
            else attribute.sql
        )
        return _compare(column, found)
    sql, values, column = _source(field)
    if found.operator == "IS NULL":
        return f"(r.run_idx NOT IN ({sql}))", values
    if found.operator == "IS NOT NULL":
        return f"(r.run_idx IN ({sql}))", values
    if field.kind == "param" and isinstance(found.value, float):
        column = "p.number"
    condition, compared = _compare(column, found)
    return f"(r.run_idx IN ({sql} AND {condition}))", [*values, *compared]


def _source(field: Field) -> tuple[str, list[Any], str]:
    """The statement that selects runs with the field, its values, and the column to compare."""
    if field.kind == "metric":
        return _METRIC, [field.key], AGGREGATES[field.aggregate]
    if field.kind == "dataset":
        return _DATASET, [], f"json_extract_string(v.body, '$.{field.key}')"
    return _TABLES[field.kind], [field.key], _VALUE[field.kind]


def _textual(found: Comparison) -> bool:
    return found.operator.removeprefix("NOT ") in ("LIKE", "ILIKE", "CONTAINS")


def _compare(column: str, found: Comparison) -> Sql:
    operator, value = found.operator, found.value
    if operator in ("IS NULL", "IS NOT NULL"):
        return f"({column} {operator})", []
    timed = found.field.kind == "attribute" and ATTRIBUTES[found.field.key].type == "time"
    bound = "CAST(? AS TIMESTAMP)" if timed and not _textual(found) else "?"
    if isinstance(value, tuple):
        return f"({column} {operator} ({', '.join(bound for _ in value)}))", list(value)
    if operator == "CONTAINS":
        return f"contains(lower({column}), lower(?))", [value]
    if isinstance(value, float) and value == value and operator != "!=":
        return f"(isfinite({column}) AND {column} {operator} ?)", [value]
    return f"({column} {operator} {bound})", [value]


def ordering(field: Field) -> Sql:
    """Return the expression a run is ordered by, as a scalar over `r`: NULL for a run without it, and for NaN."""
    if field.kind == "attribute":
        return ATTRIBUTES[field.key].sql, []
    sql, values, column = _source(field)
    if field.kind == "metric":
        column = f"CASE WHEN isfinite({column}) THEN {column} END"
    inner = sql.replace("SELECT u.run_idx", f"SELECT u.run_idx, {column} AS ordered", 1)
    inner = inner.replace("SELECT p.run_idx", "SELECT p.run_idx, p.value AS ordered", 1)
    inner = inner.replace("SELECT t.run_idx", "SELECT t.run_idx, t.value AS ordered", 1)
    return inner, values


def suggest(con: duckdb.DuckDBPyConnection, filter_: str) -> list[str]:
    """Return near matches for keys of the filter that no run has, as `metrics.rmsee → metrics.rmse`."""
    known = {
        "metric": "SELECT key FROM metric_key",
        "param": "SELECT DISTINCT key FROM param",
        "tag": "SELECT DISTINCT key FROM tag",
    }
    hints = []
    for field in _fields(parse(filter_)):
        if field.kind not in known:
            continue
        keys = [key for (key,) in con.execute(known[field.kind]).fetchall()]
        if field.key not in keys:
            near = difflib.get_close_matches(field.key, keys, 3, 0.6)
            hints.append(
                f"no run has {field.kind}s.{field.key}" + (f"; near: {', '.join(near)}" if near else "")
            )
    return list(dict.fromkeys(hints))


def _fields(node: Node) -> list[Field]:
    found, work = [], [node]
    while work:
        current = work.pop()
        if isinstance(current, Comparison):
            found.append(current.field)
        elif isinstance(current, Not):
            work.append(current.inner)
        else:
            work += current.parts
    return found
