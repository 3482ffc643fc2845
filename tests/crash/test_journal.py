from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_tracker import journal as journals
from jupyter_tracker import spool
from jupyter_tracker.events import Event, decode
from jupyter_tracker.ids import new_run_id
from jupyter_tracker.journal import Journal, read, segments
from jupyter_tracker.roots import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.create(tmp_path / "root")


@pytest.fixture
def journal(root: Root) -> Journal:
    return Journal(root, new_run_id())


def events(journal: Journal) -> list[Event]:
    return list(read(journal.root, journal.run_id))


def notes(journal: Journal) -> list[str]:
    return [event.fields["text"] for event in events(journal) if event.kind == "note"]


def test_what_was_appended_is_read_back_in_order(journal: Journal) -> None:
    for number in range(100):
        journal.append("note", {"text": str(number)})
    assert notes(journal) == [str(number) for number in range(100)]
    assert [event.seq for event in events(journal)] == list(range(1, 102))


def test_the_first_line_names_run_writer_and_process(journal: Journal) -> None:
    journal.append("note", {"text": "x"})
    first = events(journal)[0]
    assert first.kind == "header"
    assert first.fields["run"] == journal.run_id
    assert first.fields["writer"] == journal.writer
    assert first.fields["pid"] == os.getpid()


def test_a_journal_is_announced_before_it_exists(journal: Journal) -> None:
    journal.append("note", {"text": "x"})
    assert (journal.root.active / f"{journal.run_id}.{journal.writer}").exists()


def test_files_are_private_under_any_umask(journal: Journal) -> None:
    before = os.umask(0)
    try:
        journal.append("note", {"text": "x"})
    finally:
        os.umask(before)
    (segment,) = segments(journal.root, journal.run_id, journal.writer)
    assert segment.stat().st_mode & 0o777 == 0o600
    assert segment.parent.stat().st_mode & 0o777 == 0o700


def test_a_sealed_journal_goes_on_in_a_new_segment(journal: Journal) -> None:
    journal.append("note", {"text": "before"})
    journal.close()
    journal.append("note", {"text": "after"})
    assert len(segments(journal.root, journal.run_id, journal.writer)) == 2
    assert notes(journal) == ["before", "after"]
    assert [event.kind for event in events(journal)] == ["header", "note", "seal", "header", "note"]


def test_segments_are_cut_when_full(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 2000)
    for number in range(200):
        journal.append("note", {"text": str(number)})
    assert len(segments(journal.root, journal.run_id, journal.writer)) > 5
    assert notes(journal) == [str(number) for number in range(200)]


def test_threads_lose_nothing_and_keep_their_order(journal: Journal) -> None:
    def work(name: int) -> None:
        for number in range(1000):
            journal.append("note", {"text": f"{name}:{number}"})

    threads = [threading.Thread(target=work, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = notes(journal)
    assert len(found) == 16_000
    for name in range(16):
        mine = [int(text.partition(":")[2]) for text in found if text.startswith(f"{name}:")]
        assert mine == list(range(1000))


def test_a_forked_child_writes_a_journal_of_its_own(journal: Journal) -> None:
    journal.append("note", {"text": "parent"})

    def child() -> None:
        for number in range(100):
            journal.append("note", {"text": f"child {number}"})

    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=child) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    journal.append("note", {"text": "parent again"})
    found = notes(journal)
    assert len(journals.writers(journal.root, journal.run_id)) == 5
    assert sorted(set(found)) == sorted(
        {"parent", "parent again", *(f"child {number}" for number in range(100))}
    )
    assert len(found) == 402


def test_a_fork_while_another_thread_holds_the_lock_does_not_hang(journal: Journal) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            journal.append("note", {"text": "busy"})

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(50):
            pid = os.fork()
            if pid == 0:
                signal.alarm(5)
                journal.append("note", {"text": "child"})
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            assert status == 0
    finally:
        stop.set()
        thread.join()
    assert notes(journal).count("child") == 50


DISK_FULL = """
import resource, signal, sys
from jupyter_tracker.journal import Journal
from jupyter_tracker.roots import Root
root = Root.open(sys.argv[1])
journal = Journal(root, sys.argv[2])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
for number in range(1000):
    journal.append("note", {"text": str(number)})
waiting = journal.unsaved
assert waiting > 100, waiting
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert journal.flush()
for number in range(1000, 2000):
    journal.append("note", {"text": str(number)})
journal.close()
print(waiting, journal.dropped)
"""


def test_on_a_full_disk_events_wait_and_are_written_when_there_is_room(root: Root) -> None:
    run_id = new_run_id()
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, str(root.path), run_id], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1] == "0"
    assert done.stderr.count("cannot be written for now") == 1
    found = [event.fields["text"] for event in read(root, run_id) if event.kind == "note"]
    assert found == [str(number) for number in range(2000)]
    for writer in journals.writers(root, run_id):
        for segment in segments(root, run_id, writer):
            for line in segment.read_bytes().splitlines(keepends=True):
                decode(line)


