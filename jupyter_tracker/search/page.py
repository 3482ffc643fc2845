"""Pages of run ids in a stable order."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Invalid
from .parse import parse, parse_order
from .sql import ordering, to_sql
from .tree import Field

if TYPE_CHECKING:
    import duckdb

MOST = 50_000
ORDERS = 20
_LONGEST_TOKEN = 200  # of ours; what is cut off from a longer one makes it invalid
_VIEWS = {"active": "NOT r.deleted", "deleted": "r.deleted", "all": "true"}


@dataclass(frozen=True, slots=True)
class Page:
    """The runs of one page, and the token that asks for the next; None when this is the last."""

    run_ids: list[str]
    next_page_token: str | None


def search(
    con: duckdb.DuckDBPyConnection,
    filter: str = "",  # noqa: A002  (the word that callers know)
    *,
    order_by: Sequence[str] = (),
    experiment_ids: Sequence[str] | None = None,
    view: Literal["active", "deleted", "all"] = "active",
    max_results: int = 1000,
    page_token: str | None = None,
) -> Page:
    """Return the runs that match, ordered; ties fall to the newest, then to the run id.

    The token remembers what was asked, how far one came, and which runs there were: runs that
    begin while one pages do not move the pages. With another filter or order it is Invalid.
    """
    if not 0 < max_results <= MOST:
        raise Invalid(f"A page holds 1 to {MOST:,} runs, not {max_results}")
    orders = [parse_order(clause) for clause in order_by if clause.strip()]
    if len(orders) > ORDERS:
        raise Invalid(f"There are {len(orders):,} orders; {ORDERS} are the most")
    asked = _digest(filter, [str(clause) for clause in order_by], sorted(experiment_ids or ()), view)
    offset, newest = _read(page_token, asked) if page_token else (0, _newest(con))
    where, values = _where(filter, experiment_ids, view)
    joins, terms, joined = _order(orders)
    found = con.execute(
        f"SELECT r.run_id FROM all_runs r {joins} WHERE {where} AND r.run_idx <= ? "
        f"ORDER BY {terms} LIMIT {max_results + 1} OFFSET {offset}",
        [*joined, *values, newest],
    ).fetchall()
    ids = [run_id for (run_id,) in found[:max_results]]
    return Page(ids, _token(offset + max_results, newest, asked) if len(found) > max_results else None)


def _where(filter_: str, experiment_ids: Sequence[str] | None, view: str) -> tuple[str, list[Any]]:
    if view not in _VIEWS:
        raise Invalid(f"There is no view {view!r}", hint="There are active, deleted and all.")
    conditions: list[str] = [_VIEWS[view]]
    values: list[Any] = []
    if filter_.strip():
        sql, bound = to_sql(parse(filter_))
        conditions.append(f"({sql})")  # NULL keeps a run out just as false does
        values += bound
    if experiment_ids:
        if any(not experiment_id.isascii() for experiment_id in experiment_ids):
            raise Invalid("An experiment id is 32 hexadecimal digits")
        conditions.append("r.experiment_id IN (SELECT unnest(?))")
        values.append(list(experiment_ids))
    return " AND ".join(conditions), values


def _order(orders: list[tuple[Field, bool]]) -> tuple[str, str, list[Any]]:
    """Joins, ORDER BY terms and bound values. Runs without a value come last in either direction."""
    joins: list[str] = []
    terms: list[str] = []
    values: list[Any] = []
    for number, (field, descending) in enumerate(orders):
        sql, bound = ordering(field)
        column = sql
        if field.kind != "attribute":
            joins.append(f"LEFT JOIN ({sql}) o{number} ON o{number}.run_idx = r.run_idx")
            column, values = f"o{number}.ordered", [*values, *bound]
        if field.kind == "param":
            terms.append(_term(f"TRY_CAST({column} AS DOUBLE)", descending))
        terms.append(_term(column, descending))
    return " ".join(joins), ", ".join([*terms, "r.start_time DESC NULLS LAST", "r.run_id"]), values


def _term(column: str, descending: bool) -> str:
    return f"{column} {'DESC' if descending else 'ASC'} NULLS LAST"


def _digest(*asked: object) -> str:
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _newest(con: duckdb.DuckDBPyConnection) -> int:
    found = con.execute("SELECT coalesce(max(run_idx), 0) FROM run").fetchone()
    return int(found[0]) if found else 0


def _token(offset: int, newest: int, asked: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, newest, asked]).encode()).decode()


def _read(token: str, asked: str) -> tuple[int, int]:
    """Return (offset, newest run) of a token; Invalid for one that this search did not give."""
    try:
        offset, newest, digest = json.loads(
            base64.b64decode(token[:_LONGEST_TOKEN], altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError, TypeError):
        offset, newest, digest = -1, -1, ""
    numbers = type(offset) is int and type(newest) is int and 0 < offset < 2**40 and 0 <= newest < 2**31
    if not numbers or digest != asked:
        raise Invalid(
            "The page token belongs to another search", hint="Ask for the first page again, without a token."
        )
    return offset, newest
