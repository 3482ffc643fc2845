"""What every run records of its circumstances, whichever door it was started through."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import spool
from .background import Background, Job, shared
from .environment import capture_environment
from .git import capture_git
from .place import Place, here
from .system import ProcessMeter, Sampler

if TYPE_CHECKING:
    from ..run import Run

DEADLINE = 5.0

_closing: set[Job] = set()


def observe(run: Run, place: Place | None = None, *, shell: Any = None, system: bool = True) -> None:
    """Record source, git state, environment, load and cost of `run` until it ends.

    Returns at once, and nothing here makes the end of the run wait: what is slow is done on
    another thread and may be written a moment after the run has ended.
    """
    place = place or here(shell)
    run.record("source", place.as_source())
    shared().submit("git", lambda: capture_git(place.directory), run.record)
    shared().submit("environment", capture_environment, run.record)
    shared().submit("spool", lambda: spool.recover(run.root), _ignore)
    meter = ProcessMeter()
    meter.start()
    sampler = Sampler(run.log_metrics) if system else None
    if sampler is not None:
        sampler.start()
    run.before_end(lambda: run.record("process", meter.stop()))
    run.close_after(lambda close: _close_later(close, sampler))


def _close_later(close: Callable[[], None], sampler: Sampler | None) -> None:
    """Close after the slow captures: the worker takes one job after the other, this one last."""

    def work() -> None:
        if sampler is not None:
            sampler.stop()
        close()

    _closing.difference_update([job for job in _closing if job.done])
    _closing.add(shared().submit("close", work, _ignore))


@atexit.register
def settle(timeout: float = DEADLINE) -> bool:
    """Wait until the last facts of the runs that have ended are written; False if `timeout` seconds did not do."""
    return not Background.join(_closing, timeout)


def _ignore(section: str, value: Any) -> None:
    """The result of this job is its effect."""
