"""Functions put in the place of a library's own, and the way back."""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from .calls import observed

_done: list[tuple[Any, str, Any, Any]] = []
_MISSING = object()
lock = threading.RLock()


def put(owner: Any, name: str, new: Any) -> None:
    """Set an attribute of a class, module or object until `undo`."""
    with lock:
        _done.append((owner, name, vars(owner).get(name, _MISSING), new))
        setattr(owner, name, new)


def undo() -> None:
    """Put back what `put` replaced; where somebody else has replaced ours since, theirs stays, and ours in it is idle."""
    with lock:
        while _done:
            owner, name, old, new = _done.pop()
            if vars(owner).get(name, _MISSING) is not new:
                continue
            if old is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, old)


def observe_functions(observer: str, functions: Iterable[Callable[..., Any]], *modules: ModuleType) -> None:
    """Let an observer record module-level functions, under every name they have.

    Besides `modules` that is the module that defines each (what pickles it looks there), that
    module's package, and the notebook, the script and modules of the user's: a function imported
    by name before is followed all the same.
    """
    new = {
        id(function): (function, observed(observer, function))
        for function in functions
        if not is_observed(function)
    }
    homes = {function.__module__ for function, _ in new.values()}
    homes |= {home.rpartition(".")[0] for home in homes}
    for module in {*modules, *(sys.modules[name] for name in homes if name in sys.modules), *_of_the_user()}:
        for name, value in list(_names(module).items()):
            if id(value) in new and value is new[id(value)][0]:
                put(module, name, new[id(value)][1])


def _of_the_user() -> list[ModuleType]:
    """The loaded modules that are not installed: the notebook or script and what lies beside it."""
    installed = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    found = []
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType):
            file = _names(module).get("__file__")
            if name == "__main__" or (isinstance(file, str) and not file.startswith(installed)):
                found.append(module)
    return found


def _names(module: ModuleType) -> dict[str, Any]:
    """A module's names, looked at without waking one that loads lazily."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names


def is_observed(function: Any) -> bool:
    """Return whether a function is, or wraps, one of ours."""
    while function is not None:
        if getattr(function, "__code__", None) is _CODE:
            return True
        function = getattr(function, "__wrapped__", None)
    return False


_CODE = observed("", len).__code__
