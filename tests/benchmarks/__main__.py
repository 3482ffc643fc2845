"""Measure jupyter_tracker side by side with other trackers, and write docs/benchmarks.md.

    python tests/benchmarks [--rivals PYTHON] [--only SUBJECT ...] [--place DIRECTORY]

Every figure comes from a fresh process. Figures go to tests/benchmarks-results/results.json, each subject as it is
done; `--only` measures some subjects anew and keeps the rest. `--rivals` is a Python that has mlflow, trackio, wandb
and tensorboardX (by default this one). Files are made below `--place`, which should be a disk, not a tmpfs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
RESULTS = HERE.parent / "benchmarks-results" / "results.json"
RIVALS = ("mlflow", "trackio", "wandb", "tensorboardX")
SCALARS = {
    "jupyter_tracker": 100_000,
    "tensorboardX": 100_000,
    "wandb": 20_000,
    "trackio": 2_000,
    "mlflow": 300,
}
HEAVY = ("duckdb", "pandas", "IPython", "tornado")
SIZES = {1_000: 200_000, 10_000: 2_000_000, 100_000: 20_000_000}
QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}


class Bench:
    """The two Pythons and the disk that subjects use."""

    def __init__(self, rivals: str, place: str) -> None:
        self.rivals, self.place = rivals, place

    def json(self, python: str, *arguments: str) -> Any:
        """Run a program and return the JSON object on the last line it prints."""
        shown = self.output(python, *arguments)
        return json.loads(shown.strip().splitlines()[-1])

    def output(self, python: str, *arguments: str) -> str:
        environment = (
            {**os.environ, **QUIET, "PYTHONPATH": str(TOP)} if self.uninstalled else {**os.environ, **QUIET}
        )
        done = subprocess.run(
            [python, *arguments], capture_output=True, text=True, env=environment, cwd=self.place, timeout=400
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    @property
    def uninstalled(self) -> bool:
        """Whether the package is measured in the work tree, for want of an installed one."""
        return not any((Path(part) / "jupyter_tracker").is_dir() for part in sys.path[1:] if part)

    def python_of(self, tracker: str) -> str:
        return sys.executable if tracker == "jupyter_tracker" else self.rivals

    def directory(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(dir=self.place, ignore_cleanup_errors=True)


def imports(bench: Bench) -> dict[str, Any]:
    """Median of five imports, each in a process of its own, after one to warm the disk's cache."""
    figures: dict[str, Any] = {}
    for name in ("jupyter_tracker", *RIVALS):
        code = f"import time; t = time.perf_counter(); import {name}; print(); print((time.perf_counter() - t) * 1000)"
        taken = [bench.json(bench.python_of(name), "-c", code) for _ in range(6)]
        figures[name] = statistics.median(taken[1:])
    code = f"import json, sys, jupyter_tracker; print(json.dumps([n for n in {HEAVY} if n in sys.modules]))"
    figures["heavy"] = bench.json(sys.executable, "-c", code)
    return figures


def scalars(bench: Bench) -> dict[str, Any]:
    """Time per logged scalar."""
    figures = {}
    for name, count in SCALARS.items():
        with bench.directory() as directory:
            figures[name] = bench.json(
                bench.python_of(name), str(HERE / "scalars.py"), name, str(count), directory
            )
    return figures


def sizes(bench: Bench) -> dict[str, Any]:
    """Bytes on disk of one run with 10,000 scalars."""
    figures: dict[str, Any] = {}
    for name in SCALARS:
        with bench.directory() as directory:
            bench.output(bench.python_of(name), str(HERE / "scalars.py"), name, "10000", directory, "--batch")
            figures[name] = _bytes(Path(directory))
            if name == "jupyter_tracker":
                code = f"import jupyter_tracker as jt; jt.set_root({directory!r}); jt.sql('SELECT 1')"
                bench.output(sys.executable, "-c", code)
                figures["database"] = _bytes(Path(directory)) - figures[name]
    return figures


def _bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def cells(bench: Bench) -> Any:
    """What `%%track` adds to an empty cell."""
    with bench.directory() as directory:
        return bench.json(sys.executable, str(HERE / "cells.py"), directory)


def store(bench: Bench) -> dict[str, Any]:
    """Ingest, and reading at three sizes."""
    code = "import json, sys, store; print(json.dumps(store.{}))"
    figures: dict[str, Any] = {"ingest": _store(bench, code.format("ingest(2_000_000)")), "reading": []}
    for runs, points in SIZES.items():
        figures["reading"].append(_store(bench, code.format(f"reading({runs}, {points})")))
    return figures


def _store(bench: Bench, code: str) -> Any:
    return bench.json(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); {code}")


def search(bench: Bench) -> list[Any]:
    """mlflow's search at 100 and at up to 1,000 runs."""
    figures = []
    for runs in (100, 1000):
        with bench.directory() as directory:
            figures.append(bench.json(bench.rivals, str(HERE / "searching.py"), directory, str(runs), "45"))
    return figures


def crowd(bench: Bench) -> Any:
    """Eight processes logging, one polling, two querying."""
    with bench.directory() as directory:
        return bench.json(sys.executable, str(HERE / "crowd.py"), directory, "10")


SUBJECTS: dict[str, Callable[[Bench], Any]] = {
    each.__name__: each for each in (imports, scalars, sizes, cells, store, search, crowd)
}


def machine(bench: Bench) -> dict[str, Any]:
    """What the figures were measured on and with."""
    code = f"import json; from importlib.metadata import version; print(json.dumps({{n: version(n) for n in {RIVALS}}}))"
    ours = "import json, duckdb; print(json.dumps(duckdb.__version__))"
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {
            "duckdb": bench.json(sys.executable, "-c", ours),
            **bench.json(bench.rivals, "-c", code),
        },
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure side by side with other trackers.")
    parser.add_argument("--rivals", default=sys.executable)
    parser.add_argument("--place", default=str(HERE.parent))
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    args = parser.parse_args()
    bench = Bench(args.rivals, args.place)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results["machine"] = machine(bench)
    RESULTS.parent.mkdir(exist_ok=True)
    (RESULTS.parent / ".gitignore").write_text("*\n")
    for name in args.only:
        began = time.perf_counter()
        results[name] = SUBJECTS[name](bench)
        results.setdefault("load", {})[name] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    if all(name in results for name in SUBJECTS):
        import report

        (TOP / "docs" / "benchmarks.md").write_text(report.page(results))


if __name__ == "__main__":
    main()
