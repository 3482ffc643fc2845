"""Import hooks: a framework's `install` is called right after its module has been loaded."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from ..capture.guard import contained
from . import patches

_log = logging.getLogger("jupyter_tracker")
_done: set[str] = set()


def watch(frameworks: Mapping[str, str]) -> None:
    """Install every framework whose module is loaded, and wait for the others. Doing it again costs a look."""
    with patches.lock:
        for module, framework in frameworks.items():
            if module not in _done and module not in _finder.waiting:
                _finder.waiting[module] = framework
        for module in [name for name in _finder.waiting if name in sys.modules and not _loading(name)]:
            _install(module)
        if _finder.waiting and _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


def unwatch() -> None:
    """Wait for nothing any more, and leave the libraries as they were."""
    with patches.lock:
        if _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        _finder.waiting.clear()
        _done.clear()
        patches.undo()


def _loading(module: str) -> bool:
    spec = getattr(sys.modules[module], "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _install(module: str) -> None:
    framework = _finder.waiting.pop(module, None)
    if framework is None or module not in sys.modules:
        return
    _done.add(module)
    if not _finder.waiting and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)

    def failed(reason: str) -> None:
        _log.warning("What %s trains cannot be recorded by itself: %s", module, reason)

    with contained(failed):
        import_module(f".{framework}", __package__).install(sys.modules[module])


class _Finder(MetaPathFinder):
    """Stands first on `sys.meta_path` while something is waited for: lets the others find it, and wraps its loader."""

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self._asking = threading.local()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.waiting or getattr(self._asking, "name", None) == name:
            return None
        self._asking.name = name
        try:
            spec = self._ask_the_others(name, path, target)
        finally:
            self._asking.name = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, name)
        return spec

    def _ask_the_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None


class _Loader(Loader):
    """The module's own loader, and after it the framework's `install`."""

    def __init__(self, loader: Loader, name: str) -> None:
        self._loader = loader
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        with patches.lock:
            _install(self._name)


_finder = _Finder()
