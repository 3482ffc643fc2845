"""Slow captures on a thread of their own."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from jupyter_tracker.capture.background import Background, shared
from jupyter_tracker.capture.guard import contained, reason


class Record:
    """A sink that keeps what it was given."""

    def __init__(self) -> None:
        self.values: list[tuple[str, Any]] = []
        self.threads: set[str] = set()

    def __call__(self, section: str, value: Any) -> None:
        self.values.append((section, value))
        self.threads.add(threading.current_thread().name)


def test_values_arrive_in_order_from_one_daemon_thread() -> None:
    background, record = Background("test-capture"), Record()
    jobs = [background.submit(f"s{n}", lambda n=n: n * n, record) for n in range(20)]
    assert Background.join(jobs, 5) == []
    assert record.values == [(f"s{n}", n * n) for n in range(20)]
    assert record.threads == {"test-capture"}
    assert all(job.done for job in jobs)
    assert [t.daemon for t in threading.enumerate() if t.name == "test-capture"] == [True]


def test_an_error_becomes_a_reason_and_the_next_job_runs() -> None:
    background, record = Background(), Record()

    def broken() -> None:
        raise LookupError("no such\nthing")

    jobs = [background.submit("bad", broken, record), background.submit("good", lambda: 1, record)]
    assert Background.join(jobs, 5) == []
    assert record.values == [("bad", {"reason": "LookupError: no such"}), ("good", 1)]


def test_a_sink_that_fails_stops_nothing() -> None:
    background, record = Background(), Record()

    def sink(section: str, value: Any) -> None:
        raise OSError("disk full")

    jobs = [background.submit("lost", lambda: 1, sink), background.submit("kept", lambda: 2, record)]
    assert Background.join(jobs, 5) == []
    assert record.values == [("kept", 2)]


def test_what_is_late_is_settled_once_with_a_reason() -> None:
    background, record, gate = Background(), Record(), threading.Event()
    jobs = [background.submit("slow", gate.wait, record), background.submit("queued", lambda: 1, record)]
    start = time.monotonic()
    assert Background.join(jobs, 0.1) == ["slow", "queued"]
    assert time.monotonic() - start < 2
    late = {"reason": "not finished when the run ended"}
    assert record.values == [("slow", late), ("queued", late)]
    gate.set()
    after = background.submit("after", lambda: 3, record)
    assert Background.join([after], 5) == []
    assert record.values[2:] == [("after", 3)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_a_worker_of_its_own() -> None:
    background, gate = Background(), threading.Event()
    record = Record()
    parents = background.submit("parent", gate.wait, record)
    child = os.fork()
    if child == 0:
        mine = Record()
        job = background.submit("child", lambda: os.getpid(), mine)
        ok = Background.join([parents, job], 5) == [] and mine.values == [("child", os.getpid())]
        os._exit(0 if ok and not record.values else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.set()
    assert Background.join([parents], 5) == []
    assert record.values == [("parent", True)]


def test_the_shared_worker_is_one() -> None:
    assert shared() is shared()


def test_contained_lets_an_interrupt_through() -> None:
    with pytest.raises(KeyboardInterrupt), contained():
        raise KeyboardInterrupt


def test_a_reason_is_one_short_line_even_of_a_hostile_error() -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert reason(Hostile()) == "Hostile: (its message cannot be read)"
    assert reason(ValueError()) == "ValueError"
    assert len(reason(ValueError("x" * 1000))) <= 300
