"""Autologging: what a library knows about its own training, recorded without a call.

A framework is one file here with a function `install(module)` that puts observed functions in the
place of the library's own (`patches`) and names their observers (`calls.observers`), and an entry
in `FRAMEWORKS`. They are idle until somebody switches autologging on and a run is active. Nothing
is imported that the user did not import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ..errors import Invalid
from . import calls, hooks, switch

FRAMEWORKS = {
    "sklearn.base": "sklearn",
    "sklearn.model_selection": "sklearn",
    "sklearn.metrics": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
}


def autolog(
    enabled: bool = True, *, exclude: Collection[str] = (), rows: int = 20_000, candidates: int = 50
) -> None:
    """Record what scikit-learn, xgboost and lightgbm train in the active run, whether a cell is tracked or not.

    Tracked cells do so anyway. `autolog(False)` switches it off everywhere, tracked cells too, and
    leaves the libraries as they were. `exclude` names frameworks to leave alone. Training scores
    are computed up to `rows` rows of training data (0: never); of a search the best `candidates`
    become child runs.
    """
    known = sorted(set(FRAMEWORKS.values()))
    unknown = sorted(set([exclude] if isinstance(exclude, str) else exclude) - set(known))
    if unknown:
        raise Invalid(f"There is no framework {', '.join(unknown)}", hint=f"There are {', '.join(known)}.")
    if rows < 0 or candidates < 0:
        raise Invalid("rows and candidates are counts: 0 or more")
    excluded = frozenset([exclude] if isinstance(exclude, str) else exclude)
    switch.settings = switch.Settings(bool(enabled), excluded, rows, candidates)
    if enabled:
        watch()
    else:
        hooks.unwatch()


@contextmanager
def autologging() -> Iterator[None]:
    """Record what is trained inside the block, unless autologging was switched off."""
    watch()
    calls.forget()
    switch.depth += 1
    try:
        yield
    finally:
        switch.depth -= 1


def watch() -> None:
    """Observe the frameworks that are loaded, and the others when they will be. Doing it again costs a look."""
    if switch.settings.everywhere is not False:
        hooks.watch(FRAMEWORKS)
