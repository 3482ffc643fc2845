"""Literal expressions: which expressions a reader of the source can evaluate, and their values.

A literal is a number, text, a truth value or None; a list, tuple, set or dict of literals; arithmetic on
literals; and a call of the built-in type itself on literals (`float("inf")`, `int(1e6)`). Folding is
bounded: `10**10**10` is not evaluated here.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

NOT_LITERAL: Final = object()
"""What `fold` answers for an expression whose value the source alone does not tell."""

SCALARS: Final = (type(None), bool, int, float, complex, str)

_MAX_BITS = 4_096
_MAX_LENGTH = 10_000
_MAX_DEPTH = 100

_BINARY: Mapping[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_UNARY: Mapping[type[ast.unaryop], Callable[..., object]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
_TYPES: Mapping[str, Callable[..., object]] = MappingProxyType(
    {t.__name__: t for t in (bool, int, float, complex, str, list, tuple, set, frozenset, dict)}
)


def fold(node: ast.expr, shadowed: Mapping[str, object] = MappingProxyType({}), depth: int = 0) -> object:
    """The value of a literal expression, or NOT_LITERAL. Runs no code of the user.

    `shadowed` holds the names the cell has bound so far: a built-in type among them is no longer the
    built-in type.
    """
    folding = _FOLDINGS.get(type(node))
    if folding is None or depth > _MAX_DEPTH:
        return NOT_LITERAL
    return folding(node, shadowed, depth + 1)


def combine(op: ast.operator, left: object, right: object) -> object:
    """The value of `left op right` for two literal values, or NOT_LITERAL if it fails or would be out of
    proportion.
    """
    apply = _BINARY.get(type(op))
    if apply is None or not _proportionate(op, left, right):
        return NOT_LITERAL
    return _attempt(apply, left, right)


def same(value: object, literal: object) -> bool:
    """Whether a value found in a namespace is exactly this literal: same types throughout, equal, NaN equal
    to NaN.

    Compares only after the types are known to be the built-in ones, so no `__eq__` of the user runs and no
    array is touched.
    """
    kind = type(literal)
    if type(value) is not kind:
        return False
    if kind is list or kind is tuple:
        return _same_items(value, literal)  # type: ignore[arg-type]
    if kind is dict:
        return _same_dict(value, literal)  # type: ignore[arg-type]
    if kind is set or kind is frozenset:
        return len(value) == len(literal) and all(map(is_plain, value)) and value == literal  # type: ignore[arg-type, call-overload]
    return value == literal or (value != value and literal != literal)


def is_plain(value: object) -> bool:
    """Whether hashing and comparing the value runs only built-in code: a scalar or a tuple of scalars."""
    return _is_scalar(value) or (type(value) is tuple and all(map(_is_scalar, value)))


def _is_scalar(value: object) -> bool:
    cls = type(value)
    return any(cls is kind for kind in SCALARS)  # not `in`: comparing classes asks their metaclass


def recordable(value: object) -> object:
    """A literal as a param value: a set becomes a sorted list, so that two runs of the same cell record the
    same.
    """
    if (type(value) is set or type(value) is frozenset) and all(map(is_plain, value)):
        return sorted(value, key=_rank)
    return value


def _rank(item: object) -> tuple[str, object]:
    return (type(item).__name__, item if type(item) in (bool, int, float, str) else repr(item))


def _same_items(value: Sequence[object], literal: Sequence[object]) -> bool:
    return len(value) == len(literal) and all(map(same, value, literal))


def _same_dict(value: dict[object, object], literal: dict[object, object]) -> bool:
    if len(value) != len(literal) or not all(map(is_plain, value)):
        return False
    return all(key in value and same(value[key], expected) for key, expected in literal.items())


def _proportionate(op: ast.operator, left: object, right: object) -> bool:
    if isinstance(op, ast.Mod):
        return not isinstance(left, str)
    if isinstance(op, ast.Pow):
        return (
            not (isinstance(left, int) and isinstance(right, int))
            or abs(right) * left.bit_length() <= _MAX_BITS
        )
    if isinstance(op, ast.LShift):
        return isinstance(right, int) and right <= _MAX_BITS
    if isinstance(op, ast.Mult):
        return _repetition(left, right) <= _MAX_LENGTH and _repetition(right, left) <= _MAX_LENGTH
    return True


def _repetition(sequence: object, times: object) -> int:
    if isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
        return len(sequence) * times
    return 0


def _attempt(apply: Callable[..., object], *values: object, **named: object) -> object:
    try:
        return apply(*values, **named)
    except (ArithmeticError, TypeError, ValueError):
        return NOT_LITERAL


def _constant(node: ast.Constant, shadowed: Mapping[str, object], depth: int) -> object:
    return node.value if type(node.value) in SCALARS else NOT_LITERAL


def _unary(node: ast.UnaryOp, shadowed: Mapping[str, object], depth: int) -> object:
    value = fold(node.operand, shadowed, depth)
    if value is NOT_LITERAL or (isinstance(value, bool) and isinstance(node.op, ast.Invert)):
        return NOT_LITERAL
    return _attempt(_UNARY[type(node.op)], value)


def _binary(node: ast.BinOp, shadowed: Mapping[str, object], depth: int) -> object:
    left = fold(node.left, shadowed, depth)
    if left is NOT_LITERAL:
        return NOT_LITERAL
    right = fold(node.right, shadowed, depth)
    return NOT_LITERAL if right is NOT_LITERAL else combine(node.op, left, right)


def _elements(nodes: Sequence[ast.expr], shadowed: Mapping[str, object], depth: int) -> list[object] | None:
    values = []
    for node in nodes:
        value = fold(node, shadowed, depth)
        if value is NOT_LITERAL:
            return None
        values.append(value)
    return values


def _collection(node: ast.List | ast.Tuple | ast.Set, shadowed: Mapping[str, object], depth: int) -> object:
    values = _elements(node.elts, shadowed, depth)
    if values is None:
        return NOT_LITERAL
    kind = list if isinstance(node, ast.List) else tuple if isinstance(node, ast.Tuple) else set
    return _attempt(kind, values)


def _mapping(node: ast.Dict, shadowed: Mapping[str, object], depth: int) -> object:
    keys = None if None in node.keys else _elements([key for key in node.keys if key], shadowed, depth)
    values = None if keys is None else _elements(node.values, shadowed, depth)
    return (
        NOT_LITERAL
        if keys is None or values is None
        else _attempt(lambda: dict(zip(keys, values, strict=True)))
    )


def _call(node: ast.Call, shadowed: Mapping[str, object], depth: int) -> object:
    kind = (
        _TYPES.get(node.func.id) if isinstance(node.func, ast.Name) and node.func.id not in shadowed else None
    )
    if kind is None or any(keyword.arg is None for keyword in node.keywords):
        return NOT_LITERAL
    values = _elements(node.args, shadowed, depth)
    named = _elements([keyword.value for keyword in node.keywords], shadowed, depth)
    if values is None or named is None:
        return NOT_LITERAL
    return _attempt(kind, *values, **dict(zip([str(k.arg) for k in node.keywords], named, strict=True)))


def _joined(node: ast.JoinedStr, shadowed: Mapping[str, object], depth: int) -> object:
    parts = _elements(node.values, shadowed, depth)
    return NOT_LITERAL if parts is None else "".join(map(str, parts))


_FOLDINGS: Mapping[type[ast.expr], Callable[..., object]] = {
    ast.Constant: _constant,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.List: _collection,
    ast.Tuple: _collection,
    ast.Set: _collection,
    ast.Dict: _mapping,
    ast.Call: _call,
    ast.JoinedStr: _joined,
}
