"""Filters on a real database, each against a plain Python reading of the same data; and strings that are no filters."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from handmade import EPOCH, Hand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_tracker.catalog import Catalog
from jupyter_tracker.errors import Invalid
from jupyter_tracker.roots import Root
from jupyter_tracker.search import parse, search, suggest, to_sql
from jupyter_tracker.store import Store

RUNS = 24
Facts = dict[str, Any]


def facts(number: int) -> Facts:
    """What run `number` is made of; every third lacks a key, some values are text, NaN or missing."""
    params: dict[str, Any] = {
        "depth": number,
        "lr": number / 10,
        "name": f"n{number % 5}",
        "on": number % 2 == 0,
    }
    if number % 3 == 0:
        del params["depth"]
    return {
        "name": f"run-{number}",
        "status": ("finished", "failed", "interrupted")[number % 3],
        "duration": float(number * 60),
        "params": params,
        "metrics": {
            "rmse": [10.0 - number, float(number)],
            "val loss": [0.5],
            **({"odd": [math.nan]} if number % 4 == 0 else {}),
        },
        "tags": {"team": "ab"[number % 2], "a.b c": str(number)},
        "note": "good" if number == 7 else None,
    }


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = Root.create(tmp_path_factory.mktemp("search"))
    experiment = Catalog(root).create_experiment("churn").experiment_id
    for number in range(RUNS):
        found = facts(number)
        hand = Hand(root, f"{number + 1:032x}", clock=EPOCH + number * 10_000_000)
        hand.start(name=found["name"], experiment_id=experiment)
        hand.add("params", values=found["params"])
        for key, values in found["metrics"].items():
            for step, value in enumerate(values):
                hand.add("metrics", step=step, values={key: "NaN" if value != value else value})
        hand.add("tags", values=found["tags"])
        if found["note"]:
            hand.add("note", text=found["note"])
        hand.add("end", outcome=found["status"], duration=found["duration"], error=None)
    with Store(root).reading() as opened:
        yield opened


def names(con: duckdb.DuckDBPyConnection, filter_: str, **options: Any) -> list[str]:
    page = search(con, filter_, **options)
    ids = {f"{number + 1:032x}": f"run-{number}" for number in range(RUNS)}
    return [ids[run_id] for run_id in page.run_ids]


def param(key: str, test: Callable[[Any], bool]) -> Callable[[Facts], bool]:
    return lambda run: key in run["params"] and test(run["params"][key])


def last(key: str, test: Callable[[float], bool]) -> Callable[[Facts], bool]:
    return lambda run: key in run["metrics"] and test(run["metrics"][key][-1])


FILTERS: list[tuple[str, Callable[[Facts], bool]]] = [
    ("", lambda run: True),
    ("metrics.rmse < 5", last("rmse", lambda value: value < 5)),
    ("metrics.rmse <= 5", last("rmse", lambda value: value <= 5)),
    ("metrics.rmse > 5.5", last("rmse", lambda value: value > 5.5)),
    ("metrics.rmse >= 1e1", last("rmse", lambda value: value >= 10)),
    ("metrics.rmse = 3", last("rmse", lambda value: value == 3)),
    ("metrics.rmse == 3", last("rmse", lambda value: value == 3)),
    ("metrics.rmse != 3", last("rmse", lambda value: value != 3)),
    ("metric.rmse < 5", last("rmse", lambda value: value < 5)),
    ("metrics.rmse.last < 5", last("rmse", lambda value: value < 5)),
    ("metrics.rmse.first < 5", lambda run: run["metrics"]["rmse"][0] < 5),
    ("metrics.rmse.min < 2", lambda run: min(run["metrics"]["rmse"]) < 2),
    ("metrics.rmse.max > 8", lambda run: max(run["metrics"]["rmse"]) > 8),
    ("metrics.rmse.best < 2", lambda run: min(run["metrics"]["rmse"]) < 2),
    ("metrics.rmse.mean = 5", lambda run: True),
    ("metrics.rmse.count = 2", lambda run: True),
    ("metrics.`val loss` = 0.5", lambda run: True),
    ('metrics."val loss" < 0.5', lambda run: False),
    ("metrics.odd < 100", lambda run: False),
    ("metrics.odd > -100", lambda run: False),
    ("metrics.odd IS NOT NULL", lambda run: "odd" in run["metrics"]),
    ("metrics.none IS NULL", lambda run: True),
    ("metrics.none < 1", lambda run: False),
    ("params.depth > 10", param("depth", lambda value: value > 10)),
    ("params.depth = 10", param("depth", lambda value: value == 10)),
    ("params.depth = '10'", param("depth", lambda value: value == 10)),
    ("params.depth != '10'", param("depth", lambda value: value != 10)),
    ("params.lr <= 0.5", param("lr", lambda value: value <= 0.5)),
    ("params.lr = '0.5'", param("lr", lambda value: value == 0.5)),
    ("parameters.name LIKE 'n%'", param("name", lambda value: True)),
    ("params.name LIKE 'n1'", param("name", lambda value: value == "n1")),
    ("params.name LIKE 'N1'", param("name", lambda value: False)),
    ("params.name ILIKE 'N1'", param("name", lambda value: value == "n1")),
    ("params.name NOT LIKE 'n1'", param("name", lambda value: value != "n1")),
    ("params.name IN ('n1', 'n2')", param("name", lambda value: value in ("n1", "n2"))),
    ("params.name NOT IN ('n1')", param("name", lambda value: value != "n1")),
    ("params.name ~ '1'", param("name", lambda value: "1" in value)),
    ("params.on = true", param("on", lambda value: value)),
    ("params.on = 'False'", param("on", lambda value: not value)),
    ("params.depth IS NULL", lambda run: "depth" not in run["params"]),
    ("params.depth is not null", lambda run: "depth" in run["params"]),
    ("params.name > 5", lambda run: False),
    ("tags.team = 'a'", lambda run: run["tags"]["team"] == "a"),
    ("tag.team != 'a'", lambda run: run["tags"]["team"] != "a"),
    ("tags.`a.b c` = '3'", lambda run: run["tags"]["a.b c"] == "3"),
    ('tags."a.b c" IN (\'3\', \'4\')', lambda run: run["tags"]["a.b c"] in ("3", "4")),
    ("tags.`a.b c` LIKE '1_'", lambda run: len(run["tags"]["a.b c"]) == 2 and run["tags"]["a.b c"][0] == "1"),
    ("name = 'run-3'", lambda run: run["name"] == "run-3"),
    ("run_name = 'run-3'", lambda run: run["name"] == "run-3"),
    ("attributes.run_name = 'run-3'", lambda run: run["name"] == "run-3"),
    ("attr.name != 'run-3'", lambda run: run["name"] != "run-3"),
    ("tags.`mlflow.runName` = 'run-3'", lambda run: run["name"] == "run-3"),
    ("run.name LIKE 'run-1%'", lambda run: run["name"].startswith("run-1")),
    ("status = 'finished'", lambda run: run["status"] == "finished"),
    ("status = 'FINISHED'", lambda run: run["status"] == "finished"),
    ("status = 'KILLED'", lambda run: run["status"] == "interrupted"),
    ("status != 'failed'", lambda run: run["status"] != "failed"),
    ("status IN ('failed', 'KILLED')", lambda run: run["status"] in ("failed", "interrupted")),
    ("duration > 600", lambda run: run["duration"] > 600),
    ("duration > '10min'", lambda run: run["duration"] > 600),
    ("duration <= '0.25h'", lambda run: run["duration"] <= 900),
    ("duration < '90s'", lambda run: run["duration"] < 90),
    ("experiment = 'churn'", lambda run: True),
    ("experiment LIKE 'x%'", lambda run: False),
    ("start_time > '2000-01-01'", lambda run: True),
    ("start_time < '2000-01-01T00:00:00Z'", lambda run: False),
    ("start_time > 0", lambda run: True),
    ("created > 4102444800000", lambda run: False),
    ("note = 'good'", lambda run: run["note"] == "good"),
    ("note IS NULL", lambda run: run["note"] is None),
    ("git_commit IS NULL", lambda run: True),
    ("cell = 'x'", lambda run: False),
    ("name = 'run-1' OR name = 'run-2'", lambda run: run["name"] in ("run-1", "run-2")),
    ("NOT name = 'run-1'", lambda run: run["name"] != "run-1"),
    ("NOT params.depth > 3", lambda run: not run["params"].get("depth", 0) > 3),
    ("not not name = 'run-1'", lambda run: run["name"] == "run-1"),
    ("name = 'run-1' OR name = 'run-2' AND status = 'failed'", lambda run: run["name"] == "run-1"),
    ("(name = 'run-1' OR name = 'run-2') AND status = 'failed'", lambda run: run["name"] == "run-1"),
    ("((status = 'failed')) and (metrics.rmse < 5 or tags.team = 'b')", lambda run: run["status"] == "failed" and (run["metrics"]["rmse"][-1] < 5 or run["tags"]["team"] == "b")),
    ("name = 'it''s'", lambda run: False),
    ("name = 'a'' OR ''1''=''1'", lambda run: False),
    ("params.`x\" OR 1=1 --` = 'y'", lambda run: False),
    ("name LIKE '%\\'", lambda run: False),
    ("dataset.name = 'train'", lambda run: False),
    ("metrics.rmse IN (1, 2, 3.0)", last("rmse", lambda value: value in (1, 2, 3))),
    ("metrics.rmse NOT IN (1, 2)", last("rmse", lambda value: value not in (1, 2))),
    ("metrics.rmse.first in (-3)", lambda run: run["metrics"]["rmse"][0] == -3),
    ("metrics.rmse < '5'", last("rmse", lambda value: value < 5)),
    ("metrics.rmse <> 3", last("rmse", lambda value: value != 3)),
    ("metrics.rmse.max = 10 or metrics.rmse.min = 1", lambda run: max(run["metrics"]["rmse"]) == 10 or min(run["metrics"]["rmse"]) == 1),
    ("metrics.`rmse.min` < 100", lambda run: False),
    ("metrics.`rmse`.min < 2", lambda run: min(run["metrics"]["rmse"]) < 2),
    ("metrics.rmse.`min` < 2", lambda run: False),
    ("metrics.`val loss`.best <= 0.5", lambda run: True),
    ("metrics.`val loss`.last >= .5", lambda run: True),
    ("metrics.odd != 3", lambda run: "odd" in run["metrics"]),
    ("metrics.odd.count = 1", lambda run: "odd" in run["metrics"]),
    ("metrics.odd.mean IS NULL", lambda run: True),
    ("metrics.odd = nan", lambda run: "odd" in run["metrics"]),
    ("metrics.rmse != 'NaN'", lambda run: True),
    ("params.depth IN (10, 11, 12)", param("depth", lambda value: value in (10, 11, 12))),
    ("params.on = TRUE", param("on", lambda value: value)),
    ("tags.`a.b c` > 20", lambda run: int(run["tags"]["a.b c"]) > 20),
    ("tags.team > 0", lambda run: False),
    ("tags.`mlflow.runName` LIKE 'run-1_'", lambda run: len(run["name"]) == 6 and run["name"][4] == "1"),
    ("tags.`mlflow.note.content` IS NULL", lambda run: run["note"] is None),
    ("text ~ 'RUN-2'", lambda run: "run-2" in run["name"]),
    ("text ~ 'N3' or text ~ 'good'", lambda run: run["params"]["name"] == "n3" or run["note"] == "good"),
    ("params.a.5 = 1 or metrics.a.b.5.min < 3", lambda run: False),
    ("metrics.RMSE < 5", lambda run: False),
    ("metrics.rmse < 1e999", last("rmse", lambda value: True)),
    ("metrics.rmse > -1e999", last("rmse", lambda value: True)),
    ("params.depth >= 10 and params.depth < 15", param("depth", lambda value: 10 <= value < 15)),
    ("params.depth < 9.5", param("depth", lambda value: value < 9.5)),
    ("params.depth = 10.0", param("depth", lambda value: value == 10)),
    ("params.depth = '10.0'", lambda run: False),
    ("params.depth IN ('10', '11', '12')", param("depth", lambda value: value in (10, 11, 12))),
    ("params.depth LIKE '1%'", param("depth", lambda value: str(value).startswith("1"))),
    ("param.`lr` > 1", param("lr", lambda value: value > 1)),
    ("parameter.lr > 1", param("lr", lambda value: value > 1)),
    ("params.on = false", param("on", lambda value: not value)),
    ("params.on != TRUE", param("on", lambda value: not value)),
    ("params.name NOT ILIKE 'N1'", param("name", lambda value: value != "n1")),
    ("params.name not in ('n1', 'n3') and not params.name = 'n0'", param("name", lambda value: value in ("n2", "n4"))),
    ('tags.team IN ("a")', lambda run: run["tags"]["team"] == "a"),
    ('tags.team = "a"', lambda run: run["tags"]["team"] == "a"),
    ("tags.Team = 'a'", lambda run: False),
    ("tags.none IS NULL and tags.team IS NOT NULL", lambda run: True),
    ("tags.none != 'x'", lambda run: False),
    ("tags.a.b = '3'", lambda run: False),
    ("attributes.`Run name` = 'run-3'", lambda run: run["name"] == "run-3"),
    ("attribute.status = 'FAILED'", lambda run: run["status"] == "failed"),
    ("status NOT IN ('failed', 'lost', 'RUNNING')", lambda run: run["status"] in ("finished", "interrupted")),
    ("status LIKE 'f%'", lambda run: run["status"] in ("finished", "failed")),
    ("status = lost or status = running", lambda run: False),
    ("duration IN (60, '2min', '0.05h')", lambda run: run["duration"] in (60, 120, 180)),
    ("duration != '60s'", lambda run: run["duration"] != 60),
    ("duration >= '1200000ms'", lambda run: run["duration"] >= 1200),
    (f"start_time < {EPOCH // 1000 + 55_000}", lambda run: run["duration"] < 360),
    (f"attributes.created >= {EPOCH // 1000 + 55_000}", lambda run: run["duration"] >= 360),
    ("start_time IN ('2000-01-01')", lambda run: False),
    ("end_time IS NOT NULL", lambda run: True),
    ("run_id IN ('00000000000000000000000000000004')", lambda run: run["name"] == "run-3"),
    ("run_id LIKE '%a'", lambda run: run["name"] == "run-9"),
    ("attempt IN (99) or execution_count > 3", lambda run: False),
    ("name > 'run-8'", lambda run: run["name"] > "run-8"),
    ("name ~ 'RUN-1' and not name ~ '0'", lambda run: "run-1" in run["name"] and "0" not in run["name"]),
    ("user_id = 'nobody'", lambda run: False),
    ("note ILIKE 'GO_D'", lambda run: run["note"] == "good"),
    ("not (note is null or status = 'failed')", lambda run: run["note"] == "good" and run["status"] != "failed"),
    ("name='run-1'or name='run-2'", lambda run: run["name"] in ("run-1", "run-2")),
    ("\n name\t=\n'run-1' ", lambda run: run["name"] == "run-1"),
    ("name = 'é\U0001f600'", lambda run: False),
]  # fmt: skip


@pytest.mark.parametrize(("filter_", "expected"), FILTERS, ids=[text for text, _ in FILTERS])
def test_a_filter_finds_what_plain_python_finds(
    con: duckdb.DuckDBPyConnection, filter_: str, expected: Callable[[Facts], bool]
) -> None:
    assert set(names(con, filter_)) == {
        facts(number)["name"] for number in range(RUNS) if expected(facts(number))
    }


WRONG = [
    ("foo = 1", "no attribute", 0),
    ("stauts = 'failed'", "Known: status", 0),
    ("metrics.rmse >", "a value was expected", 14),
    ("metrics.rmse = 'high'", "a number was expected", 15),
    ("metrics.rmse LIKE 'a'", "compares texts", 18),
    ("metrics. < 3", "a key was expected", 9),
    ("name = baseline", "single quotes", 7),
    ("name 'x'", "an operator was expected", 5),
    ("(name = 'x'", "never closed", 0),
    ("name = 'x')", "never opened", 10),
    ("name = 'x' name = 'y'", "AND, OR or the end", 11),
    ("name = 'x", "never closed", 7),
    ("name = 'x' AND", "a name was expected", 14),
    ("status = 'happy'", "no status", 9),
    ("status IN 'failed'", "a list in parentheses", 10),
    ("status IN ()", "a value of the list", 11),
    ("start_time > 'yesterday'", "a time was expected", 13),
    ("duration > 'long'", "a duration was expected", 11),
    ("dirty = 'maybe'", "true or false", 8),
    ("dirty > true", "a flag is equal or not", 8),
    ("status > 'failed'", "a status is equal or not", 9),
    ("metrics.rmse < nan", "NaN is compared with", 15),
    ("metrics.rmse IN (1, nan)", "NaN is compared with", 20),
    ("text = 'x'", "only ~ was expected", 5),
    ("artifact_uri = 'x'", "cannot be searched", 0),
    ("name = true", "a value was expected", 7),
    ("metrics.f1@5 > 0", "means nothing here", 10),
    ("name IS 3", "NULL was expected", 8),
    ("dataset.colour = 'x'", "a data set has no", 8),
    ("metrics.a; DROP TABLE runs", "means nothing", 9),
    ("name = 'x' -- comment", "means nothing", 11),
    ("metrics.rmse IN ('a')", "a number was expected", 17),
    ("start_time IN ('soon')", "a time was expected", 15),
    ("name = '\ud800'", "half a surrogate pair", 8),
]


@pytest.mark.parametrize(("filter_", "says", "at"), WRONG, ids=[text for text, _, _ in WRONG])
def test_a_wrong_filter_shows_the_place_and_what_was_expected(filter_: str, says: str, at: int) -> None:
    with pytest.raises(Invalid) as raised:
        parse(filter_)
    assert says in str(raised.value)
    caret = raised.value.message.splitlines()[-1]
    assert caret == "  " + " " * at + "^"


ORDERS = [
    (["metrics.rmse ASC"], lambda run: (run["metrics"]["rmse"][-1],)),
    (["metrics.rmse.first DESC"], lambda run: (-run["metrics"]["rmse"][0],)),
    (["params.lr"], lambda run: (run["params"]["lr"],)),
    (["tags.team", "name DESC"], None),
    (["duration desc"], lambda run: (-run["duration"],)),
]


@pytest.mark.parametrize(("order_by", "key"), ORDERS, ids=[str(order) for order, _ in ORDERS])
def test_runs_come_in_the_order_asked_for(
    con: duckdb.DuckDBPyConnection, order_by: list[str], key: Any
) -> None:
    found = names(con, "", order_by=order_by)
    assert len(found) == RUNS
    if key is not None:
        everything = sorted((facts(number) for number in range(RUNS)), key=key)
        assert found == [run["name"] for run in everything]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_runs_without_the_value_come_last_either_way(con: duckdb.DuckDBPyConnection, direction: str) -> None:
    for clause, has in (
        ("params.depth", lambda run: "depth" in run["params"]),
        ("metrics.odd", lambda run: False),
    ):
        found = names(con, "", order_by=[f"{clause} {direction}"])
        having = [has(facts(int(name.removeprefix("run-")))) for name in found]
        assert having == sorted(having, reverse=True)


def test_pages_cover_everything_once(con: duckdb.DuckDBPyConnection) -> None:
    whole = search(con, "", order_by=["metrics.rmse ASC"]).run_ids
    paged, token = [], None
    while True:
        page = search(con, "", order_by=["metrics.rmse ASC"], max_results=7, page_token=token)
        paged += page.run_ids
        token = page.next_page_token
        if token is None:
            break
    assert paged == whole


def test_near_keys_are_suggested(con: duckdb.DuckDBPyConnection) -> None:
    assert suggest(con, "metrics.rmsee < 3 and params.dept = 3") == [
        "no run has metrics.rmsee; near: rmse",
        "no run has params.dept; near: depth",
    ]
    assert suggest(con, "metrics.rmse < 3") == []


def test_depth_and_length_have_no_recursion(con: duckdb.DuckDBPyConnection) -> None:
    assert names(con, "(" * 400 + "name = 'run-1'" + ")" * 400) == ["run-1"]
    assert names(con, "(" * 5000 + "name = 'run-1'" + ")" * 5000) == ["run-1"]
    assert names(con, "NOT " * 5000 + "name = 'run-1'") == ["run-1"]
    assert len(names(con, " AND ".join(["name LIKE 'run-1%'"] * 300))) == 11
    assert names(con, "name = 'run-1' AND (params.lr < 5 OR (" * 140 + "name = 'run-1'" + "))" * 140) == [
        "run-1"
    ]
    with pytest.raises(Invalid, match="one condition too many"):
        parse(" AND ".join(["metrics.rmse < 5"] * 5000)[:99_999])
    with pytest.raises(Invalid, match="characters"):
        parse("x" * 100_001)


COMPARISON = st.sampled_from(
    [
        (text, test)
        for text, test in FILTERS
        if text and " OR " not in text.upper() and " AND " not in text.upper()
    ]
)
TREE = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) AND ({two[1][0]})", lambda run: two[0][1](run) and two[1][1](run))
        ),
        st.tuples(inner, inner).map(
            lambda two: (f"({two[0][0]}) or ({two[1][0]})", lambda run: two[0][1](run) or two[1][1](run))
        ),
        inner.map(lambda one: (f"NOT ({one[0]})", lambda run: not one[1](run))),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREE)
def test_random_filters_find_what_plain_python_finds(
    con: duckdb.DuckDBPyConnection, tree: tuple[str, Callable[[Facts], bool]]
) -> None:
    filter_, expected = tree
    assert set(names(con, filter_)) == {
        facts(number)["name"] for number in range(RUNS) if expected(facts(number))
    }


def test_no_string_does_anything_but_search_or_be_refused(con: duckdb.DuckDBPyConnection) -> None:
    pieces = [
        "metrics.rmse", "params.lr", "tags.team", "name", "status", "<", ">=", "=", "!=", "LIKE", "IN", "(", ")", ",", "'a'", "0.5",
        "AND", "OR", "NOT", "IS", "NULL", ";", "--", "/*", "*/", "DROP TABLE run", "`", '"', "'", "\\", "%", "\0", "é", "1e999", ".",
        "read_text('/etc/passwd')", "__class__", "SELECT", "true", "{{", "$1", "?", "\n", "-5", "metrics.`a b`",
    ]  # fmt: skip
    random_ = random.Random(20261124)
    refused = 0
    for _ in range(20_000):
        text = " ".join(random_.choice(pieces) for _ in range(random_.randint(1, 7)))
        try:
            sql, values = to_sql(parse(text))
        except Invalid:
            refused += 1
            continue
        con.execute(f"SELECT count(*) FROM all_runs r WHERE {sql}", values)
    assert 10_000 < refused < 20_000
    assert con.execute("SELECT count(*) FROM run").fetchone() == (RUNS,)
