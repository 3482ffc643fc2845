"""What earlier cells of the kernel bound from literals, and by which cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jupyter_tracker.capture.bindings import Binding, overlaid
from jupyter_tracker.capture.cells import CellReading


@dataclass(frozen=True, slots=True)
class Remembered:
    """A binding of an earlier cell. label: the cell it came from; labels: the cells of entries set later,
    by key.
    """

    binding: Binding
    label: str
    labels: Mapping[str, str] = field(default_factory=dict)


class LiteralMemory:
    """The literal bindings, dicts and definitions of the cells executed so far; the last cell to bind a
    name decides.

    Holds values that stand in source text only, never an object of the user. Whether a remembered value is
    still the value of the name is for the reader of the namespace to check.
    """

    def __init__(self) -> None:
        self._names: dict[str, Remembered] = {}

    def remember(self, reading: CellReading, label: str) -> None:
        """Take in a cell that has been executed. `label` says which one, in words for a person (`cell 3`).

        Names that the cell bound otherwise, or deleted, are forgotten.
        """
        known = {name: self.resolved(binding) for name, binding in reading.bindings.items()}
        for name, binding in known.items():
            if binding is None:
                self._names.pop(name, None)
            else:
                self._names[name] = Remembered(binding, label)
        for name, amended in reading.amended.items():
            if name in self._names:
                self._names[name] = self._amended(self._names[name], amended, label)

    def origin(self, name: str) -> str | None:
        """The label of the cell that bound the name from literals, or None if the name is not known to be
        such.
        """
        remembered = self._names.get(name)
        return None if remembered is None or remembered.binding.kind != "literal" else remembered.label

    def get(self, name: str) -> Remembered | None:
        """What is remembered of the name."""
        return self._names.get(name)

    def resolved(self, binding: Binding) -> Binding | None:
        """A literal or definition, with what it takes from earlier cells filled in; else None."""
        if binding.kind == "alias":
            source = self._names.get(binding.source)
            return None if source is None else source.binding
        if binding.kind not in ("literal", "definition"):
            return None
        return replace(binding, entries=self._filled(binding.entries))

    def overlaid(self, remembered: Remembered, amended: Binding | None) -> Binding:
        """The remembered dict with the entries that a later cell sets in it."""
        if amended is None:
            return remembered.binding
        return overlaid(remembered.binding, replace(amended, entries=self._filled(amended.entries)))

    def reached(self, names: Iterable[str]) -> set[str]:
        """The names, and all that definitions of earlier cells among them read, directly or through one
        another.
        """
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                remembered = self._names.get(name)
                waiting.extend(remembered.binding.reads if remembered is not None else ())
        return reached

    def _amended(self, remembered: Remembered, amended: Binding, label: str) -> Remembered:
        set_here = dict.fromkeys(amended.entries or (), label)
        return Remembered(
            self.overlaid(remembered, amended), remembered.label, {**remembered.labels, **set_here}
        )

    def _filled(self, entries: Mapping[str, Binding] | None) -> Mapping[str, Binding] | None:
        if not entries or all(entry.kind != "alias" for entry in entries.values()):
            return entries
        return {
            key: (entry.kind == "alias" and self.resolved(entry)) or entry for key, entry in entries.items()
        }
