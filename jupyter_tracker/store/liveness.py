"""Whether the writer of a journal still lives, as seen now. "Running" is observed, never stored as a fact."""

from __future__ import annotations

import time
from pathlib import Path

from ..process import Process, alive
from .batch import Cursor
from .follow import segments

SILENCE = 30_000_000  # µs after which a journal of another host counts as dead


def fate(cursor: Cursor, directory: Path) -> tuple[bool, bool]:
    """(alive, over): whether the writer lives, and whether it is known that nothing will follow in this journal.

    A process of another host cannot be asked: it counts as alive while its newest event, or the last change
    of its file, is younger than 30 s, and is never known to be over unless it sealed its journal.
    """
    if cursor.sealed:
        return False, True
    here = alive(Process(cursor.host, cursor.boot_id, cursor.pid, cursor.pid_start)) if cursor.host else None
    if here is not None:
        return here, not here
    return _heard_lately(cursor, directory), False


def _heard_lately(cursor: Cursor, directory: Path) -> bool:
    now = time.time_ns() // 1000
    if cursor.last_time is not None and abs(now - cursor.last_time) < SILENCE:
        return True
    changed = max((path.stat().st_mtime_ns // 1000 for path in segments(directory).values()), default=0)
    return now - changed < SILENCE
