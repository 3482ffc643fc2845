"""What a run was computed with: interpreter, machine, packages, and who ran it.

The package list is read once per process and search path. Of the environment variables only an allow-list is
taken.
"""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from jupyter_tracker.capture.secrets import MASK, mask

ALLOWED = (
    "CONDA_DEFAULT_ENV",
    "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_PROCID",
    "SLURM_NTASKS",
    "PBS_JOBID",
    "LSB_JOBID",
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "JUPYTERHUB_USER",
    "KAGGLE_KERNEL_RUN_TYPE",
    "COLAB_RELEASE_TAG",
    "DATABRICKS_RUNTIME_VERSION",
    "SAGEMAKER_JOB_NAME",
    "CI",
)

_packages: tuple[object, dict[str, str]] | None = None


def capture_environment() -> dict[str, Any]:
    """The surroundings as JSON values. Parts that cannot be told are None or empty. May take seconds."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": cpu_count(),
        "memory_bytes": memory_bytes(),
        "gpus": gpus(),
        "packages": packages(),
        "argv": arguments(sys.argv),
        "variables": variables(os.environ),
    }


def cpu_count() -> int | None:
    """Processors this process may use, which under a scheduler or container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def memory_bytes() -> int | None:
    """Physical memory of the machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        pass
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().total)


def gpus(command: str = "nvidia-smi", timeout: float = 3.0) -> list[dict[str, Any]]:
    """Name, memory and driver of each NVIDIA GPU, as the driver's tool tells; empty without one."""
    program = shutil.which(command)
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return [
        {"name": row[0], "memory_bytes": int(row[1]) * 2**20 if row[1].isdigit() else None, "driver": row[2]}
        for row in rows
        if len(row) == 3
    ]


def packages() -> dict[str, str]:
    """Installed distributions, ``{name: version}`` sorted by name; the first on the search path wins.

    Names are normalised (``scikit-learn``). The answer is kept until the search path or a folder on it
    changes.
    """
    global _packages
    state = tuple((entry, _changed(entry or ".")) for entry in sys.path)
    if _packages is None or _packages[0] != state:
        found: dict[str, str] = {}
        for entry in sys.path:
            for name, version in _distributions(entry or "."):
                found.setdefault(name, version)
        _packages = (state, dict(sorted(found.items())))
    return dict(_packages[1])


def _changed(entry: str) -> int:
    try:
        return os.stat(entry).st_mtime_ns
    except OSError:
        return 0


def _distributions(entry: str) -> Iterator[tuple[str, str]]:
    """Name and version of what is installed in one folder, told from folder names without opening a file.

    Reading the metadata of 200 distributions takes 150 ms, listing their folder names 1 ms. Only what does
    not carry its version in its name (eggs, zipped folders) is asked of `importlib.metadata`.
    """
    try:
        names = os.listdir(entry)
    except NotADirectoryError:
        yield from _metadata(entry)
        return
    except OSError:
        return
    if any(name.endswith((".egg-info", ".egg")) for name in names):
        yield from _metadata(entry)
    for name in names:
        if name.endswith(".dist-info"):
            project, _, version = name.removesuffix(".dist-info").rpartition("-")
            if project:
                yield _normal(project), version


def _metadata(entry: str) -> Iterator[tuple[str, str]]:
    from importlib import metadata

    for distribution in metadata.distributions(path=[entry]):
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if name and version:
            yield _normal(name), version


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def arguments(argv: list[str]) -> list[str]:
    """The command line with secrets masked, also where the option and its value are two arguments."""
    masked = [mask(argument)[0] for argument in argv]
    for n, (option, value) in enumerate(itertools.pairwise(argv), start=1):
        if (
            option.startswith("--")
            and "=" not in option
            and mask(f"{option} {value}")[0] == f"{option} {MASK}"
        ):
            masked[n] = MASK
    return masked


def variables(environ: Any) -> dict[str, str]:
    """The environment variables that are on the allow-list."""
    return {name: mask(environ[name])[0] for name in ALLOWED if environ.get(name)}


def user() -> str | None:
    """The user's login name; where there is none (a bare uid in a container), git's user.name."""
    import getpass

    try:
        return getpass.getuser()
    except (
        KeyError,
        OSError,
        ImportError,
    ):  # OSError since Python 3.13, before it KeyError, ImportError on Windows
        return _git_user()


def _git_user(timeout: float = 2.0) -> str | None:
    try:
        done = subprocess.run(
            ["git", "config", "user.name"],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def host() -> str:
    """The machine's name."""
    return platform.node() or "localhost"
