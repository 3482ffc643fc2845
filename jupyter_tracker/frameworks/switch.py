"""Whether autologging is on here and now, and for which run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..fluent import active_run
from ..run import Run

always = False
depth = 0
excluded: frozenset[str] = frozenset()


class _Training(threading.local):
    level = 0


_training = _Training()


def run_for(framework: str) -> Run | None:
    """Return the run that training of a framework is recorded in, None when it is not recorded."""
    if not (always or depth) or framework in excluded:
        return None
    return active_run()


def level() -> int:
    """Return inside how many training calls the caller is: 0 for what the user called.

    A worker thread of joblib is inside whoever started it.
    """
    return _training.level or int(_in_joblib())


@contextmanager
def training() -> Iterator[None]:
    """Be inside a training call; what it calls in turn is not the user's."""
    _training.level += 1
    try:
        yield
    finally:
        _training.level -= 1


def _in_joblib() -> bool:
    if threading.current_thread() is threading.main_thread():
        return False
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (the documented way to one's own stack)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("joblib"):
            return True
        frame = frame.f_back
    return False
