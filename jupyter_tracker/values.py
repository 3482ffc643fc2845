"""User values on their way into events: numbers, params and tags of any origin, by duck typing.

numpy, pandas, torch and jax scalars are recognised by what they can do; none of them is imported.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

from .errors import Invalid
from .events import EXACT, clean, number

DEPTH = 64
_PLAIN = {
    float: "float",
    int: "int",
    str: "str",
    bool: "bool",
    type(None): "none",
    list: "list",
    dict: "dict",
}


def key_name(key: object, what: str) -> str:
    """Return a key as text; Invalid if it is no string or empty."""
    if not isinstance(key, str) or not key:
        raise Invalid(f"A {what} needs a name that is a non-empty string, not {key!r}")
    return clean(key)


def metric_number(key: str, value: object) -> str:
    """Return a metric's value as it stands in a line.

    Accepts Python and numpy numbers, booleans, Decimal, Fraction and 0-d arrays and tensors.
    Everything else is Invalid: the message names the key, the type and the cure.
    """
    kind = type(value)
    if kind is float or kind is int:
        return number(value)  # type: ignore[arg-type]
    return number(_as_number(key, value))


def _as_number(key: str, value: object) -> float | int:
    if isinstance(value, (float, int)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, (Decimal, Fraction)):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item) and not getattr(value, "shape", ()):
        scalar = item()
        if isinstance(scalar, (float, int, Decimal, Fraction)):
            return _as_number(key, scalar)
        if hasattr(scalar, "__float__") and hasattr(scalar, "is_integer"):
            return float(scalar)
    raise Invalid(f"Metric {key!r} is no number but {_describe(value)}", hint=_cure(key, value))


def _describe(value: object) -> str:
    shape = getattr(value, "shape", None)
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return (
        f"{name} of shape {tuple(shape)}"
        if isinstance(shape, tuple) and shape
        else f"{name} ({_short(value)})"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cure(key: str, value: object) -> str:
    if getattr(value, "shape", ()):
        return f"Log one number of it: log_metric({key!r}, value.mean()), or its elements in a loop."
    if isinstance(value, str):
        return f"Log text as a param or tag: log_param({key!r}, {_short(value)})."
    if value is None:
        return "A missing value is float('nan'), or is not logged."
    return f"Convert it: log_metric({key!r}, float(value))."


def param(value: object) -> tuple[Any, str | None]:
    """Return a param's JSON value and its type, None where the JSON type says it already.

    Containers are kept up to a depth of 64; what has no JSON form is kept as its `repr`.
    """
    value = _scalar(value)
    plain = _PLAIN.get(type(value))
    if plain is None:
        return _special(value)
    if isinstance(value, float) and not math.isfinite(value):
        return _text_of(value), "float"
    if isinstance(value, int) and not isinstance(value, bool) and not -EXACT <= value <= EXACT:
        return str(value), "int"
    return _tree(value, set(), 0), None


def _scalar(value: object) -> object:
    """Return the Python value of a numpy-like scalar or 0-d array, everything else as it is."""
    if type(value) in _PLAIN or isinstance(value, type) or not callable(getattr(value, "item", None)):
        return value
    if getattr(value, "shape", None) != () and getattr(value, "ndim", 0) != 0:
        return value
    scalar: object = value.item()  # type: ignore[attr-defined]
    return scalar


def _special(value: object) -> tuple[Any, str]:
    if isinstance(value, Enum):
        return _tree(value.value, set(), 0), "enum"
    if isinstance(value, (bool, int, float, str)):
        base = next(kind for kind in (bool, int, float, str) if isinstance(value, kind))
        shown, _ = param(base(value))
        return shown, base.__name__
    if isinstance(value, Mapping):
        return _tree(value, set(), 0), "dict"
    if isinstance(value, (tuple, set, frozenset)):
        return _tree(value, set(), 0), type(value).__name__ if type(value) in (tuple, set) else "tuple"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat(), "datetime"
    if isinstance(value, (Decimal, Fraction)):
        return str(value), type(value).__name__.lower()
    tolist = getattr(value, "tolist", None)
    if callable(tolist) and 0 < getattr(value, "size", 0) <= 1000:
        return _tree(tolist(), set(), 0), "array"
    if isinstance(value, type) or callable(value):
        return getattr(value, "__qualname__", None) or _repr(value), "name"
    return _repr(value), "repr"


def _repr(value: object) -> str:
    return clean(repr(value))


def _tree(value: object, inside: set[int], depth: int) -> Any:
    """Return a JSON tree; a cycle or too deep a level becomes a marker."""
    value = _scalar(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int):
        return int(value) if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _text_of(value)
    if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return _special(value)[0]
    if id(value) in inside:
        return "<cycle>"
    if depth >= DEPTH:
        return "<too deep>"
    inside.add(id(value))
    tree = _members(value, inside, depth + 1)
    inside.discard(id(value))
    return tree


def _members(value: object, inside: set[int], depth: int) -> Any:
    if isinstance(value, Mapping):
        return {clean(str(name)): _tree(member, inside, depth) for name, member in value.items()}
    members = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
    return [_tree(member, inside, depth) for member in members]  # type: ignore[attr-defined]


def _text_of(value: float) -> str:
    return number(value).strip('"')


def tag(value: object) -> str:
    """Return a tag's value as text."""
    return clean(value if isinstance(value, str) else str(value))
