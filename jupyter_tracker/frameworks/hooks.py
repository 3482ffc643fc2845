"""Import hooks: call a framework's `install` right after its module has been loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_done: set[str] = set()


def watch(frameworks: Mapping[str, str]) -> None:
    """Install every framework whose module is loaded, and wait for the others."""
    for module, framework in frameworks.items():
        if module in _done:
            continue
        if module in sys.modules:
            _install(module, framework)
        else:
            _finder.waiting[module] = framework
    if _finder.waiting and _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _install(module: str, framework: str) -> None:
    _done.add(module)
    _finder.waiting.pop(module, None)
    import_module(f".{framework}", __package__).install(sys.modules[module])


class _Finder(MetaPathFinder):
    """Stands first on `sys.meta_path`, finds nothing itself, and wraps the loader of what is waited for."""

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        framework = self.waiting.pop(name, None)
        if framework is None:
            return None
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, name, framework)
        return spec


class _Loader(Loader):
    """The module's own loader, and after it the framework."""

    def __init__(self, loader: Loader, name: str, framework: str) -> None:
        self._loader = loader
        self._name = name
        self._framework = framework

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _install(self._name, self._framework)


_finder = _Finder()
