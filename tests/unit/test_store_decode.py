"""Chunks of journal lines: all sound, mixed, damaged."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from handmade import EPOCH, line, metrics
from hypothesis import given
from hypothesis import strategies as st

from jupyter_tracker.store.decode import Chunk, Seen
from jupyter_tracker.store.decode import decode as decode_seen

SOUND = b"".join(metrics(n, n, loss=n / 7) for n in range(1, 101))
MIXED = b"".join(
    line(n, "heartbeat")
    if n % 10 == 0
    else line(n, "note", text=f"n{n}")
    if n % 17 == 0
    else metrics(n, n, a=n, b=-n)
    for n in range(1, 101)
)


def decode(data: bytes, offset: int, newest: int) -> Chunk:
    return decode_seen(data, offset, Seen([[1, newest]]))


def said(chunk: Chunk) -> dict[str, object]:
    facts = [(f.seq, f.time, f.kind, f.body) for f in chunk.facts]
    points = list(zip(chunk.seq, chunk.time, chunk.step, chunk.key, map(repr, chunk.value), strict=True))
    return {
        "facts": facts,
        "points": points,
        "exact": chunk.exact,
        "last": chunk.last_time,
        "events": chunk.events,
    }


def test_sound_metrics_become_columns() -> None:
    seen = Seen()
    chunk = decode_seen(SOUND, 0, seen)
    assert (seen.ranges, chunk.events, chunk.bad, chunk.facts) == ([[1, 100]], 100, [], [])
    assert list(chunk.step) == list(range(1, 101))
    assert list(chunk.value) == [n / 7 for n in range(1, 101)]
    assert chunk.last_time == EPOCH + 100_000


def test_a_line_with_several_metrics_is_several_points_of_one_number() -> None:
    chunk = decode(metrics(1, 5, a=1, b=2) + metrics(2, 6, a=3, b=4), 0, 0)
    assert list(zip(chunk.seq, chunk.step, chunk.key, chunk.value, strict=True)) == [
        (1, 5, "a", 1.0), (1, 5, "b", 2.0), (2, 6, "a", 3.0), (2, 6, "b", 4.0),
    ]  # fmt: skip


def test_strings_become_the_numbers_they_stand_for() -> None:
    chunk = decode(metrics(1, 0, a="NaN", b="Infinity", c="-Infinity", d="9007199254740993", e=0.5), 0, 0)
    assert math.isnan(chunk.value[0])
    assert list(chunk.value[1:]) == [math.inf, -math.inf, 9007199254740992.0, 0.5]
    assert chunk.exact == {3: "9007199254740993"}


@pytest.mark.parametrize("data", [SOUND, MIXED], ids=["metrics", "mixed"])
def test_where_a_chunk_is_cut_makes_no_difference(data: bytes) -> None:
    whole = said(decode(data, 0, 0))
    lines = data.splitlines(keepends=True)
    for cut in range(1, len(lines)):
        first, second = b"".join(lines[:cut]), b"".join(lines[cut:])
        seen = Seen()
        one = decode_seen(first, 0, seen)
        two = decode_seen(second, len(first), seen)
        assert seen.ranges == [[1, 100]]
        assert said(one)["facts"] + said(two)["facts"] == whole["facts"]  # type: ignore[operator]
        assert said(one)["points"] + said(two)["points"] == whole["points"]  # type: ignore[operator]
        assert not one.bad and not two.bad


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"\n", "checksum"),
        (b"not json at all\n", "checksum"),
        (b'{"seq":2,"time":1,"kind":"note","text":"x","crc":"00000000"}\n', "checksum"),
        (b"\xff\xfe\x00\n", "checksum"),
        (line(2, "metrics", step="three", values={"a": 1}), "step"),
        (line(2, "metrics", step=2**70, values={"a": 1}), ""),
        (line(2, "metrics", step=1, values={"a": "many"}), "invalid literal"),
        (line(2, "metrics", step=1, values={"a": None}), "null"),
        (line(2, "metrics", step=1, values=[1, 2]), "object"),
        (line(2, "metrics", 10**18, step=1, values={"a": 1}), "time out of range"),
        (line(2, "note", -5, text="before 1970"), "not an event line"),
        (line(2, "note", 10**18 - 1, text="after 9999"), "time out of range"),
        (line(2, "tags", values={"a": 1}), "str"),
        (line(2, "direction", values={"a": "up"}), "enum"),
        (line(2, "capture", section="source", value={"execution_count": "one"}), "int"),
        (line(2, "note", text="\ud800"), ""),
    ],
)
def test_a_bad_line_costs_only_itself(bad: bytes, reason: str) -> None:
    first, after = metrics(1, 1, a=1), metrics(3, 3, a=3) + line(4, "note", text="fine")
    chunk = decode(first + bad + after, 50, 0)
    assert list(chunk.step) == [1, 3]
    assert [f.body for f in chunk.facts] == ['{"text":"fine"}']
    (found,) = chunk.bad
    assert (found.offset, found.length) == (50 + len(first), len(bad))
    assert reason in found.reason


def test_missing_numbers_leave_a_hole() -> None:
    seen = Seen()
    chunk = decode_seen(metrics(1, 1, a=1) + metrics(5, 5, a=5) + metrics(6, 6, a=6), 0, seen)
    assert seen.ranges == [[1, 1], [5, 6]]
    assert list(chunk.step) == [1, 5, 6]


def test_repeated_lines_are_passed_over_and_late_ones_taken() -> None:
    """A writer that moved to a new file: its header has the next number, then come the old lines again."""
    seen = Seen()
    decode_seen(SOUND[: SOUND.index(b'{"seq":41,')], 0, seen)
    chunk = decode_seen(line(101, "header", run="r", writer="w") + SOUND + metrics(102, 102, loss=1), 0, seen)
    assert list(chunk.step) == [*range(41, 101), 102]
    assert seen.ranges == [[1, 102]]
    assert chunk.bad == []


@given(st.lists(st.integers(1, 30)))
def test_seen_knows_exactly_what_was_taken(numbers: list[int]) -> None:
    seen, taken = Seen(), set()
    for number in numbers:
        assert seen.take(number) == (number not in taken)
        taken.add(number)
    assert {n for low, high in seen.ranges for n in range(low, high + 1)} == taken
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(seen.ranges))


@given(st.integers(0, len(MIXED) * 8 - 1))
def test_a_flipped_bit_is_never_silently_wrong(bit: int) -> None:
    data = bytearray(MIXED)
    data[bit // 8] ^= 1 << (bit % 8)
    chunk = decode(bytes(data[: data.rfind(b"\n") + 1]), 0, 0)
    sound = said(decode(MIXED, 0, 0))
    assert set(said(chunk)["points"]) <= set(sound["points"])  # type: ignore[call-overload]
    assert set(said(chunk)["facts"]) <= set(sound["facts"])  # type: ignore[call-overload]
    lost = 100 - chunk.events
    assert lost <= 2
    assert bool(chunk.bad) == bool(lost) or data.count(b"\n") < 100


def test_many_damages_at_once() -> None:
    rng = random.Random(7)
    sound = set(said(decode(MIXED, 0, 0))["points"])  # type: ignore[call-overload]
    for _ in range(300):
        data = bytearray(MIXED)
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        chunk = decode(bytes(data[: data.rfind(b"\n") + 1]), 0, 0)
        assert set(said(chunk)["points"]) <= sound  # type: ignore[call-overload]
