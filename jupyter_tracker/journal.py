"""The journal: the append-only event file of one process about one run.

Promise. When `append` has returned, the event is *accepted*: it survives `kill -9` of this
process. An accepted event that is a second old, or was followed by `flush`, is *durable*: it
survives loss of power. Nothing here raises because of a disk: what cannot be written waits in
memory, then goes to the spool; what must be given up is counted in `dropped`.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import keeper, spool
from .errors import Corrupt
from .events import FORMAT, Event, body, decode, metrics_body, now, numbered
from .process import current
from .roots import Root

SEGMENT_BYTES = 64 * 2**20
RETRY_SECONDS = 1.0
SILENT_TICKS = 10

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_log = logging.getLogger("jupyter_tracker")
_open: weakref.WeakSet[Journal] = weakref.WeakSet()


class Journal:
    """Appends the events of this process about one run; safe to use from any thread.

    `writer` names the journal inside the run. The file appears with the first event. After a
    fork the child's journal is a new one with a writer of its own.
    """

    def __init__(self, root: Root, run_id: str, writer: str | None = None) -> None:
        self.root = root
        self.run_id = run_id
        self.writer = writer or secrets.token_hex(8)
        self.dropped = 0
        self.spooled = False
        self._waiting = spool.Waiting()
        self._reset()
        _open.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._fd = -1
        self._path = Path()
        self._segment = 0
        self._seq = 0
        self._size = 0
        self._synced = 0
        self._retry_at = 0.0
        self._silent = 0
        self._seen = 0
        self._warned = False

    @property
    def seq(self) -> int:
        """The number of the newest event."""
        return self._seq

    @property
    def unsaved(self) -> int:
        """How many events wait in memory because they could not be written yet."""
        return len(self._waiting)

    def append(self, kind: str, fields: Mapping[str, Any], at: int | None = None) -> None:
        """Accept one event; `at` is its time in UTC microseconds, now by default."""
        self._accept(body(now() if at is None else at, kind, fields))

    def append_metrics(self, step: int, values: Mapping[str, str], at: int | None = None) -> None:
        """Accept one metrics event; `values` holds keys and numbers as `events.key` and `events.number` write them."""
        self._accept(metrics_body(now() if at is None else at, step, values))

    def flush(self) -> bool:
        """Make every accepted event durable; False when some of them are still in memory."""
        with self._lock:
            self._retry(force=True)
            self._sync()
            return not self._waiting

    def close(self) -> None:
        """Seal the journal and make it durable. The next event opens a new segment."""
        with self._lock:
            if self._fd < 0 and not self._waiting:
                return
            self.append("seal", {})
            if not self.flush():
                self._to_spool()
            if self._waiting:
                self._give_up(len(self._waiting), "no place to write")
                self._waiting.clear()
            self._close_file()
        keeper.forget(self)

    def tick(self) -> None:
        """Do what is due once a second: retry, sync, heartbeat, and look whether the file is still there."""
        with self._lock:
            if self._fd < 0:
                return
            self._revive()
            self._retry(force=True)
            self._beat()
            self._sync()

    def after_fork(self) -> None:
        """Become the child's own journal: another writer, nothing of the parent's file."""
        inherited, self.writer = self._fd, secrets.token_hex(8)
        self._waiting.clear()
        self._reset()
        if inherited >= 0:
            os.close(inherited)

    def _accept(self, content: bytes) -> None:
        with self._lock:
            if self._fd < 0:
                self._start()
            if self._waiting:
                self._wait(content)
                self._retry()
                return
            try:
                self._put(content)
            except OSError as error:
                self._failed(error)
                self._wait(content)

    def _put(self, content: bytes) -> None:
        """Write one line with one call, or leave the file as it was; an interrupt leaves the numbering whole."""
        if self._fd < 0:
            self._open_segment()
        seq, size = self._seq + 1, self._size
        line = numbered(seq, content)
        try:
            written = os.write(self._fd, line)
            self._size = size + written
            self._seq = seq
        except BaseException:
            self._settle(seq, size)
            raise
        if written != len(line):
            self._cut(seq - 1, size)
        if size > SEGMENT_BYTES:
            self._sync()
            self._close_file()

    def _beat(self) -> None:
        """Write a heartbeat after ten silent ticks: a living run is never silent for long."""
        self._silent = self._silent + 1 if self._seq == self._seen else 0
        if self._silent >= SILENT_TICKS:
            self.append("heartbeat", {})
            self._silent = 0
        self._seen = self._seq

    def _settle(self, seq: int, size: int) -> None:
        """After an interrupt inside `_put`: count the line if the file has it."""
        self._size = os.fstat(self._fd).st_size
        self._seq = seq if self._size > size else seq - 1

    def _cut(self, seq: int, size: int) -> None:
        """Take back a line of which only a part found room."""
        self._seq, self._size = seq, size
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            self._close_file()
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _start(self) -> None:
        try:
            self._open_segment()
        except OSError as error:
            self._failed(error)
            self._to_spool()
        keeper.watch(self)

    def _open_segment(self) -> None:
        runs = spool.directory(self.root) if self.spooled else self.root.runs
        if not self.spooled:
            mark(self.root, self.run_id, self.writer)
        directory = runs / self.run_id / self.writer
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segment += 1
        self._path = directory / f"{self._segment:06d}.ndjson"
        self._fd = os.open(self._path, _FLAGS, 0o600)
        self._size = self._synced = 0
        self._put(body(now(), "header", self._header()))
        if not self.spooled:
            mark(
                self.root, self.run_id, self.writer
            )  # a reader may have taken the first mark for that of a sealed journal

    def _header(self) -> dict[str, Any]:
        identity = {"format": FORMAT, "run": self.run_id, "writer": self.writer, "segment": self._segment}
        return identity | current()._asdict()

    def _wait(self, content: bytes) -> None:
        lost = self._waiting.add(content)
        if lost:
            self._give_up(lost, "too much waits in memory")

    def _retry(self, force: bool = False) -> None:
        """Write what waits, oldest first, until something fails again."""
        if not self._waiting or not (force or time.monotonic() >= self._retry_at):
            return
        try:
            while self._waiting:
                self._put(self._waiting.first())
                self._waiting.pop()
        except OSError as error:
            self._failed(error)
        else:
            self._warned = False

    def _to_spool(self) -> None:
        """Go on in the user's own spool directory; `spool.recover` brings the events home."""
        self._close_file()
        self.spooled = True
        try:
            self._open_segment()
        except OSError as error:
            self._failed(error)
            return
        self._retry(force=True)

    def _failed(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if not self._warned:
            self._warned = True
            _log.warning(
                "Run %s cannot be written for now (%s); its events are kept and retried.", self.run_id, error
            )

    def _give_up(self, count: int, why: str) -> None:
        self.dropped += count
        _log.warning("%d events of run %s were not saved: %s.", count, self.run_id, why)

    def _sync(self) -> None:
        if self._fd < 0 or self._synced == self._size:
            return
        try:
            os.fdatasync(self._fd) if hasattr(os, "fdatasync") else os.fsync(self._fd)
            self._synced = self._size
        except OSError as error:
            self._failed(error)
            self._rewrite()

    def _revive(self) -> None:
        """Write the segment again if somebody removed it: the open descriptor still holds every byte."""
        try:
            lost = os.fstat(self._fd).st_nlink == 0
        except OSError as error:
            self._failed(error)
            return
        if lost:
            self._rewrite()

    def _rewrite(self) -> None:
        """Put a byte-identical copy of the segment in its place and go on in it.

        A reader's position stays right. Until that works, the old descriptor keeps everything.
        """
        try:
            mark(self.root, self.run_id, self.writer)
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy = self._path.with_name(f"{self._path.name}.tmp")
            fd = os.open(copy, _FLAGS & ~os.O_EXCL | os.O_TRUNC, 0o600)
            try:
                _copy(self._fd, fd, self._size)
                os.rename(copy, self._path)
            except BaseException:
                os.close(fd)
                raise
        except OSError as error:
            self._failed(error)
            return
        os.close(self._fd)
        self._fd, self._synced = fd, self._size

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _copy(source: int, target: int, size: int) -> None:
    offset = 0
    while offset < size:
        offset += os.write(target, os.pread(source, min(size - offset, 2**20), offset))
    os.fsync(target)


def mark(root: Root, run_id: str, writer: str) -> None:
    """Announce a journal to readers, before it exists: they look at marked journals only."""
    marker = root.active / f"{run_id}.{writer}"
    try:
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600))
    except FileNotFoundError:
        root.active.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600))


def segments(root: Root, run_id: str, writer: str) -> list[Path]:
    """Return the segment files of one journal in order."""
    return sorted((root.runs / run_id / writer).glob("[0-9]*.ndjson"))


def writers(root: Root, run_id: str) -> list[str]:
    """Return the writers that have a journal in the run, in no order that means anything."""
    directory = root.runs / run_id
    if not directory.is_dir():
        return []
    return sorted(
        entry.name for entry in os.scandir(directory) if entry.is_dir() and entry.name != "artifacts"
    )


def read(root: Root, run_id: str) -> Iterator[Event]:
    """Yield the whole and undamaged events of a run, journal by journal; nothing of it is opened for writing."""
    for writer in writers(root, run_id):
        newest = 0
        for segment in segments(root, run_id, writer):
            for event in _events(segment):
                if event.seq > newest:
                    newest = event.seq
                    yield event


def _events(segment: Path) -> Iterator[Event]:
    for line in segment.read_bytes().splitlines(keepends=True):
        try:
            yield decode(line)
        except Corrupt:
            continue


def _after_fork() -> None:
    keeper.after_fork()
    for journal in list(_open):
        journal.after_fork()


os.register_at_fork(after_in_child=_after_fork)
