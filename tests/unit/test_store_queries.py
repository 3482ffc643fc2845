"""Named queries: typed in, typed out, and right."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from handmade import EPOCH, Hand

from jupyter_tracker.catalog import Catalog
from jupyter_tracker.errors import Invalid, NotFound
from jupyter_tracker.queries import QUERIES, dispatch
from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

RUNS = [f"0197{n:028x}" for n in range(4)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = Root.create(tmp_path_factory.mktemp("queries"))
    experiment = Catalog(root).create_experiment("churn", {"team": "a"}, "notes").experiment_id
    for number, run_id in enumerate(RUNS):
        hand = Hand(root, run_id, clock=EPOCH + number * 10_000_000)
        parent = RUNS[0] if number == 3 else None
        hand.start(
            name=f"run {number}",
            experiment_id=experiment,
            lineage="cell" if number < 2 else None,
            parent=parent,
        )
        hand.add("params", values={"lr": 0.1 * number, "same": 1}, origin={"lr": "cell 3"})
        hand.add("params", values={"lr": 0.2 * number})
        hand.add("tags", values={"who": "ann", "n": str(number)})
        for step in range(10):
            hand.metrics(step, loss=10 - step + number, acc=step if step != 5 else "NaN")
        hand.metrics(10, big="9007199254740993")
        hand.add(
            "capture", section="git", value={"commit": "abc", "branch": "main", "dirty": True, "diff": "+x"}
        )
        hand.add("artifact", path="a/model.bin", size=7, sha256="00", mime="x/y")
        hand.add("input", name="train", digest="d1")
        error = {"type": "ValueError", "message": "no", "traceback": "Traceback…"} if number == 2 else None
        hand.add("end", outcome="failed" if error else "finished", duration=1.5, error=error)
    return Store(root)


PARAMS: dict[str, dict[str, object]] = {
    "runs.page": {
        "filter": "",
        "limit": 2,
        "columns": [{"kind": "metric", "key": "loss", "aggregate": "best"}],
    },
    "runs.count": {},
    "run.attempts": {"run_id": RUNS[0]},
    "run.standing": {"run_id": RUNS[1]},
    "runs.differing": {"run_ids": RUNS[:2]},
    "experiment.best": {"experiment_id": "?"},
    "experiments.list": {},
    "metrics.keys": {},
    "params.keys": {},
    "tags.keys": {},
    "errors.list": {},
    "run.curve": {"run_id": RUNS[0], "key": "loss"},
    "runs.curves": {"run_ids": RUNS, "keys": ["loss", "acc"]},
    "run.detail": {"run_id": RUNS[2]},
    "run.params_history": {"run_id": RUNS[1]},
}


def ask(store: Store, name: str, **params: object) -> list[dict[str, object]]:
    if name == "experiment.best":
        params["experiment_id"] = dispatch(store, "experiments.list")[0]["experiment_id"]
    return dispatch(store, name, params)


def test_every_query_is_tried_here() -> None:
    assert set(PARAMS) == set(QUERIES)
    assert all(query.doc.endswith((".", ".")) for query in QUERIES.values())


@pytest.mark.parametrize("name", PARAMS)
def test_rows_are_what_the_query_says(store: Store, name: str) -> None:
    rows = ask(store, name, **PARAMS[name])
    assert rows or name == "errors.list"
    json.dumps(rows, allow_nan=False)
    msgspec.convert(rows, list[QUERIES[name].row], strict=True)  # type: ignore[name-defined]


def test_wrong_questions(store: Store) -> None:
    with pytest.raises(NotFound, match=r"(?s)no query named 'runs\.pages'.*runs\.page"):
        dispatch(store, "runs.pages")
    with pytest.raises(Invalid, match="limit"):
        dispatch(store, "runs.page", {"limit": "many"})
    with pytest.raises(Invalid, match="it takes run_id, key"):
        dispatch(store, "run.curve", {"run": "x"})
    with pytest.raises(NotFound, match="no run"):
        dispatch(store, "run.detail", {"run_id": "f" * 32})


def test_a_page_has_the_columns_asked_for(store: Store) -> None:
    columns = [
        *(
            {"kind": "metric", "key": "loss", "aggregate": a}
            for a in ("last", "min", "max", "first", "best", "mean")
        ),
        {"kind": "metric", "key": "acc"},
        {"kind": "param", "key": "lr"},
        {"kind": "tag", "key": "n"},
        {"kind": "param", "key": "nowhere"},
    ]
    (page,) = dispatch(store, "runs.page", {"order_by": ["start_time ASC"], "columns": columns})
    second = page["runs"][1]
    assert second["name"] == "run 1"
    assert second["values"] == [2.0, 2.0, 11.0, 11.0, 2.0, 6.5, 9.0, "0.2", "1", None]
    assert (second["experiment"], second["status"], second["start_time"]) == (
        "churn",
        "finished",
        EPOCH + 10_002_000,
    )


def test_pages_follow_each_other(store: Store) -> None:
    (first,) = dispatch(store, "runs.page", {"limit": 3, "order_by": ["metrics.loss DESC"]})
    (second,) = dispatch(
        store,
        "runs.page",
        {"limit": 3, "order_by": ["metrics.loss DESC"], "page_token": first["next_page_token"]},
    )
    assert [r["run_id"] for r in first["runs"] + second["runs"]] == RUNS[::-1]
    assert second["next_page_token"] is None


def test_count_with_a_filter(store: Store) -> None:
    assert dispatch(store, "runs.count", {"filter": "metrics.loss < 3"}) == [{"count": 2}]
    assert dispatch(store, "runs.count", {"filter": "params.same = 1 and tags.n = '3'"}) == [{"count": 1}]
    assert dispatch(store, "runs.count", {"experiment_ids": ["none"]}) == [{"count": 0}]


def test_detail(store: Store) -> None:
    (run,) = dispatch(store, "run.detail", {"run_id": RUNS[2]})
    assert {p["key"]: (p["value"], p["type"], p["origin"]) for p in run["params"]} == {
        "lr": ("0.4", "float", None),
        "same": ("1", "int", None),
    }
    assert run["captures"]["git"]["diff"] == "+x"
    assert run["traceback"] == "Traceback…"
    assert run["run"]["error_type"] == "ValueError"
    assert run["inputs"] == [{"name": "train", "digest": "d1"}]
    assert [a["path"] for a in run["artifacts"]] == ["a/model.bin"]
    assert run["tags"] == {"n": "2", "who": "ann"}
    (parent,) = dispatch(store, "run.detail", {"run_id": RUNS[0]})
    assert (parent["children"], parent["traceback"]) == ([RUNS[3]], None)


def test_history_attempts_differences_and_the_best(store: Store) -> None:
    history = dispatch(store, "run.params_history", {"run_id": RUNS[1], "key": "lr"})
    assert [(h["value"], h["origin"]) for h in history] == [(0.1, "cell 3"), (0.2, None)]
    assert [r["run_id"] for r in dispatch(store, "run.attempts", {"run_id": RUNS[1]})] == RUNS[:2]
    assert [r["run_id"] for r in dispatch(store, "run.attempts", {"run_id": RUNS[2]})] == [RUNS[2]]
    differing = dispatch(store, "runs.differing", {"run_ids": RUNS[:3]})
    assert [(d["kind"], d["key"], d["values"]) for d in differing] == [
        ("param", "lr", ["0.0", "0.2", "0.4"]),
        ("tag", "n", ["0", "1", "2"]),
    ]
    best = {row["key"]: row for row in ask(store, "experiment.best")}
    assert (best["loss"]["run_id"], best["loss"]["value"], best["loss"]["step"]) == (RUNS[0], 1.0, 9)
    assert (best["acc"]["value"], best["acc"]["runs"]) == (9.0, 4)


def test_keys(store: Store) -> None:
    metrics = {row["key"]: row for row in dispatch(store, "metrics.keys")}
    assert (metrics["loss"]["direction"], metrics["loss"]["runs"], metrics["loss"]["points"]) == (
        "min",
        4,
        40,
    )
    params = {row["key"]: row for row in dispatch(store, "params.keys")}
    assert (params["lr"]["types"], params["lr"]["numeric"], params["lr"]["values"]) == (["float"], True, 4)
    assert [row["key"] for row in dispatch(store, "tags.keys")] == ["n", "who"]
    assert dispatch(store, "metrics.keys", {"experiment_ids": ["none"]}) == []


def test_a_short_curve_is_whole(store: Store) -> None:
    points = dispatch(store, "run.curve", {"run_id": RUNS[0], "key": "acc"})
    assert [p["value"] for p in points] == [0, 1, 2, 3, 4, "NaN", 6, 7, 8, 9]
    assert dispatch(store, "run.curve", {"run_id": RUNS[0], "key": "big"})[0]["exact"] == "9007199254740993"
    some = dispatch(store, "run.curve", {"run_id": RUNS[0], "key": "acc", "low": 3, "high": 4})
    assert [p["step"] for p in some] == [3, 4]


def test_a_long_curve_keeps_its_peaks(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = Root.create(tmp_path_factory.mktemp("long"))
    hand = Hand(root)
    values = [math.sin(n / 300) for n in range(5000)]
    values[1234], values[4321], values[2500] = 50.0, -50.0, math.nan
    for step, value in enumerate(values):
        hand.metrics(step, m="NaN" if math.isnan(value) else value)
    points = dispatch(Store(root), "run.curve", {"run_id": hand.run_id, "key": "m", "buckets": 100})
    assert 100 <= len(points) <= 201
    shown = {p["step"]: p["value"] for p in points}
    assert (shown[1234], shown[4321], shown[2500]) == (50.0, -50.0, "NaN")
    assert list(shown) == sorted(shown)
    for low in range(0, 5000, 50):
        bucket = [v for v in values[low : low + 50] if math.isfinite(v)]
        assert {min(bucket), max(bucket)} <= set(shown.values())
    by_time = dispatch(
        Store(root), "run.curve", {"run_id": hand.run_id, "key": "m", "buckets": 100, "axis": "time"}
    )
    assert len(by_time) <= 201


def test_standing_compares_with_the_attempt_before_and_the_best_of_the_others(store: Store) -> None:
    (found,) = ask(store, "run.standing", run_id=RUNS[1])
    assert (found["attempt"], found["previous_run_id"]) == (2, RUNS[0])
    assert found["previous"]["loss"] == 1.0
    assert found["best"]["loss"] == {"value": 1.0, "name": "run 0"}
    assert found["directions"]["acc"] == "max"
    (first,) = ask(store, "run.standing", run_id=RUNS[0])
    assert (first["attempt"], first["previous"]) == (2, {"loss": 2.0, "acc": 9.0, "big": 9007199254740992.0})
