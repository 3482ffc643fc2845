"""One process at a time opens the database: an advisory lock on a file beside it.

The kernel releases the lock when its holder dies, however it dies, so there is nothing to steal and nothing
to clean up. The file holds who has the lock (pid, command, since) while it is held, for those who wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..errors import StoreBusy

_POLL = 0.01
_held: set[int] = set()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, as far as its file tells; pid 0 when unknown."""

    pid: int = 0
    command: str = ""
    since: float = 0.0

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        held = max(0, round(time.time() - self.since)) if self.since else 0
        return f"process {self.pid} ({self.command or 'unknown command'}), for {held} s"


def holder(path: Path) -> Holder:
    """Read who holds the lock at `path`; an empty or half-written file gives an unknown holder."""
    try:
        said = json.loads(path.read_bytes())
        return Holder(int(said["pid"]), str(said["command"]), float(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


class Lock:
    """The exclusive lock on `path`: try once (`timeout=0`) or wait up to `timeout` seconds.

    Not re-entrant. Threads of one process exclude each other like processes do. A child forked while the
    lock is held does not hold it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def try_acquire(self) -> bool:
        """Take the lock if it is free; never waits."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _held.add(fd)
        self._sign()
        return True

    def acquire(self, timeout: float) -> None:
        """Take the lock, waiting up to `timeout` seconds; StoreBusy names the holder."""
        deadline = time.monotonic() + timeout
        while not self.try_acquire():
            if time.monotonic() >= deadline:
                raise busy(str(holder(self.path)), timeout)
            time.sleep(_POLL)

    def release(self) -> None:
        """Give the lock back. Unlocking before closing frees it even if a forked child still has the descriptor."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        _held.discard(fd)
        with suppress(OSError):
            os.ftruncate(fd, 0)
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    def _sign(self) -> None:
        command = " ".join(os.path.basename(word) for word in sys.orig_argv[:3])
        said = json.dumps({"pid": os.getpid(), "command": command, "since": time.time()}).encode()
        with suppress(OSError):  # a full disk must not keep anybody from reading
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, said, 0)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def busy(who: str, timeout: float) -> StoreBusy:
    """The error for a store that stayed locked for `timeout` seconds by `who`."""
    return StoreBusy(
        f"the store is in use by {who}",
        hint=f"waited {timeout:g} s; logging goes on meanwhile. Try again, or close the program that holds it.",
    )


def _forget_in_child() -> None:
    for fd in _held:
        os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
