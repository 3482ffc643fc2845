"""Input made to hang or break a search: each is refused as Invalid or answered, and soon."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from importlib import resources
from typing import Any

import duckdb
import pytest

from jupyter_tracker.errors import Invalid
from jupyter_tracker.search import parse, search


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute(
        resources.files("jupyter_tracker.store").joinpath("schema.sql").read_text(encoding="utf-8")
    )
    for number in (2, 1, 3):
        opened.execute(
            "INSERT INTO run (run_idx, run_id, experiment_id, name, start_time, outcome) "
            "VALUES (?, ?, 'e', 'n', TIMESTAMP '2026-01-01', 'finished')",
            [number, f"{number:032x}"],
        )
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "filter_",
    ["name = " + "1" * 90_000 + "x", "name = 1." + "1" * 90_000 + "x", "name = 1e" + "1" * 90_000 + "x",
     "'" * 99_999, "`" * 99_999, "(" * 100_000, "a." * 50_000, "NOT " * 25_000, " " * 100_000 + "x"],
    ids=lambda text: f"{text[:9]}…{len(text)}",
)  # fmt: skip
def test_a_long_filter_is_refused_in_a_time_that_grows_with_its_length(filter_: str) -> None:
    began = time.process_time()
    with pytest.raises(Invalid):
        parse(filter_)
    assert time.process_time() - began < 5


def nested(times: int, shape: str) -> str:
    before, _, after = shape.partition("…")
    return before * times + "name = 'n'" + after * times


@pytest.mark.parametrize(
    "shape", ["NOT (… AND NOT name = 'x')", "NOT (… OR name = 'x')", "(params.a IS NULL AND …)"]
)
def test_conditions_nested_as_deep_as_allowed_are_answered(
    con: duckdb.DuckDBPyConnection, shape: str
) -> None:
    assert len(search(con, nested(290, shape)).run_ids) in (0, 3)


@pytest.mark.parametrize(
    "asked",
    [
        {"page_token": base64.urlsafe_b64encode(b"[" * 100_000).decode()},
        {"page_token": base64.urlsafe_b64encode(b"[1, 99999999999999999999999999999999999999999, 1]").decode()},
        {"order_by": ["metrics.a"] * 2000},
        {"order_by": ["metrics.`\ud800`"]},
        {"experiment_ids": ["\ud800"]},
        {"max_results": 0},
        {"max_results": 10**30},
        {"view": "r.deleted OR true"},
    ],
)  # fmt: skip
def test_everything_beside_the_filter_is_checked_too(
    con: duckdb.DuckDBPyConnection, asked: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        search(con, "", **asked)


def test_runs_that_began_together_come_by_their_ids(con: duckdb.DuckDBPyConnection) -> None:
    assert search(con).run_ids == [f"{number:032x}" for number in (1, 2, 3)]


@pytest.mark.parametrize("token", ["x", "AAAA", "WzEsIDIsICJ4Il0=", "é", "WzFd"])
def test_a_token_of_another_search_is_refused(con: duckdb.DuckDBPyConnection, token: str) -> None:
    with pytest.raises(Invalid, match="page token"):
        search(con, "", page_token=token)
    real = search(con, "", max_results=2).next_page_token
    with pytest.raises(Invalid, match="page token"):
        search(con, "name = 'x'", max_results=2, page_token=real)


@pytest.mark.parametrize(
    "clause",
    [
        "metrics.rmse SIDEWAYS",
        "metrics.a DESC, (SELECT 1)",
        "1; DROP TABLE run",
        "foo",
        "name ASC DESC",
        "dataset.name",
        "text",
    ],
)
def test_an_order_is_parsed_too(con: duckdb.DuckDBPyConnection, clause: str) -> None:
    with pytest.raises(Invalid, match="In the order"):
        search(con, "", order_by=[clause])
