"""Fifty processes at once: creation, logging and ingest race, and nothing is lost, doubled or slow."""

from __future__ import annotations

from pathlib import Path

from handmade import grows_back
from nursery import ask

from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store


def test_fifty_processes_elect_one(tmp_path: Path) -> None:
    said = ask("crowd", tmp_path / "root", 50, 200)
    assert isinstance(said, dict)
    assert said["statuses"] == [0] * 50
    losers = [child for child in said["children"] if not child["elected"]]
    assert losers, "nobody had to leave"
    slowest = max(child["all"] - child["logged"] for child in losers)
    print(f"{len(losers)} left; the slowest of them took {slowest * 1000:.0f} ms over it")
    store = Store(Root.open(tmp_path / "root"))
    with store.reading() as con:
        assert con.execute("SELECT count(*), count(DISTINCT (run_id, step)) FROM metrics").fetchone() == (
            10_000,
            10_000,
        )
        assert con.execute("SELECT count(*) FROM runs").fetchone() == (50,)
        assert con.execute("SELECT count(*) FROM errors").fetchone() == (0,)
    grows_back(store)
