from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_tracker.errors import Corrupt
from jupyter_tracker.events import check, decode, encode, key, metrics_body, number, numbered

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    st.integers(1, 2**40),
    st.integers(0, 2**52),
    st.text(min_size=1),
    st.dictionaries(st.text(min_size=4), JSON),
)
def test_an_event_comes_back_as_it_went(seq: int, time: int, kind: str, fields: dict[str, object]) -> None:
    fields = {name: value for name, value in fields.items() if name not in ("time", "kind")}
    line = encode(seq, time, kind, fields)
    assert line.count(b"\n") == 1
    assert line.isascii()
    event = decode(line)
    assert (event.seq, event.time, event.kind, event.fields) == (seq, time, kind, fields)


@given(st.text(min_size=1), st.floats() | st.integers(-(10**400), 10**400))
def test_a_metric_comes_back_as_it_went(name: str, value: float) -> None:
    event = decode(numbered(1, metrics_body(2, 3, {key(name): number(value)})))
    (stored,) = event.fields["values"].values()
    back = type(value)(stored)
    assert back == value or (math.isnan(value) and math.isnan(back))


@given(st.data())
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    line = encode(7, 8, "params", {"values": {"lr": 0.1, "name": "é"}})
    place = data.draw(st.integers(0, len(line) * 8 - 1))
    damaged = bytearray(line)
    damaged[place // 8] ^= 1 << place % 8
    assert not check(bytes(damaged))
    with pytest.raises(Corrupt):
        decode(bytes(damaged))


def test_every_prefix_of_a_line_is_refused() -> None:
    line = encode(7, 8, "note", {"text": "x" * 50})
    assert not any(check(line[:end]) for end in range(len(line)))


def test_the_line_is_plain_json_with_the_crc_last() -> None:
    document = json.loads(encode(1, 2, "seal", {}))
    assert list(document) == ["seq", "time", "kind", "crc"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (float("nan"), '"NaN"'),
        (float("inf"), '"Infinity"'),
        (float("-inf"), '"-Infinity"'),
        (-0.0, "-0.0"),
        (5e-324, "5e-324"),
        (2**53, "9007199254740992"),
        (2**53 + 1, '"9007199254740993"'),
    ],
)
def test_numbers_are_written_exactly(value: float, text: str) -> None:
    assert number(value) == text


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert json.loads(key("a\ud800b")) in ("a\ufffdb", "a\ufffd\ufffd\ufffdb")
