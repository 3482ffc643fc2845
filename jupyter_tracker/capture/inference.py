"""What a cell records without being told: params, metrics and variables.

The rules are the table in docs/inference.md. Values are looked at, never computed with: no copy, no
comparison that runs code of the user, no reduction of an array. The cost grows with the names the cell
binds, not with the namespace.
"""

from __future__ import annotations

import contextlib
import difflib
import types
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from jupyter_tracker.capture.bindings import Binding
from jupyter_tracker.capture.cells import CellReading
from jupyter_tracker.capture.literals import recordable, same
from jupyter_tracker.capture.memory import LiteralMemory
from jupyter_tracker.capture.numbers import Number, number, shape_of, type_name
from jupyter_tracker.errors import Invalid

_ABSENT: Final = object()
_CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
_TELL_NOTHING = (list, tuple, dict, set, frozenset, str, bytes, bytearray, bool, type(None))
_EMPTY: Final[tuple[object, ...]] = ([], (), {}, set(), frozenset())
_SHARED_INTS = range(-5, 257)  # CPython keeps one object for each of these


@dataclass(frozen=True, slots=True)
class Options:
    """What the user said about the cell's names.

    params, metrics: names recorded as such whatever the rules say of them; the rules still hold for all
    other names. exclude: glob patterns; an inferred key or the name it comes from that matches one is left
    out. infer: False records only named ones.
    """

    params: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    infer: bool = True


class Variable(NamedTuple):
    """A name the cell bound that is neither param nor metric; shape is None for what has none."""

    name: str
    type: str
    shape: tuple[int, ...] | None


@dataclass(slots=True)
class Inference:
    """What to record of a cell.

    params: key → value. origins: for the params that an earlier cell bound, key → label of that cell.
    metrics: key → number. problems: what the user asked for by name and cannot be had; each says what is
    wrong and how to mend it.
    """

    params: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Number] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    problems: list[Invalid] = field(default_factory=list)


class Before:
    """The values that the names of a cell had before it ran, to tell a value it left alone from one it bound.

    Keeps nothing large alive: what can be referenced weakly is; collections and text are not kept, nor are
    objects of which there is only one.
    """

    def __init__(self, reading: CellReading, namespace: Mapping[str, object]) -> None:
        self._held: dict[str, object] = {}
        self._weak: dict[str, weakref.ref[object]] = {}
        for name in reading.bindings.keys() & namespace.keys():
            self._keep(name, namespace[name])

    def _keep(self, name: str, value: object) -> None:
        try:
            self._weak[name] = weakref.ref(value)
        except TypeError:
            if not issubclass(type(value), _TELL_NOTHING):
                self._held[name] = value

    def holds(self, name: str, value: object) -> bool:
        """Whether the name surely still has its old value. A small integer is one shared object and tells
        nothing.
        """
        if type(value) is int and value in _SHARED_INTS:
            return False
        weak = self._weak.get(name)
        return (weak() if weak is not None else self._held.get(name, _ABSENT)) is value


class _Claim(NamedTuple):
    """A literal found in the namespace: `owner` is the name that holds it, `key` what it would be called as
    a param.
    """

    key: str
    owner: str
    value: object
    origin: str | None


def infer(
    reading: CellReading,
    namespace: Mapping[str, object],
    options: Options,
    memory: LiteralMemory,
    *,
    before: Before | None = None,
    stopped_at: int | None = None,
) -> Inference:
    """What to record of a cell that has run and left this namespace. Never raises, whatever the namespace
    holds.

    `memory` knows the cells before this one. `before`, taken before the cell ran, keeps values of former
    runs from being recorded where the cell did not reach its own. `stopped_at`: the line (1-based) at which
    an error or interrupt ended the cell.
    """
    reached = reading if stopped_at is None else reading.until(stopped_at)
    found = Inference()
    excluded = _Patterns(options.exclude or ())
    claims: list[_Claim] = []
    for name, binding in reached.bindings.items():
        value = namespace.get(name, _ABSENT)
        if name.startswith("_") or value is _ABSENT or binding.kind == "deleted" or name in excluded:
            continue
        unreached = before is not None and not binding.certain and before.holds(name, value)
        inferring = options.infer and not unreached
        literals = list(_own(name, binding, value, memory)) if inferring else []
        claims += (claim for claim in literals if claim.value is not _ABSENT)
        if not literals or any(claim.value is _ABSENT for claim in literals):
            _add_computed(found, name, binding, value, inferring)
    if options.infer:
        claims += _earlier(reached, namespace, memory, excluded)
        _add_params(found, claims, excluded)
    _add_named(found, reading, namespace, options)
    return found


