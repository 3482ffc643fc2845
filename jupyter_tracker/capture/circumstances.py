"""What every run records of its circumstances, whichever door it was started through."""

from __future__ import annotations

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


def observe(run: Run, place: Place | None = None, *, shell: Any = None, system: bool = True) -> None:
    """Record source, git state, environment, load and cost of `run` until it ends.

    Returns at once: what is slow runs on another thread, and the end of the run waits for it at
    most five seconds.
    """
    place = place or here(shell)
    run.record("source", place.as_source())
    jobs = [
        shared().submit("git", lambda: capture_git(place.directory), run.record),
        shared().submit("environment", capture_environment, run.record),
        shared().submit("spool", lambda: spool.recover(run.root), _ignore),
    ]
    meter = ProcessMeter()
    meter.start()
    sampler = Sampler(run.log_metrics) if system else None
    if sampler is not None:
        sampler.start()
    run.before_end(lambda: _conclude(run, jobs, meter, sampler))


def _conclude(run: Run, jobs: list[Job], meter: ProcessMeter, sampler: Sampler | None) -> None:
    run.record("process", meter.stop())
    if sampler is not None:
        sampler.stop()
    Background.join(jobs, DEADLINE)


def _ignore(section: str, value: Any) -> None:
    """The result of this job is its effect."""
