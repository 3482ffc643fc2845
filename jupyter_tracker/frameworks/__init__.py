"""Autologging: what a library knows about its own training, recorded without a call.

A framework is one file here with a function `install(module)` that wraps the library's training
functions, and an entry in `FRAMEWORKS`. The wrappers are inert until somebody switches autologging
on and a run is active. Nothing is imported that the user did not import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ..errors import Invalid
from . import hooks, switch

FRAMEWORKS = {
    "sklearn.base": "sklearn",
    "sklearn.model_selection": "sklearn",
    "xgboost": "xgboost",
}


def autolog(enabled: bool = True, *, exclude: Collection[str] = ()) -> None:
    """Record the training of scikit-learn and xgboost in the active run, from now on, in cells that are not tracked too.

    `exclude` names frameworks to leave alone. `autolog(False)` switches it off again. Call it before
    `from sklearn.model_selection import cross_val_score`: a function imported by name earlier cannot be followed.
    """
    unknown = set(exclude) - set(FRAMEWORKS.values())
    if unknown:
        known = ", ".join(sorted(set(FRAMEWORKS.values())))
        raise Invalid(f"There is no framework {', '.join(sorted(unknown))}", hint=f"There are {known}.")
    watch()
    switch.always = enabled
    switch.excluded = frozenset(exclude)


@contextmanager
def autologging() -> Iterator[None]:
    """Record what is trained inside the block."""
    watch()
    switch.depth += 1
    try:
        yield
    finally:
        switch.depth -= 1


def watch() -> None:
    """Wrap the frameworks that are loaded, and the others when they will be. Doing it again costs a look."""
    hooks.watch(FRAMEWORKS)
