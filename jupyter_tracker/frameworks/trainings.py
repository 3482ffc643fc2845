"""What was trained in a run so far, so that what a second estimator records has names of its own."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..run import Run
from ..values import param

LIMIT = 20  # of so many trainings of one run the params and curves are recorded


@dataclass(frozen=True, slots=True)
class Training:
    """The `number`-th training of an estimator called `name` in a run; `prefix` stands before its metrics."""

    run: Run
    name: str
    number: int
    prefix: str

    def series(self, kind: str) -> str | None:
        """Return the prefix for one more series of values with steps of their own, None after the twentieth."""
        memory = of(self.run)
        with memory.lock:
            memory.series[self.name, kind] += 1
            number = memory.series[self.name, kind]
        if number > LIMIT:
            return None
        return self.prefix if number == 1 else f"{self.name}_{number}."

    def log_params(self, params: dict[str, Any], origin: str) -> None:
        """Log params under the training's prefix, or one of their own where the run has other values for one of them.

        After the twentieth training of the run nothing is logged.
        """
        memory = of(self.run)
        if memory.trained.total() > LIMIT:
            return
        with memory.lock:
            prefix = self.prefix
            if any(self._differs(f"{prefix}{key}", value) for key, value in params.items()):
                prefix = f"{self.name}." if self.number == 1 else f"{self.name}_{self.number}."
            self.run.log_params({f"{prefix}{key}": value for key, value in params.items()}, origin=origin)

    def _differs(self, key: str, value: Any) -> bool:
        return key in self.run.params and self.run.params[key] != param(value)[0]


class Trainings:
    """The trainings of one run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.trained: Counter[str] = Counter()
        self.names: dict[str, str] = {}
        self.series: Counter[tuple[str, str]] = Counter()
        self._partial: dict[int, weakref.ref[Any]] = {}

    def begin(self, run: Run, name: str, described: str) -> Training:
        """Count one more training of an estimator called `name`, described so in the tag `estimator`."""
        with self.lock:
            self.trained[name] += 1
            self.names.setdefault(name, "")
            known = self.described()
            self.names[name] = self.names[name] or described
        if self.described() != known:
            run.set_tag("estimator", self.described())
        return Training(run, name, self.trained[name], self.prefix(name))

    def described(self) -> str:
        """Return what was trained, for people."""
        return ", ".join(text for text in self.names.values() if text)

    def prefix(self, name: str) -> str:
        """Return what stands before the metrics of an estimator: nothing for the first kind of estimator of the run."""
        self.names.setdefault(name, "")
        return "" if name == next(iter(self.names)) else f"{name}."

    def is_new(self, estimator: Any) -> bool:
        """Return whether this very object is seen for the first time."""
        held = self._partial.get(id(estimator))
        self._partial[id(estimator)] = weakref.ref(estimator)
        return held is None or held() is not estimator


_memory: weakref.WeakKeyDictionary[Run, Trainings] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def of(run: Run) -> Trainings:
    """Return the memory of a run."""
    with _lock:
        return _memory.setdefault(run, Trainings())
