"""Is this value one number? Values of the libraries that are installed, and of classes made to deceive."""

from __future__ import annotations

import enum
import math
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from naming import case

from jupyter_tracker.capture.numbers import defines, number, shape_of, type_name


class Level(enum.IntEnum):
    HIGH = 3


class Grade(float):
    def __float__(self) -> float:
        raise RuntimeError


class Tensor:
    """A 0-d tensor as torch and jax make them: a shape, `item()`, and a `__float__` of its own."""

    def __init__(self, value: object, shape: tuple[int, ...] = ()) -> None:
        self._value, self._shape = value, shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    def item(self) -> object:
        return self._value

    def __float__(self) -> float:
        raise RuntimeError("item() is enough")


class Eager:
    """A 0-d tensor as tensorflow makes them: no `item()`."""

    shape = ()

    def __float__(self) -> float:
        return 0.5


class Lazy:
    """A dask value: its number does not exist yet."""

    shape = ()

    def __dask_graph__(self) -> None:
        raise AssertionError

    def __float__(self) -> float:
        raise AssertionError("computed")


class Index:
    def __index__(self) -> int:
        return 4


class Raises:
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (0.5, 0.5),
        (2**70, 2**70),
        (Level.HIGH, 3),
        (Grade(2.5), 2.5),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.longdouble(2), 2.0),
        (np.array(3), 3),
        (np.array(0.5, dtype=object), 0.5),
        (pd.Series([1, 2]).sum(), 3),
        (pd.Series([1.0, 2.0]).mean(), 1.5),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (Tensor(0.25), 0.25),
        (Tensor(7), 7),
        (Eager(), 0.5),
        (Index(), 4.0),
        (math.inf, math.inf),
    ],
)
def test_numbers(value: object, expected: float) -> None:
    found = number(value)
    assert found == expected
    assert type(found) in (int, float)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "3",
        b"3",
        1j,
        np.complex64(1),
        [1],
        (1,),
        {1},
        {},
        np.array([1.0]),
        np.array([[1.0]]),
        np.zeros(0),
        np.array("a"),
        np.array(None),
        np.array(1 + 2j),
        np.str_("3"),
        np.datetime64("2020-01-01", "ns"),
        np.timedelta64(3, "ns"),
        np.timedelta64(3, "D"),
        pd.NA,
        pd.NaT,
        pd.Timestamp("2020-01-01"),
        pd.Timedelta(days=1),
        pd.Series([1.0]),
        pd.DataFrame({"a": [1.0]}),
        pd.Index([1]),
        datetime(2020, 1, 1),
        timedelta(1),
        range(3),
        len,
        int,
        math,
        Tensor(0.5, (1,)),
        Tensor("a"),
        Tensor(None),
        Lazy(),
        object(),
        Raises(ValueError),
        Raises(RecursionError),
        Raises(SystemExit),
        Raises(GeneratorExit),
    ],
    ids=case,
)
def test_not_numbers(value: object) -> None:
    assert number(value) is None
    assert number(value, flags=True) is None


def test_nan_is_a_number() -> None:
    found = number(np.float32("nan"))
    assert found is not None
    assert math.isnan(found)


@pytest.mark.parametrize("value", [True, np.bool_(True), np.array(True), Tensor(True)], ids=case)
def test_flags_count_only_when_asked_for(value: object) -> None:
    assert number(value) is None
    assert number(value, flags=True) == 1
    assert type(number(value, flags=True)) is int


def test_an_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        number(Raises(KeyboardInterrupt))


@pytest.mark.parametrize(
    ("value", "name", "shape"),
    [
        (1, "int", None),
        ("abc", "str", None),
        ([1, 2], "list", (2,)),
        ({"a": 1}, "dict", (1,)),
        ({1}, "set", (1,)),
        (np.zeros((2, 3)), "numpy.ndarray", (2, 3)),
        (np.float32(1), "numpy.float32", ()),
        (pd.DataFrame({"a": [1]}), "pandas.DataFrame", (1, 1)),
        (Decimal(1), "decimal.Decimal", None),
        (len, "builtin_function_or_method", None),
    ],
)
def test_type_and_shape(value: object, name: str, shape: tuple[int, ...] | None) -> None:
    assert (type_name(value), shape_of(value)) == (name, shape)


def test_shapes_that_are_none() -> None:
    class Odd:
        shape = property(lambda self: 1 / 0)

    class Unknown:
        shape = (None, 3)

    class Endless:
        shape = 5

    assert [shape_of(made()) for made in (Odd, Unknown, Endless)] == [None, None, None]


def test_class_is_read_without_asking_it() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> object:
            raise RuntimeError(name)

    class Quiet(metaclass=Meta):
        __module__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

        def __float__(self) -> float:
            return 1.5

    assert type_name(Quiet()).endswith("Quiet")
    assert defines(Quiet, "__float__")
    assert number(Quiet()) == 1.5
