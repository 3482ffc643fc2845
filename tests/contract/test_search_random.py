"""Random filters and orders find what plain Python finds in the same runs, page by page."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from handmade import EPOCH, Hand
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import FILTER, ORDER, Facts, Filter, arranged, clause, runs, write

from jupyter_tracker.roots import Root
from jupyter_tracker.search import search
from jupyter_tracker.store import Store

FOUND = runs()


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    root = Root.create(tmp_path_factory.mktemp("searched"))
    write(root, FOUND)
    with Store(root).reading() as opened:
        yield opened


def ids(found: list[Facts]) -> list[str]:
    return [run.run_id for run in found]


def paged(con: duckdb.DuckDBPyConnection, filter_: str, size: int, order_by: list[str]) -> list[str]:
    found, token = [], None
    while True:
        page = search(con, filter_, order_by=order_by, max_results=size, page_token=token)
        assert len(page.run_ids) == size or page.next_page_token is None
        found += page.run_ids
        token = page.next_page_token
        if token is None:
            return found


@settings(max_examples=400, deadline=None)
@given(asked=FILTER)
def test_a_filter_finds_what_plain_python_finds(con: duckdb.DuckDBPyConnection, asked: Filter) -> None:
    filter_, expected = asked
    assert search(con, filter_).run_ids == ids(arranged([run for run in FOUND if expected(run)], []))


@settings(max_examples=100, deadline=None)
@given(asked=FILTER, orders=ORDER, size=st.integers(1, 17))
def test_pages_are_the_whole_in_order(
    con: duckdb.DuckDBPyConnection, asked: Filter, orders: list[tuple[str, str]], size: int
) -> None:
    filter_, expected = asked
    everything = ids(arranged([run for run in FOUND if expected(run)], orders))
    assert paged(con, filter_, size, [clause(order) for order in orders]) == everything


@settings(max_examples=100, deadline=None)
@given(orders=ORDER)
def test_an_order_is_the_one_of_plain_python(
    con: duckdb.DuckDBPyConnection, orders: list[tuple[str, str]]
) -> None:
    assert search(con, order_by=[clause(order) for order in orders]).run_ids == ids(arranged(FOUND, orders))


@pytest.mark.parametrize("order_by", [[], ["name"], ["metrics.rmse desc"], ["params.mix", "duration DESC"]])
def test_runs_that_begin_or_go_while_one_pages_move_no_other(
    tmp_path_factory: pytest.TempPathFactory, order_by: list[str]
) -> None:
    root = Root.create(tmp_path_factory.mktemp("moving"))
    write(root, FOUND)
    store = Store(root)
    with store.reading() as con:
        whole = search(con, order_by=order_by).run_ids
        first = search(con, order_by=order_by, max_results=10)
    gone = first.run_ids[3:5]
    for run_id in gone:
        Hand(root, run_id, "cd" * 8, clock=EPOCH * 2).add("lifecycle", deleted=True)
    Hand(root, "f" * 32, clock=EPOCH * 2).start(name="0", experiment_id="e")
    store.rebuild()  # numbers every run anew
    with store.reading() as con:
        rest = search(con, order_by=order_by, page_token=first.next_page_token).run_ids
    assert [run_id for run_id in rest if run_id != "f" * 32] == whole[10:]