def stopped_line(traceback: types.TracebackType | None, filename: str) -> int | None:
    """The line of the cell at which an exception left its top level; `filename` is the name the cell was
    compiled under.
    """
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == filename and code.co_name == "<module>":
            return traceback.tb_lineno
        traceback = traceback.tb_next
    return None


class _Patterns:
    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns

    def __contains__(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._patterns)


def _own(name: str, binding: Binding, value: object, memory: LiteralMemory) -> Iterator[_Claim]:
    resolved = memory.resolved(binding)
    if resolved is not None and resolved.kind == "literal":
        yield from (_Claim(key, name, literal, None) for key, literal in _literals(name, resolved, value))


def _earlier(
    reading: CellReading, namespace: Mapping[str, object], memory: LiteralMemory, excluded: _Patterns
) -> Iterator[_Claim]:
    """The params that the cell reads and an earlier cell bound."""
    for name in sorted(memory.reached(reading.reads) - reading.bindings.keys()):
        remembered = memory.get(name)
        if remembered is None or name.startswith("_") or name not in namespace or name in excluded:
            continue
        amended = reading.amended.get(name)
        here = amended.entries or {} if amended is not None else {}
        for key, value in _literals(name, memory.overlaid(remembered, amended), namespace[name]):
            if value is _ABSENT:
                continue
            top = key.partition(".")[0]
            yield _Claim(
                key, name, value, None if top in here else remembered.labels.get(top, remembered.label)
            )


def _literals(name: str, binding: Binding, value: object) -> Iterator[tuple[str, object]]:
    """The literals of a binding that are still what the namespace holds, each under its key; _ABSENT for
    what is not.
    """
    if binding.entries is not None and type(value) is dict:
        yield from _entries(binding.entries, value)
        return
    for candidate in binding.candidates:
        if same(value, candidate) and candidate not in _EMPTY:
            yield name, recordable(candidate)
            return
    yield name, _ABSENT


def _entries(entries: Mapping[str, Binding], held: dict[object, object]) -> Iterator[tuple[str, object]]:
    for key, entry in entries.items():
        value = _item(held, key)
        if value is _ABSENT:
            continue
        if not key or key.startswith("_"):
            yield key, _ABSENT
            continue
        nested = entry.entries is not None and type(value) is dict
        yield from (
            (f"{key}.{inner}" if nested else inner, item) for inner, item in _literals(key, entry, value)
        )
    if len(held) > len(entries):
        yield "", _ABSENT


def _item(mapping: dict[object, object], key: str) -> object:
    with contextlib.suppress(Exception):  # a key of the user's own class may be compared with ours
        return mapping.get(key, _ABSENT)
    return _ABSENT


def _add_computed(found: Inference, name: str, binding: Binding, value: object, infer: bool) -> None:
    measured = number(value) if infer and binding.kind in ("computed", "alias", "literal") else None
    if measured is not None:
        found.metrics[name] = measured
    elif not issubclass(type(value), _CODE):
        found.variables.append(Variable(name, type_name(value), shape_of(value)))


