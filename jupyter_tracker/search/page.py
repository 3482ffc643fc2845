"""Pages of run ids in a stable order."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Invalid
from .order import Order, order
from .parse import parse
from .sql import to_sql

if TYPE_CHECKING:
    import duckdb

MOST = 50_000
ORDERS = 20
_VIEWS = {"active": "NOT r.deleted", "deleted": "r.deleted", "all": "true"}
_LONGEST_TOKEN = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """The runs of one page, and the token that asks for the next; None when this is the last."""

    run_ids: list[str]
    next_page_token: str | None


def search(
    con: duckdb.DuckDBPyConnection,
    filter: str = "",  # noqa: A002  (the word that callers know)
    *,
    order_by: Sequence[str] | str = (),
    experiment_ids: Sequence[str] | None = None,
    view: Literal["active", "deleted", "all"] = "active",
    max_results: int = 1000,
    page_token: str | None = None,
) -> Page:
    """Return the runs that match, ordered; ties fall to the newest, then to the run id.

    The token remembers what was asked and the place in the order where the page ended: runs that begin or
    are deleted while one pages neither repeat others nor hide them. With another filter or order it is Invalid.
    """
    if not 0 < max_results <= MOST:
        raise Invalid(f"A page holds 1 to {MOST:,} runs, not {max_results}")
    clauses = [clause for clause in ([order_by] if isinstance(order_by, str) else order_by) if clause.strip()]
    if len(clauses) > ORDERS:
        raise Invalid(f"There are {len(clauses):,} orders; {ORDERS} are the most")
    ordered = order(clauses)
    asked = [filter, clauses, sorted(experiment_ids or ()), view]
    where, values = _where(filter, experiment_ids, view)
    if page_token:
        after, place = ordered.after(_place(page_token, asked, ordered))
        where, values = f"{where} AND {after}", [*values, *place]
    found = con.execute(
        f"SELECT r.run_id, {', '.join(term.sql for term in ordered.terms)} FROM all_runs r {ordered.joins} "
        f"WHERE {where} ORDER BY {', '.join(term.clause for term in ordered.terms)} LIMIT {max_results + 1}",
        [*ordered.values, *values],
    ).fetchall()
    rows = found[:max_results]
    return Page([row[0] for row in rows], _token(rows[-1][1:], asked) if len(found) > len(rows) else None)


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


def _token(place: Sequence[Any], asked: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(asked, place), *place]).encode()).decode()


def _place(token: str, asked: list[Any], ordered: Order) -> list[Any]:
    """Return the place in the order that a token tells; Invalid for one that this search did not give."""
    try:
        found: list[Any] = json.loads(base64.b64decode(token[:_LONGEST_TOKEN], altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        found = []
    digest, place = (found[0], found[1:]) if isinstance(found, list) and found else ("", [])
    fits = len(place) == len(ordered.terms) and all(
        term.fits(value) for term, value in zip(ordered.terms, place, strict=True)
    )
    if not fits or digest != _digest(asked, place):
        hint = "Ask for the first page again, without a token."
        raise Invalid("The page token belongs to another search", hint=hint)
    return place


def _digest(asked: list[Any], place: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps([asked, list(place)]).encode()).hexdigest()[:16]
