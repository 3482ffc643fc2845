"""What a cell's source says about a name, and how that changes along the cell's paths."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from jupyter_tracker.capture.literals import NOT_LITERAL, combine, same

Kind = Literal["computed", "alias", "counter", "definition", "import", "deleted", "amended", "literal"]
"""How a name came to its value, the strongest first: where paths that disagree meet, the strongest kind
holds.

literal: from literals alone. computed: from anything else. alias: is what a name bound outside of the cell
is. counter: by a `for`. definition: by `def`, `class` or `type`. deleted: unbound again. amended: not bound
by the cell, but entries of it were set.
"""

_STRENGTH: Mapping[str, int] = {
    kind: strength
    for strength, kind in enumerate(
        ("deleted", "literal", "amended", "import", "definition", "counter", "alias", "computed")
    )
}
_MAX_CANDIDATES = 32


@dataclass(frozen=True, slots=True)
class Binding:
    """What is known of one name after the cell, from its source.

    candidates: of a literal, the values it may have, one for each path that binds it. entries: of a dict
    display, what is known of each entry, by key. source: of an alias, the name outside. reads: of a
    definition, the module names it takes. certain: every path through the cell binds the name.
    """

    kind: Kind
    candidates: tuple[object, ...] = ()
    entries: Mapping[str, Binding] | None = None
    source: str = ""
    reads: frozenset[str] = frozenset()
    certain: bool = True

    @property
    def value(self) -> object:
        """The literal value if the source leaves only one, else None."""
        return self.candidates[0] if len(self.candidates) == 1 else None


COMPUTED = Binding("computed")
COUNTER = Binding("counter")
DELETED = Binding("deleted")
IMPORT = Binding("import")
AMENDED = Binding("amended", entries={})

State = dict[str, Binding]


def literal(value: object) -> Binding:
    """The binding of a literal value; a dict whose keys are all text is known by entry."""
    if type(value) is dict and all(type(key) is str for key in value):
        return Binding("literal", entries={key: literal(item) for key, item in value.items()})
    return Binding("literal", (value,))


def uncertain(binding: Binding) -> Binding:
    """The same binding on a path that need not be taken."""
    return replace(binding, certain=False) if binding.certain else binding


def meet(left: State, right: State) -> State:
    """What is known where two paths meet."""
    met = dict(left)
    for name, binding in right.items():
        known = left.get(name)
        met[name] = uncertain(binding) if known is None else join(known, binding)
    for name in left.keys() - right.keys():
        met[name] = uncertain(left[name])
    return met


def join(left: Binding, right: Binding) -> Binding:
    """What is known of a name that one path binds so and another path so."""
    if left is right:
        return left
    certain = left.certain and right.certain and "deleted" not in (left.kind, right.kind)
    if left.kind != right.kind or (left.kind == "alias" and left.source != right.source):
        return replace(_stronger(left, right), certain=certain)
    candidates = _union(left.candidates, right.candidates)
    if len(candidates) > _MAX_CANDIDATES:
        return Binding("computed", certain=certain)
    return Binding(
        left.kind,
        candidates,
        _join_entries(left.entries, right.entries),
        left.source,
        left.reads | right.reads,
        certain,
    )


def augmented(binding: Binding | None, op: ast.operator, operand: Binding) -> Binding:
    """The binding of a name after `name op= operand`, outside of loops."""
    if binding is None or binding.kind != "literal" or operand.kind != "literal":
        return COMPUTED
    if binding.entries is not None and operand.entries is not None and isinstance(op, ast.BitOr):
        return replace(binding, entries={**binding.entries, **operand.entries})
    values = [combine(op, left, right) for left in binding.candidates for right in operand.candidates]
    if not values or binding.entries or operand.entries or any(value is NOT_LITERAL for value in values):
        return COMPUTED
    return Binding("literal", _union(values, ()), certain=binding.certain)


def with_entry(binding: Binding, path: Sequence[str], value: Binding) -> Binding:
    """The binding of a dict after `name[path[0]][path[1]]… = value`; unchanged if it is not known to be a
    dict.
    """
    if binding.entries is None:
        return binding
    key, *rest = path
    if rest:
        missing = AMENDED if binding.kind == "amended" else COMPUTED
        value = with_entry(binding.entries.get(key, missing), rest, value)
    return replace(binding, entries={**binding.entries, key: value})


def overlaid(base: Binding, amended: Binding) -> Binding:
    """A dict known from an earlier cell with what a later cell set in it."""
    if base.entries is None or amended.entries is None:
        return base
    entries = dict(base.entries)
    for key, value in amended.entries.items():
        held = entries.get(key)
        nested = held is not None and held.entries is not None and value.kind == "amended"
        entries[key] = overlaid(held, value) if nested and held is not None else value
    return replace(base, entries=entries)


def _stronger(left: Binding, right: Binding) -> Binding:
    if left.kind == right.kind or {left.kind, right.kind} <= {"computed", "alias"}:
        return COMPUTED
    return left if _STRENGTH[left.kind] > _STRENGTH[right.kind] else right


def _union(left: Iterable[object], right: Iterable[object]) -> tuple[object, ...]:
    values: list[object] = []
    for value in (*left, *right):
        if not any(same(value, known) for known in values):
            values.append(value)
    return tuple(values)


def _join_entries(
    left: Mapping[str, Binding] | None, right: Mapping[str, Binding] | None
) -> Mapping[str, Binding] | None:
    if left is None or right is None:
        return left if right is None else right
    return meet(dict(left), dict(right))
