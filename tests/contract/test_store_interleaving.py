"""Whatever is taken in when, the store says the same as one grown from nothing."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from handmade import EPOCH, Hand, dump, grows_back
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_tracker.roots import Root
from jupyter_tracker.store import Store

RUNS = [f"0197{n:028x}" for n in range(2)]
WRITERS = ["0a" * 8, "0b" * 8, "0c" * 8]

keys = st.sampled_from(["loss", "acc", "weird key.with/dots", "ü"])
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "9007199254740993"]),
    st.integers(-5, 5),
)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
times = st.integers(EPOCH, EPOCH + 5)  # so narrow that ties decide

events = st.one_of(
    st.tuples(st.just("metrics"), times, st.fixed_dictionaries(
        {"step": st.integers(-2, 6), "values": st.dictionaries(keys, numbers, max_size=3)})),
    st.tuples(st.just("params"), times, st.fixed_dictionaries(
        {"values": st.dictionaries(texts, st.one_of(texts, st.integers(), st.none(), st.booleans()), max_size=3)})),
    st.tuples(st.just("tags"), times, st.fixed_dictionaries(
        {"values": st.dictionaries(texts, st.one_of(st.none(), texts), max_size=3)})),
    st.tuples(st.just("start"), times, st.fixed_dictionaries(
        {"experiment_id": st.sampled_from(["e1", "e2"]), "name": texts, "resumed": st.booleans()})),
    st.tuples(st.just("end"), times, st.fixed_dictionaries(
        {"outcome": st.sampled_from(["finished", "failed"]), "duration": st.floats(0, 9)})),
    st.tuples(st.just("name"), times, st.fixed_dictionaries({"name": texts})),
    st.tuples(st.just("note"), times, st.fixed_dictionaries({"text": texts})),
    st.tuples(st.just("lifecycle"), times, st.fixed_dictionaries({"deleted": st.booleans()})),
    st.tuples(st.just("direction"), times, st.fixed_dictionaries(
        {"values": st.dictionaries(keys, st.sampled_from(["min", "max"]), max_size=2)})),
    st.tuples(st.just("artifact"), times, st.fixed_dictionaries(
        {"path": st.sampled_from(["a", "b"]), "size": st.integers(0, 2**40), "sha256": texts})),
    st.tuples(st.just("capture"), times, st.fixed_dictionaries(
        {"section": st.just("git"), "value": st.fixed_dictionaries({"commit": texts, "dirty": st.booleans()})})),
    st.tuples(st.just("of tomorrow"), times, st.fixed_dictionaries({"anything": texts})),
    st.tuples(st.just("rotate"), times, st.just({})),
    st.tuples(st.just("torn"), times, st.just({})),
    st.tuples(st.just("ingest"), times, st.just({})),
)  # fmt: skip
places = st.tuples(st.sampled_from(RUNS), st.sampled_from(WRITERS))


@given(st.lists(st.tuples(places, events), max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_interleaving_equals_a_rebuild(
    script: list[tuple[tuple[str, str], tuple[str, int, Any]]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Root.create(Path(directory))
        store = Store(root)
        hands: dict[tuple[str, str], Hand] = {}
        for place, (kind, time, fields) in script:
            if kind == "ingest":
                assert store.ingest(wait=True).trouble == ""
                continue
            hand = hands.get(place) or hands.setdefault(place, Hand(root, *place))
            match kind:
                case "rotate":
                    hand.rotate()
                case "torn":
                    hand.raw(b'{"seq":1,"ti\n')
                case _:
                    hand.add(kind, time, **fields)
        grows_back(store)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(), st.integers(0, 5)), min_size=1, max_size=60), st.data()
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_summaries_are_those_of_the_points(logged: list[tuple[int, float, int]], data: st.DataObject) -> None:
    """Summaries kept up over any number of ingests equal those computed from all points at once."""
    with tempfile.TemporaryDirectory() as directory:
        root = Root.create(Path(directory))
        store = Store(root)
        hands: dict[int, Hand] = {}
        for writer, value, step in logged:
            hand = hands.get(writer) or hands.setdefault(writer, Hand(root, RUNS[0], WRITERS[writer]))
            shown = (
                value
                if math.isfinite(value)
                else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
            )
            hand.metrics(step, EPOCH + step % 2, m=shown)
            if data.draw(st.booleans()):
                store.ingest(wait=True)
        with store.reading() as con:
            row = con.execute(
                'SELECT count, nonfinite, min, min_step, max, max_step, "last" FROM metric_summary'
            ).fetchone()
        finite = [(value, step) for _, value, step in logged if math.isfinite(value)]
        low = min(finite, default=(None, None))
        high = min(((-v, s) for v, s in finite), default=(None, None))
        last = max((step, step % 2, math.isnan(value), value) for _, value, step in logged)
        expected = (
            len(logged), len(logged) - len(finite), *low, None if high[0] is None else -high[0], high[1], last[3],
        )  # fmt: skip
        assert repr(row).replace("-0.0", "0.0") == repr(expected).replace("-0.0", "0.0")


def test_the_total_does_not_depend_on_when_points_came(tmp_path: Path) -> None:
    """0.1 added up one by one in any number of ingests gives the very same bits as in one go."""
    root = Root.create(tmp_path)
    store = Store(root)
    hand = Hand(root)
    for step in range(50):
        hand.metrics(step, m=0.1 * 10 ** (step % 17))
        if step % 3 == 0:
            store.ingest(wait=True)
    with store.reading() as con:
        live = dump(con)["metric_summary"]
    assert live == grows_back(store)["metric_summary"]
