"""Slow captures off the cell's path: one daemon thread that runs them in order.

A capture is a function without arguments; its value goes to a sink. An error becomes the value
``{"reason": "…"}``, and so does a capture that has not finished when its run ends.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

from jupyter_tracker.capture.guard import contained, reason

Sink = Callable[[str, Any], None]


class Job:
    """One capture under way. Its sink is called at most once, by whoever settles it first."""

    def __init__(self, section: str, work: Callable[[], Any], sink: Sink) -> None:
        self.section = section
        self._work = work
        self._sink = sink
        self._settled = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._pid = os.getpid()

    @property
    def done(self) -> bool:
        """True once the sink has been called and has returned."""
        return self._done.is_set()

    def run(self) -> None:
        """Do the work and hand its value, or the reason why there is none, to the sink."""
        if self._settled:
            return
        failures: list[str] = []
        value: Any = None
        with contained(failures.append):
            value = self._work()
        self._settle({"reason": failures[0]} if failures else value)

    def wait(self, deadline: float) -> bool:
        """Wait until `deadline` (of `time.monotonic`); what is late is settled with a reason. True if in
        time.

        In a forked child there is nothing to wait for: the job is its parent's.
        """
        if self._pid != os.getpid() or self._done.wait(max(0.0, deadline - time.monotonic())):
            return True
        self._settle({"reason": "not finished when the run ended"})
        return False

    def _settle(self, value: Any) -> None:
        with self._lock:
            if self._settled:
                return
            self._settled = True
        with contained():
            self._sink(self.section, value)
        self._done.set()


class Background:
    """Runs jobs one after the other on a daemon thread that is started with the first job.

    Safe to use from any thread; after a fork the child starts a thread of its own and the jobs of its
    parent stay with the parent.
    """

    def __init__(self, name: str = "jupyter-tracker-capture") -> None:
        self._name = name
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Job] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, section: str, work: Callable[[], Any], sink: Sink) -> Job:
        """Queue `work`; later ``sink(section, value)`` is called on the worker thread. Never raises."""
        if self._pid != os.getpid():
            self._reset()
        job = Job(section, work, sink)
        self._queue.put(job)
        with self._lock:
            if self._thread is None:
                self._start(job)
        return job

    def _start(self, job: Job) -> None:
        thread = threading.Thread(target=self._serve, args=(self._queue,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no thread to be had, or the interpreter is going down
            job._settle({"reason": reason(error)})
            return
        self._thread = thread

    @staticmethod
    def _serve(queue: SimpleQueue[Job]) -> None:
        while True:
            queue.get().run()

    @staticmethod
    def join(jobs: Iterable[Job], timeout: float) -> list[str]:
        """Wait for `jobs` at most `timeout` seconds in all; return the sections that were not finished."""
        deadline = time.monotonic() + timeout
        return [job.section for job in jobs if not job.wait(deadline)]


_shared: Background | None = None


def shared() -> Background:
    """The worker of this process, made when first asked for."""
    global _shared
    if _shared is None:
        _shared = Background()
    return _shared
