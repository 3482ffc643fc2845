"""Where the code runs: the notebook and cell, or the script, and the names that follow from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .notebook import find_cell_id, find_notebook, parent_message


@dataclass(frozen=True, slots=True)
class Place:
    """Where the code that is executing now comes from. What is not known is None."""

    notebook: str | None = None
    notebook_path: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    code: str | None = None
    script: str | None = None

    @property
    def directory(self) -> str:
        """The directory whose git work tree the code belongs to."""
        path = self.notebook_path or self.script
        if path and os.path.isfile(path):
            return os.path.dirname(os.path.abspath(path))
        return str(Path.cwd())

    def lineage(self, name: str | None = None) -> str | None:
        """What tells this cell from every other: the same for each attempt of it."""
        cell = self.cell_id or name
        return f"{self.notebook or 'console'}#{cell}" if cell else None

    def as_source(self) -> dict[str, Any]:
        """The `source` capture of a run, secrets masked."""
        from .secrets import mask

        return {
            "code": mask(self.code)[0] if self.code else None,
            "cell_id": self.cell_id,
            "execution_count": self.execution_count,
            "notebook": self.notebook,
            "notebook_path": self.notebook_path,
            "script": self.script,
        }


def here(shell: Any = None) -> Place:
    """Return the place of the code that is executing: a cell of `shell`, or the script of this process."""
    return _script() if shell is None else _cell(shell)


def _cell(shell: Any) -> Place:
    parent = parent_message(shell)
    notebook = find_notebook(os.environ, shell.user_ns, parent, os.getcwd())
    content = parent.get("content")
    code = content.get("code") if isinstance(content, Mapping) else None
    return Place(
        notebook=notebook.name if notebook else None,
        notebook_path=notebook.path if notebook else None,
        cell_id=find_cell_id(parent),
        execution_count=shell.execution_count,
        code=code if isinstance(code, str) else None,
    )


def _script() -> Place:
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    if not path:
        return Place()
    try:
        code = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        code = None
    return Place(script=os.path.abspath(path), code=code)


def default_experiment(shell: Any = None) -> str:
    """Return the name of the notebook or script without its suffix, "default" where there is neither."""
    place = here(shell)
    source = place.notebook or place.script
    return Path(source).stem.replace("/", "-") or "default" if source else "default"