def test_more_than_may_wait_is_dropped_and_counted(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool, "WAITING_BYTES", 10_000)
    journal.append("note", {"text": "kept"})

    def refuse(fd: int, line: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(os, "write", refuse)
        for number in range(500):
            journal.append_metrics(number, {'"m"': "1.0"})
        journal.append("note", {"text": "param-like"})
        waiting = journal.unsaved
    assert journal.dropped > 0
    assert journal.dropped + waiting == 501
    assert journal.flush()
    assert notes(journal) == ["kept", "param-like"]
    metrics = [event for event in events(journal) if event.kind == "metrics"]
    assert len(metrics) + journal.dropped == 500


def test_a_root_that_cannot_be_written_spools_and_comes_home(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    aside = tmp_path / "aside"
    root.runs.rename(aside)
    root.runs.write_text("a file where a directory should be")
    journal = Journal(root, new_run_id())
    for number in range(10):
        journal.append("note", {"text": str(number)})
    journal.close()
    assert journal.spooled
    assert journal.dropped == 0
    root.runs.unlink()
    aside.rename(root.runs)
    assert spool.recover(root) == 1
    assert notes(journal) == [str(number) for number in range(10)]
    assert not spool.directory(root).exists()


def test_a_deleted_directory_is_written_again_whole(journal: Journal) -> None:
    for number in range(50):
        journal.append("note", {"text": str(number)})
    shutil.rmtree(journal.root.dir)
    journal.append("note", {"text": "after"})
    journal.tick()
    journal.append("note", {"text": "last"})
    assert notes(journal) == [*(str(number) for number in range(50)), "after", "last"]


def test_a_failed_sync_never_trusts_the_same_file_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append("note", {"text": "one"})
    (segment,) = segments(journal.root, journal.run_id, journal.writer)
    inode = segment.stat().st_ino
    failures = [OSError(5, "Input/output error")]

    def fail_once(fd: int) -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr(os, "fdatasync", fail_once)
    journal.flush()
    journal.append("note", {"text": "two"})
    assert segment.stat().st_ino != inode
    assert notes(journal) == ["one", "two"]


def test_a_silent_run_beats(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append("note", {"text": "x"})
    for _ in range(journals.SILENT_TICKS + 2):
        journal.tick()
    assert [event.kind for event in events(journal)].count("heartbeat") == 1


STORM = """
import signal, sys
from jupyter_tracker.journal import Journal
from jupyter_tracker.roots import Root
journal = Journal(Root.open(sys.argv[1]), sys.argv[2])
written = interrupts = 0
armed = False
def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
while interrupts < 1000:
    try:
        armed = True
        while True:
            journal.append("note", {"text": str(written)})
            written += 1
    except KeyboardInterrupt:
        interrupts += 1
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(written)
sys.stdout.flush()
"""


def test_interrupts_leave_every_line_whole(root: Root) -> None:
    run_id = new_run_id()
    done = subprocess.run(
        [sys.executable, "-c", STORM, str(root.path), run_id], capture_output=True, text=True, check=True
    )
    found = list(read(root, run_id))
    assert set(range(int(done.stdout))) <= {
        int(event.fields["text"]) for event in found if event.kind == "note"
    }
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    for segment in root.runs.rglob("*.ndjson"):
        for line in segment.read_bytes().splitlines(keepends=True):
            decode(line)


def test_many_open_and_closed_journals_leave_no_descriptor(root: Root) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(200):
        journal = Journal(root, new_run_id())
        journal.append("note", {"text": "x"})
        journal.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > before
