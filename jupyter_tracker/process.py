"""Who writes: the identity of this process, and whether another one is still alive."""

from __future__ import annotations

import os
import platform
import uuid
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process on some host. A pid is reused; with the boot and its start time it is not."""

    host: str
    boot_id: str
    pid: int
    pid_start: int


def current() -> Process:
    """Return the identity of the calling process."""
    pid = os.getpid()
    return Process(host(), boot_id(), pid, _start(pid) or 0)


@lru_cache(maxsize=1)
def host() -> str:
    """Return this machine's network name."""
    return platform.node() or "localhost"


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what tells this boot of this machine from every other; the machine's address where there is no such file."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{uuid.getnode():012x}"


def alive(process: Process) -> bool | None:
    """Tell whether `process` still runs; None when it belongs to another host and nobody here can know."""
    if process.host != host():
        return None
    if process.boot_id != boot_id():
        return False
    started = _start(process.pid)
    return started is not None and (not process.pid_start or started == process.pid_start)


def _start(pid: int) -> int | None:
    """Return the start time of a local process (clock ticks since boot on Linux), None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _start_portable(pid)
    except (ProcessLookupError, PermissionError):
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _start_portable(pid: int) -> int | None:
    import psutil

    try:
        return int(psutil.Process(pid).create_time() * 100)
    except psutil.Error:
        return None
