"""The order of runs as terms of SQL, and where in it a run stands: what a page token remembers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .fields import ATTRIBUTES, MLFLOW_TAGS
from .parse import parse_order
from .sql import numeric, source
from .tree import Field

TEXT = 200  # characters of a text that count in an order: a token must not carry a whole param
_HALVES = re.compile(r"[\ud800-\udfff]")  # JSON can hold half a surrogate pair, SQL cannot
_Type = Literal["text", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Term:
    """One expression that runs are ordered by; NULL comes last in either direction."""

    sql: str
    descending: bool
    type: _Type

    @property
    def clause(self) -> str:
        return f"{self.sql} {'DESC' if self.descending else 'ASC'} NULLS LAST"

    def fits(self, value: object) -> bool:
        """Whether a value that came in a token can be one of this term."""
        if value is None:
            return True
        if self.type == "text":
            return isinstance(value, str) and not _HALVES.search(value)
        whole = type(value) is int and -(2**63) <= value < 2**63
        return whole or (self.type == "number" and type(value) is float and value == value)


@dataclass(frozen=True, slots=True)
class Order:
    """Joins with their bound values, and terms. The last is the run id: no two runs stand in one place."""

    joins: str
    values: list[Any]
    terms: list[Term]

    def after(self, place: Sequence[Any]) -> tuple[str, list[Any]]:
        """Return the condition that a run comes behind a place, which is the value of each term there."""
        condition: str = "false"
        values: list[Any] = []
        for term, value in reversed(list(zip(self.terms, place, strict=True))):
            if value is None:
                condition = f"({term.sql} IS NULL AND {condition})"
                continue
            beyond = f"{term.sql} {'<' if term.descending else '>'} ? OR {term.sql} IS NULL"
            condition = f"({beyond} OR ({term.sql} = ? AND {condition}))"
            values = [value, value, *values]
        return condition, values


def order(clauses: Sequence[str]) -> Order:
    """Return the order that clauses ask for; ties fall to the newest run, then to the run id."""
    joins: list[str] = []
    values: list[Any] = []
    terms: list[Term] = []
    for number, (field, descending) in enumerate(dict.fromkeys(map(parse_order, clauses))):
        alias = f"o{number}"
        if field.kind != "attribute":
            join, keys = _join(field, alias)
            joins.append(join)
            values += keys
        terms += _terms(field, alias, descending)
    terms += [Term("epoch_us(r.start_time)", True, "integer"), Term("r.run_id", False, "text")]
    return Order(" ".join(joins), values, terms)


def _join(field: Field, alias: str) -> tuple[str, list[Any]]:
    rows, keys, column = source(field)
    columns = f"{column} AS value"
    if field.kind == "param":
        columns += f", {numeric('param', column)} AS number"
    return f"LEFT JOIN (SELECT u.run_idx, {columns} {rows}) {alias} ON {alias}.run_idx = r.run_idx", keys


def _terms(field: Field, alias: str, descending: bool) -> list[Term]:
    if field.kind == "attribute":
        return [_attribute(field.key, descending)]
    value = f"{alias}.value"
    if field.kind == "metric":  # numbers, then NaN, then runs without
        rank = f"CASE WHEN {value} IS NULL THEN NULL WHEN isnan({value}) THEN 1 ELSE 0 END"
        number = f"CASE WHEN NOT isnan({value}) THEN {value} END"
        return [Term(rank, False, "integer"), Term(number, descending, "number")]
    if field.kind == "param":
        return [Term(f"{alias}.number", descending, "number"), _text(value, descending)]
    if field.key in MLFLOW_TAGS:
        return [_text(f"coalesce({value}, {ATTRIBUTES[MLFLOW_TAGS[field.key]].sql})", descending)]
    return [Term(numeric("tag", value), descending, "number"), _text(value, descending)]


def _attribute(name: str, descending: bool) -> Term:
    sql, type_ = ATTRIBUTES[name]
    if type_ == "time":
        return Term(f"epoch_us({sql})", descending, "integer")
    if type_ == "flag":
        return Term(f"CAST({sql} AS INTEGER)", descending, "integer")
    if type_ in ("number", "duration"):
        return Term(sql, descending, "number")
    return _text(sql, descending)


def _text(sql: str, descending: bool) -> Term:
    return Term(f"left({sql}, {TEXT})", descending, "text")
