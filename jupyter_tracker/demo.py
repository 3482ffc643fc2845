"""The demo: executes the notebook that ships with the package, in a real kernel, into a root of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from .errors import Invalid, TrackerError
from .roots import ENVIRONMENT, Root

NOTEBOOK = "01_track_a_cell.ipynb"
TIMEOUT = 600


def execute(place: Path, step: Callable[[int, int], None] | None = None) -> Path:
    """Execute the demo notebook in `place` and return the executed copy; `step(done, total)` counts cells.

    Raises Invalid if a library that the demo needs is missing, TrackerError if a cell fails that
    is not meant to.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    _require("sklearn", "xgboost", "matplotlib")
    place.mkdir(parents=True, exist_ok=True)
    root = Root.create(place)
    notebook = nbformat.read(source(), as_version=4)
    total = len(notebook.cells)

    def executed(**event: int) -> None:
        if step is not None:
            step(event["cell_index"] + 1, total)

    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(place)}},
        on_cell_executed=executed,
        extra_arguments=["--log-level=ERROR"],
    )
    target = place / NOTEBOOK
    environment = {**os.environ, ENVIRONMENT: str(root.path), "JPY_SESSION_NAME": str(target)}
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise TrackerError(
            f"The demo stopped: {error.ename}: {error.evalue}", hint="Report it with the text above."
        ) from error
    finally:
        nbformat.write(notebook, target)
    return target


def source() -> Path:
    """Return where the demo notebook is: in the package, or in a checkout beside it."""
    packaged = Path(str(files("jupyter_tracker") / "demo_notebooks" / NOTEBOOK))
    return packaged if packaged.exists() else Path(__file__).parent.parent / "demo_notebooks" / NOTEBOOK


def open_lab(notebook: Path) -> None:
    """Open JupyterLab on the executed notebook; returns when it is closed."""
    subprocess.run([sys.executable, "-m", "jupyterlab", str(notebook)], cwd=notebook.parent, check=False)


def _require(*modules: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise Invalid(f"The demo needs {', '.join(missing)}", hint='pip install "jupyter-tracker[demo]"')
