"""A real Jupyter server with the extension, per test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import jupyter_tracker as jt
from jupyter_tracker.roots import ENVIRONMENT, SERVER_ENVIRONMENT

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture(autouse=True)
def _no_root_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outside a test decides which root is looked at, and nothing stays behind."""
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setenv(SERVER_ENVIRONMENT, "set so that it is put back")
    monkeypatch.delenv(SERVER_ENVIRONMENT)


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    extensions = {"jupyter_tracker": True, "jupyter_server_terminals": False}
    return {"ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False}}


@pytest.fixture
def directory(jp_root_dir: Path) -> Path:
    return jp_root_dir.resolve()


@pytest.fixture
def recorded(directory: Path) -> Path:
    """A root in the server's directory with an experiment of two runs."""
    jt.set_root(directory)
    jt.set_experiment("churn")
    for name, rmse in (("first", 0.5), ("second", 0.4)):
        with jt.start_run(name) as run:
            run.log(rmse=rmse)
    return directory
