"""A person's own SQL: one reading statement, on a connection that can do nothing else."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from ..errors import Invalid
from ..frames import Result
from .database import damaged

LIMIT = 100_000
TIMEOUT = 30.0

_READING = {"SELECT", "EXPLAIN"}
_VIEWS = "runs, params, tags, metrics, metric_summary, artifacts, experiments, events, errors"


def check(text: str) -> None:
    """Invalid unless `text` is exactly one statement that only reads."""
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise Invalid(str(error), hint=f"the views are {_VIEWS}; docs/sql.md has examples.") from error
    if len(statements) != 1:
        raise Invalid(
            f"one statement is wanted, {len(statements)} were given", hint="run them one after the other."
        )
    kind = str(statements[0].type).removeprefix("StatementType.").split(".")[-1]
    if kind not in _READING:
        raise Invalid(
            f"a statement of type {kind} is refused: the store is derived and only read",
            hint="write SELECT, WITH, FROM, DESCRIBE, SHOW or SUMMARIZE; change runs with run.log, tag, note or rm.",
        )


def run(
    con: duckdb.DuckDBPyConnection,
    text: str,
    params: Sequence[Any] | Mapping[str, Any],
    limit: int,
    timeout: float,
) -> Result:
    """Execute on a guarded connection. Wrong SQL is Invalid with DuckDB's own text; a damaged file stays duckdb.Error."""
    timer = threading.Timer(timeout, con.interrupt)
    timer.daemon = True
    timer.start()
    try:
        con.execute(text, dict(params) if isinstance(params, Mapping) else list(params))
        return Result.fetch(con, limit)
    except duckdb.InterruptException as error:
        raise Invalid(
            f"the query took longer than {timeout:g} s and was stopped",
            hint="narrow it, or give a longer timeout.",
        ) from error
    except duckdb.Error as error:
        if damaged(error):
            raise
        raise Invalid(str(error), hint=_hint(error)) from error
    finally:
        timer.cancel()


def _hint(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.PermissionException):
        return "queries see the store and nothing else: no files, network, extensions or settings."
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return "narrow the query: fewer rows in a join, sort or group."
    return f"the views are {_VIEWS}; docs/sql.md has examples."
