"""Every check of the project: `nox` runs them all but the benchmarks, `nox -l` lists them.

The tests run against the built wheel, in one environment per DuckDB line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "unit", "contract", "crash", "server", "browser", "duckdb-1.5"]

WORKERS = str(os.cpu_count() or 2)


def install(session: nox.Session, extra: str, *more: str) -> None:
    """Install the project as its users do, from the source tree, with the libraries of `extra`."""
    session.install(f".[{extra}]", *more)


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest on the installed package: away from the source tree, which must not be imported by chance."""
    session.run("pytest", *arguments, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style of the Python and TypeScript sources."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package, strictly."""
    install(session, "test", "mypy>=1.13", "pandas-stubs", "types-psutil")
    session.run("mypy")


@nox.session
def unit(session: nox.Session) -> None:
    """The common loop: everything that needs no kernel killed and no browser."""
    install(session, "test")
    pytest(session, "tests/unit", "tests/rules", "-n", WORKERS)


@nox.session
def contract(session: nox.Session) -> None:
    """What every store, format and notebook must hold, and the demo."""
    install(session, "test")
    pytest(session, "tests/contract")


@nox.session
def crash(session: nox.Session) -> None:
    """Kills, damage, full disks and races."""
    install(session, "test")
    pytest(session, "tests/crash")