def _add_params(found: Inference, claims: Sequence[_Claim], excluded: _Patterns) -> None:
    """Names first, then entries of this cell's dicts, then entries of earlier cells' dicts.

    An entry is called by its key, unless a name or another dict claims the same key with another value:
    then by both.
    """
    wanted = [claim for claim in claims if claim.key not in excluded]
    plain = [claim for claim in wanted if claim.key == claim.owner]
    entries = [claim for claim in wanted if claim.key != claim.owner]
    for group in (
        plain,
        [c for c in entries if c.origin is None],
        [c for c in entries if c.origin is not None],
    ):
        contested = _contested(found.params, group)
        for claim in group:
            key = (
                f"{claim.owner}.{claim.key}"
                if claim.key in contested and claim.key != claim.owner
                else claim.key
            )
            found.params[key] = claim.value
            if claim.origin is not None:
                found.origins[key] = claim.origin


def _contested(params: Mapping[str, object], claims: Iterable[_Claim]) -> set[str]:
    first = dict(params)
    return {claim.key for claim in claims if not same(claim.value, first.setdefault(claim.key, claim.value))}


def _add_named(
    found: Inference, reading: CellReading, namespace: Mapping[str, object], options: Options
) -> None:
    """Record what the user named as params and metrics, instead of what the rules say of these names."""
    for name in options.metrics or ():
        measured = _named_metric(found, reading, namespace, name)
        if measured is not None:
            _forget(found, name)
            found.metrics[name] = measured
    for name in options.params or ():
        value = namespace.get(name, _ABSENT)
        if value is _ABSENT:
            found.problems.append(_missing(name, "param", reading))
            continue
        if name not in (options.metrics or ()):
            _forget(found, name)
        found.params.update(_named_params(name, value))


def _named_metric(
    found: Inference, reading: CellReading, namespace: Mapping[str, object], name: str
) -> Number | None:
    value = namespace.get(name, _ABSENT)
    if value is _ABSENT:
        found.problems.append(_missing(name, "metric", reading))
        return None
    measured = number(value, flags=True)
    if measured is None:
        found.problems.append(not_a_number(name, value))
    return measured


def _named_params(name: str, value: object) -> dict[str, object]:
    if type(value) is dict and value and all(type(key) is str for key in value):
        return {key: _simple(item) for key, item in value.items()}
    return {name: _simple(value)}


def _simple(value: object) -> object:
    measured = None if type(value) is bool else number(value)
    return recordable(value) if measured is None else measured


def _forget(found: Inference, name: str) -> None:
    found.params.pop(name, None)
    found.origins.pop(name, None)
    found.metrics.pop(name, None)
    found.variables = [variable for variable in found.variables if variable.name != name]


def not_a_number(name: str, value: object) -> Invalid:
    """The error for a metric whose value is not one number: names the key, the type and the cure."""
    shape = shape_of(value)
    what = type_name(value) + (f" of shape {shape}" if shape else "")
    return Invalid(f"metric {name!r} is a {what}, not one number", hint=_cure(name, value, shape))


def _cure(name: str, value: object, shape: tuple[int, ...] | None) -> str:
    if issubclass(type(value), str):
        return f"Convert it in the cell: {name} = float({name}). Text belongs to the params: --params {name}."
    if callable(value):
        return f"It is something to call: bind what it returns to a name, score = {name}(…), and name that."
    if issubclass(type(value), dict):
        return f"Bind the entry you mean to a name of its own: score = {name}[…], then --metrics score."
    if shape and all(length == 1 for length in shape):
        return f"Take the one element out: {name} = {name}.item() (or {name}[0])."
    if shape:
        return "Reduce it to one number, such as its mean or its last element, and name that."
    return f"Bind a number to {name!r}, or take it out of --metrics."


def _missing(name: str, role: str, reading: CellReading) -> Invalid:
    known = sorted(candidate for candidate in reading.bindings if candidate != name)
    near = difflib.get_close_matches(name, known, n=1)
    cure = f"Did you mean {near[0]!r}?" if near else f"Bind it in the cell, or take it out of --{role}s."
    return Invalid(f"{role} {name!r} does not exist after the cell", hint=cure)
