from __future__ import annotations

import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from naming import case

from jupyter_tracker.errors import Invalid
from jupyter_tracker.values import metric_number, param


class Colour(str, Enum):
    RED = "red"


class Tensor:
    """Behaves like a 0-d tensor of a library that is not installed."""

    shape = ()

    def item(self) -> float:
        return 0.25


NUMBERS: list[tuple[Any, str]] = [
    (1, "1"),
    (1.5, "1.5"),
    (True, "1"),
    (np.float32(0.5), "0.5"),
    (np.float64(0.1), "0.1"),
    (np.int64(7), "7"),
    (np.uint64(2**63), '"9223372036854775808"'),
    (np.bool_(True), "1"),
    (np.array(2.5), "2.5"),
    (np.float16("nan"), '"NaN"'),
    (np.longdouble(0.5), "0.5"),
    (Decimal("0.25"), "0.25"),
    (Fraction(1, 4), "0.25"),
    (pd.Series([1.0, 3.0]).mean(), "2.0"),
    (Tensor(), "0.25"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS, ids=case)
def test_what_is_a_number_is_a_metric(value: Any, text: str) -> None:
    assert metric_number("m", value) == text


@pytest.mark.parametrize(
    "value",
    ["0.5", None, 1j, [1], {}, np.array([1.0, 2.0]), pd.Series([1.0]), b"1", object(), np.datetime64(1, "s")],
    ids=case,
)
def test_what_is_no_number_is_refused_with_key_type_and_cure(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        metric_number("accuracy", value)
    assert "'accuracy'" in raised.value.message
    assert type(value).__name__ in raised.value.message
    assert raised.value.hint


PARAMS: list[tuple[Any, Any, str | None]] = [
    (1, 1, None),
    (0.1, 0.1, None),
    ("x", "x", None),
    (True, True, None),
    (None, None, None),
    (float("nan"), "NaN", "float"),
    (2**70, str(2**70), "int"),
    ([1, "a", None], [1, "a", None], None),
    ({"a": {"b": 1}}, {"a": {"b": 1}}, None),
    ((1, 2), [1, 2], "tuple"),
    ({3, 1}, [1, 3], "set"),
    (np.float32(0.5), 0.5, None),
    (np.arange(3), [0, 1, 2], "array"),
    (datetime.date(2026, 1, 2), "2026-01-02", "datetime"),
    (Decimal("1.10"), "1.10", "decimal"),
    (Colour.RED, "red", "enum"),
    (Path("/a/b"), repr(Path("/a/b")), "repr"),
    (np.mean, "mean", "name"),
    (Tensor, "Tensor", "name"),
    ([float("inf")], ["Infinity"], None),
    ("\ud800", "\ufffd\ufffd\ufffd", None),
]


@pytest.mark.parametrize(("value", "shown", "kind"), PARAMS, ids=case)
def test_params_keep_value_and_type(value: Any, shown: Any, kind: str | None) -> None:
    assert param(value) == (shown, kind)


def test_a_cycle_and_too_deep_a_value_are_marked() -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    assert param(cycle)[0] == [1, "<cycle>"]
    deep: Any = 0
    for _ in range(500):
        deep = [deep]
    assert "<too deep>" in str(param(deep)[0])


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = [1]
    assert param([shared, shared])[0] == [[1], [1]]
