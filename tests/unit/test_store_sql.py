"""A person's own SQL: what it may do, what it may not, and every query of docs/sql.md."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from handmade import Hand, dump

from jupyter_tracker.errors import Invalid, TrackerError
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

DOCUMENT = Path(__file__).parents[2] / "docs" / "sql.md"
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = Root.create(tmp_path_factory.mktemp("sql"))
    for number, name in enumerate(["first", "second", "third"]):
        hand = Hand(root, f"0197{number:028x}")
        hand.start(name=name)
        hand.add("params", values={"lr": 0.1 / (number + 1), "depth": 3 + number, "model": "rf"})
        hand.add("tags", values={"team": "x"})
        for step in range(10):
            hand.metrics(step, loss=1 / (step + 1 + number), acc=step / 10)
        hand.metrics(10, loss="NaN")
        hand.add("artifact", path="model.bin", size=100 * number, sha256="0" * 64)
        error = {"type": "ValueError", "message": "no", "traceback": "…"} if number == 2 else None
        hand.add("end", outcome="failed" if error else "finished", duration=60.0, error=error)
        hand.add("seal")
    return Store(root)


def test_there_are_twenty_queries() -> None:
    assert len(QUERIES) == 20


@pytest.mark.parametrize("text", QUERIES, ids=[re.sub(r"\W+", " ", q)[:40] for q in QUERIES])
def test_a_documented_query_runs(store: Store, text: str) -> None:
    result = store.sql(text)
    assert result.columns
    assert len(result) > 0 or "'running', 'lost'" in text


@pytest.mark.parametrize(
    "text",
    ["FROM runs", "WITH a AS (SELECT 1) FROM a", "DESCRIBE runs", "SHOW TABLES", "SUMMARIZE runs", "VALUES (1)",
     "SELECT 1;", "-- comment\nSELECT 1", "EXPLAIN SELECT 1"],
)  # fmt: skip
def test_what_reads_is_allowed(store: Store, text: str) -> None:
    assert len(store.sql(text)) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO run (run_idx) VALUES (1)", "UPDATE run SET name = 'x'", "DELETE FROM run", "DROP VIEW runs",
        "CREATE TABLE t (a INT)", "CREATE TEMP TABLE t AS SELECT 1", "ALTER TABLE run ADD COLUMN x INT",
        "COPY runs TO '/tmp/stolen.csv'", "COPY run FROM '/etc/passwd'", "ATTACH '/tmp/x.duckdb'", "DETACH tracker",
        "INSTALL httpfs", "LOAD httpfs", "SET threads = 1", "RESET threads", "PRAGMA threads=1", "CHECKPOINT",
        "EXPORT DATABASE '/tmp/x'", "BEGIN", "VACUUM", "SELECT 1; SELECT 2", "SELECT 1; DROP VIEW runs", "",
        "CALL pragma_version()", "EXPLAIN ANALYZE DELETE FROM run", "PREPARE p AS DELETE FROM run", "USE memory",
        "WITH x AS (SELECT 1) DELETE FROM run",
        "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM glob('/*')",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM 'https://example.org/x.parquet'",
        "SELECT * FROM sqlite_scan('/tmp/x', 't')", "SELECT getenv('HOME')",
    ],
)  # fmt: skip
def test_what_does_not_only_read_is_refused(store: Store, text: str) -> None:
    with store.reading() as con:
        before = dump(con)
    with pytest.raises(Invalid) as refused:
        store.sql(text)
    assert refused.value.hint
    with store.reading() as con:
        assert dump(con) == before
    assert not Path("/tmp/stolen.csv").exists()


def test_python_variables_are_out_of_reach(store: Store) -> None:
    secret = {"a": [1]}
    with pytest.raises(Invalid, match="secret"):
        store.sql("SELECT * FROM secret")
    assert secret


def test_a_mistake_is_shown_where_it_is(store: Store) -> None:
    with pytest.raises(Invalid, match=r"(?s)nam.*LINE 1.*\^"):
        store.sql("SELECT nam FROM runs")
    with pytest.raises(Invalid, match="syntax error"):
        store.sql("SELEC 1")


def test_parameters_are_bound(store: Store) -> None:
    assert store.sql("SELECT name FROM runs WHERE name = ?", ["second"]).rows == [("second",)]
    assert store.sql("SELECT name FROM runs WHERE name = $n", {"n": "x' OR 1=1 --"}).rows == []
    with pytest.raises(Invalid):
        store.sql("SELECT ?")


def test_rows_are_limited(store: Store) -> None:
    result = store.sql("SELECT * FROM range(1000)", limit=10)
    assert (len(result), result.truncated) == (10, True)
    assert not store.sql("SELECT * FROM range(10)", limit=10).truncated


def test_time_is_limited(store: Store) -> None:
    began = time.perf_counter()
    with pytest.raises(Invalid, match=r"longer than 0\.3 s"):
        store.sql("SELECT sum(a.range * b.range) FROM range(10000000) a, range(100000) b", timeout=0.3)
    assert time.perf_counter() - began < 5
    assert store.sql("SELECT 1").scalar() == 1


def test_within_a_reading(store: Store) -> None:
    with store.reading(), pytest.raises(TrackerError, match="reading"):
        store.sql("SELECT 1")
