"""From a tree to SQL over the alias `r` of all_runs, with every key and value bound."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from .fields import ATTRIBUTES, MLFLOW_TAGS, TEXTS, kind
from .literals import TEXTUAL
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
_METRIC = "FROM rollup u JOIN metric_key k ON k.key_idx = u.key_idx WHERE k.key = ?"
_WHOLE = (
    "FROM rollup u JOIN (SELECT key_idx, direction, key = ? AS whole FROM metric_key WHERE key IN (?, ?) "
    "ORDER BY length(key) DESC LIMIT 1) k ON k.key_idx = u.key_idx WHERE true"
)
_PARAM = "FROM param u WHERE u.key = ?"
_TAG = "FROM tag u WHERE u.value IS NOT NULL AND u.key = ?"
_DATASET = "FROM event u WHERE u.kind = 'input'"
_TEXT = " || chr(10) || ".join(f"coalesce({ATTRIBUTES[name].sql}, '')" for name in TEXTS)
_LISTS = {bool: "BOOLEAN[]", float: "DOUBLE[]", str: "VARCHAR[]"}


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
            joined = f" {current.word} ".join(sql for sql, _ in parts)
            done.append((f"({joined})", [value for _, values in parts for value in values]))
        else:
            work += [(current, True), *((part, False) for part in reversed(current.parts))]
    return done[0]


def _comparison(found: Comparison) -> Sql:
    field = found.field
    if field.kind == "text":
        return _anywhere(found.value)
    if field.kind == "attribute":
        return _attribute(field.key, found)
    rows, keys, column = source(field)
    having = f"SELECT u.run_idx {rows}"
    if found.operator in ("IS NULL", "IS NOT NULL"):
        word = "NOT IN" if found.operator == "IS NULL" else "IN"
        sql, values = f"(r.run_idx {word} ({having} AND ({column}) IS NOT NULL))", keys
    else:
        condition, compared = _compare(_as_written(field, column, found.value), found)
        sql, values = f"(r.run_idx IN ({having} AND {condition}))", [*keys, *compared]
    if field.kind != "tag" or field.key not in MLFLOW_TAGS:
        return sql, values
    return _or_attribute(sql, values, having, found)


def _or_attribute(sql: str, values: list[Any], having: str, found: Comparison) -> Sql:
    """A tag of MLflow's own: of a run that has no such tag, the attribute is compared."""
    attribute, compared = _attribute(MLFLOW_TAGS[found.field.key], found)
    untagged = f"r.run_idx NOT IN ({having})"
    if found.operator == "IS NULL":
        return f"({attribute} AND {untagged})", [*compared, found.field.key]
    return f"({sql} OR ({attribute} AND {untagged}))", [*values, *compared, found.field.key]


def _attribute(name: str, found: Comparison) -> Sql:
    attribute = ATTRIBUTES[name]
    if attribute.type != "text" and found.operator in TEXTUAL:
        return _compare(f"CAST({attribute.sql} AS VARCHAR)", found)
    if found.field.kind == "tag":
        return _compare(_as_written(found.field, attribute.sql, found.value), found)
    return _compare(attribute.sql, found)


def source(field: Field) -> tuple[str, list[Any], str]:
    """FROM … WHERE of the rows that hold the field (alias u), its bound keys, and the column to compare."""
    if field.kind == "metric" and field.whole:
        column = f'CASE WHEN k.whole THEN u."last" ELSE {AGGREGATES[field.aggregate]} END'
        return _WHOLE, [field.whole, field.whole, field.key], column
    if field.kind == "metric":
        return _METRIC, [field.key], AGGREGATES[field.aggregate]
    if field.kind == "dataset":
        return _DATASET, [], f"json_extract_string(u.body, '$.{field.key}')"
    return _PARAM if field.kind == "param" else _TAG, [field.key], "u.value"


def _as_written(field: Field, column: str, value: object) -> str:
    """A param or tag as what it is compared with: a number, true or false, or text."""
    if isinstance(value, tuple):
        value = value[0]
    if field.kind not in ("param", "tag") or value is None or isinstance(value, str):
        return column
    if isinstance(value, bool):
        return f"lower({column})"
    return numeric(field.kind, column)


def numeric(kind_: str, column: str) -> str:
    """A param or tag as a number, NULL if it reads as none."""
    number = (
        f"coalesce(u.number, TRY_CAST({column} AS DOUBLE))"
        if kind_ == "param"
        else f"TRY_CAST({column} AS DOUBLE)"
    )
    return f"CASE WHEN NOT isnan({number}) THEN {number} END"


def _compare(column: str, found: Comparison) -> Sql:
    operator, value = found.operator, found.value
    if value is None:
        return f"(({column}) {operator})", []
    if isinstance(value, bool) and found.field.kind != "attribute":
        value = str(value).lower()
    timed = kind(found.field) == "time" and operator not in TEXTUAL
    if isinstance(value, tuple):
        type_ = "TIMESTAMP[]" if timed else _LISTS[type(value[0])]
        return f"({column} {operator} (SELECT unnest(CAST(? AS {type_}))))", [list(value)]
    if operator == "CONTAINS":
        return f"contains(lower({column}), lower(?))", [value]
    if isinstance(value, float) and value != value:
        return f"({'NOT ' if operator == '!=' else ''}isnan({column}))", []
    if isinstance(value, float) and operator != "!=":
        return f"(NOT isnan({column}) AND {column} {operator} ?)", [
            value
        ]  # for DuckDB NaN is greater than all
    return f"({column} {operator} {'CAST(? AS TIMESTAMP)' if timed else '?'})", [value]


def _anywhere(text: object) -> Sql:
    rows = "r.run_idx IN (SELECT u.run_idx FROM {} u WHERE contains(lower(u.value), lower(?)))"
    parts = [f"contains(lower({_TEXT}), lower(?))", rows.format("param"), rows.format("tag")]
    return f"({' OR '.join(parts)})", [text] * len(parts)


def suggest(con: duckdb.DuckDBPyConnection, filter_: str) -> list[str]:
    """Return why a filter may have found nothing: for each key that no run has, the keys that come near."""
    known = {
        "metric": "SELECT key FROM metric_key",
        "param": "SELECT DISTINCT key FROM param",
        "tag": "SELECT DISTINCT key FROM tag WHERE value IS NOT NULL",
    }
    hints = []
    for field in _fields(parse(filter_)):
        if field.kind not in known or field.key in MLFLOW_TAGS:
            continue
        keys = [key for (key,) in con.execute(known[field.kind]).fetchall()]
        if field.key not in keys and field.whole not in keys:
            near = difflib.get_close_matches(field.key, keys, 3, 0.6)
            hints.append(
                f"no run has {field.kind}s.{field.key}" + (f"; near: {', '.join(near)}" if near else "")
            )
    return list(dict.fromkeys(hints))


def _fields(node: Node) -> list[Field]:
    """The fields of a filter, in its order."""
    found, work = [], [node]
    while work:
        current = work.pop()
        if isinstance(current, Comparison):
            found.append(current.field)
        elif isinstance(current, Not):
            work.append(current.inner)
        else:
            work += reversed(current.parts)
    return found
