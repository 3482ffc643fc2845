"""Is this value one number?

Decides by duck typing, so that numpy, torch, jax, tensorflow, cupy and pandas need not be installed, and
never by `isinstance`, which asks the value's own `__class__`. What the value's class may answer (`item`,
`__float__`, `shape`) is the code of somebody else: whatever it raises is contained and means "not a
number".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

Number = int | float

_MRO: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_NAMESPACE: Callable[[type], Mapping[str, object]] = type.__dict__["__dict__"].__get__
_MODULE: Callable[[type], object] = type.__dict__["__module__"].__get__
_QUALNAME: Callable[[type], str] = type.__dict__["__qualname__"].__get__

_TEXT = (str, bytes, bytearray)
_SIZED = (list, tuple, dict, set, frozenset)
_LAZY = frozenset({"__dask_graph__", "_jdf", "_jc"})
"""Marks of values whose number does not exist yet: asking dask or Spark for it would start the computation.
"""


def defines(cls: type, attribute: str) -> bool:
    """Whether the class or a base of it defines the attribute, without running any code of the class."""
    return any(attribute in _NAMESPACE(base) for base in _MRO(cls))


def number(value: object, *, flags: bool = False) -> Number | None:
    """The value as a Python int or float if it is one number, else None. Never raises.

    One number is: an int or float (or a subclass), a numpy or pandas scalar, a 0-d array or tensor of
    numbers, anything else without a shape whose class defines `__float__` or `__index__` (Decimal,
    Fraction). Integers stay exact. An array with one element is no number, nor are complex numbers, dates,
    durations and text. Booleans of any library are answers, not measurements: they count (as 0 and 1) only
    with `flags`, for a metric that somebody named. Lazy values are never computed.
    """
    with contextlib.suppress(Exception, SystemExit, GeneratorExit):
        return _number(value, flags)
    return None


def shape_of(value: object) -> tuple[int, ...] | None:
    """The shape an array, tensor or table says it has; the length of a built-in collection; None for all
    else. Never raises.
    """
    cls = type(value)
    if issubclass(cls, _SIZED):
        base = next(kind for kind in _SIZED if issubclass(cls, kind))
        return (base.__len__(value),)  # type: ignore[arg-type]
    with contextlib.suppress(Exception, SystemExit, GeneratorExit):
        if defines(cls, "shape"):
            return tuple(_length(length) for length in value.shape)  # type: ignore[attr-defined]
    return None


def type_name(value: object) -> str:
    """The name of the value's class: `float`, `numpy.ndarray`, `pandas.DataFrame`; top package and class.
    Never raises.
    """
    cls = type(value)
    module, name = _MODULE(cls), _QUALNAME(cls)
    package = module.partition(".")[0] if type(module) is str else "builtins"
    return name if package in {"builtins", "__main__"} else f"{package}.{name}"


def _number(value: object, flags: bool) -> Number | None:
    cls = type(value)
    if cls is float or cls is int:
        return value  # type: ignore[return-value]
    if issubclass(cls, bool):
        return int(value) if flags else None  # type: ignore[call-overload]
    if issubclass(cls, int):
        return int.__index__(value)  # type: ignore[arg-type]
    if issubclass(cls, float):
        return float.__float__(value)  # type: ignore[arg-type]
    if issubclass(cls, _TEXT) or not all(_LAZY.isdisjoint(_NAMESPACE(base)) for base in _MRO(cls)):
        return None
    if defines(cls, "shape"):
        return _scalar(value, flags)
    return _converted(value)


def _scalar(value: object, flags: bool) -> Number | None:
    if tuple(value.shape) != ():  # type: ignore[attr-defined]
        return None
    if not defines(type(value), "item"):
        return _converted(value)
    item = value.item()  # type: ignore[attr-defined]
    kind = type(item)
    if kind is bool:
        return int(item) if flags else None
    if kind is float or (kind is int and not _is_time(value)):
        return item  # type: ignore[no-any-return]
    if kind is int or kind is complex or issubclass(kind, _TEXT) or item is None:
        return None
    return _converted(item)


def _is_time(value: object) -> bool:
    """numpy's dates and durations answer `item()` with an integer when they are finer than microseconds."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and getattr(dtype, "kind", "") in {"m", "M"}


def _converted(value: object) -> float | None:
    cls = type(value)
    if defines(cls, "__float__") or defines(cls, "__index__"):
        return float(value)  # type: ignore[arg-type]
    return None


def _length(length: object) -> int:
    if not issubclass(type(length), int):
        raise TypeError("a length is a whole number")
    return int.__index__(length)  # type: ignore[arg-type]
