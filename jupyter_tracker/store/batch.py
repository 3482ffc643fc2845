"""What one transaction will write: columns gathered from many journals, bounded in size."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from . import kinds
from .decode import Chunk, Fact, Seen

MAX_POINTS = 1_000_000
MAX_BYTES = 256 << 20


@dataclass(slots=True)
class Cursor:
    """How far one journal has been taken, and who wrote it; `tail` is the checksum of the last line taken."""

    journal_idx: int
    run_idx: int
    run_id: str
    writer: str
    segment: int = 1
    offset: int = 0
    tail: str = ""
    seen: Seen = field(default_factory=Seen)
    last_time: int | None = None
    host: str = ""
    boot_id: str = ""
    pid: int = 0
    pid_start: int = 0
    sealed: bool = False
    alive: bool = True
    errors: int = 0

    @property
    def identity(self) -> tuple[str, str]:
        return self.run_id, self.writer


@dataclass(slots=True)
class Keys:
    """Numbers of metric keys; those met for the first time wait in `new` for the transaction that writes them."""

    known: dict[str, int] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)

    def numbers(self, keys: list[str]) -> list[int]:
        try:
            return list(map(self.known.__getitem__, keys))
        except KeyError:
            for key in dict.fromkeys(keys):
                if key not in self.known:
                    self.known[key] = len(self.known)
                    self.new.append(key)
            return list(map(self.known.__getitem__, keys))


Row = tuple[Any, ...]


@dataclass(slots=True)
class Batch:
    """Rows waiting to be written. Rows of a run carry (time, writer, seq), by which the last one wins."""

    run_idx: array[int] = field(default_factory=lambda: array("i"))
    key_idx: array[int] = field(default_factory=lambda: array("i"))
    journal_idx: array[int] = field(default_factory=lambda: array("i"))
    seq: array[int] = field(default_factory=lambda: array("q"))
    time: array[int] = field(default_factory=lambda: array("q"))
    step: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    exact: dict[int, str] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    params: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    artifacts: list[Row] = field(default_factory=list)
    errors: list[Row] = field(default_factory=list)
    cursors: dict[tuple[str, str], Cursor] = field(default_factory=dict)
    folded: set[int] = field(default_factory=set)
    directions: bool = False
    taken: int = 0
    bytes: int = 0

    @property
    def full(self) -> bool:
        return len(self.seq) >= MAX_POINTS or self.bytes >= MAX_BYTES

    def clear(self) -> None:
        """Empty it for the next transaction; whoever holds it goes on adding to the same batch."""
        Batch.__init__(self)

    def add(self, cursor: Cursor, chunk: Chunk, keys: Keys) -> None:
        """Take a decoded chunk of the journal at `cursor` and move its number and time on."""
        self._points(cursor, chunk, keys)
        for fact in chunk.facts:
            self._fact(cursor, fact, keys)
        for bad in chunk.bad:
            self.error(cursor, bad.offset, bad.length, bad.reason)
        if chunk.events:
            cursor.last_time = max(chunk.last_time, cursor.last_time or 0)
            cursor.sealed = chunk.sealed
        self.taken += chunk.events
        self.cursors[cursor.identity] = cursor

    def error(self, cursor: Cursor, offset: int, length: int, reason: str) -> None:
        """Count something wrong with a journal."""
        cursor.errors += 1
        self.errors.append((cursor.run_id, cursor.writer, cursor.segment, offset, length, reason))
        self.cursors[cursor.identity] = cursor

    def _points(self, cursor: Cursor, chunk: Chunk, keys: Keys) -> None:
        count = len(chunk.seq)
        if not count:
            return
        for position, exact in chunk.exact.items():
            self.exact[len(self.seq) + position] = exact
        self.run_idx.extend(array("i", [cursor.run_idx]) * count)
        self.journal_idx.extend(array("i", [cursor.journal_idx]) * count)
        self.key_idx.extend(array("i", keys.numbers(chunk.key)))
        self.seq.extend(chunk.seq)
        self.time.extend(chunk.time)
        self.step.extend(chunk.step)
        self.value.extend(chunk.value)

    def _fact(self, cursor: Cursor, fact: Fact, keys: Keys) -> None:
        if fact.kind == "heartbeat":
            return
        run, mark = cursor.run_idx, (fact.time, cursor.writer, fact.seq)
        self.events.append((run, cursor.writer, fact.seq, fact.time, fact.kind, fact.body))
        if fact.kind in kinds.FOLDED:
            self.folded.add(run)
        match fact.typed:
            case kinds.Header(host=host, boot_id=boot, pid=pid, pid_start=start):
                cursor.host, cursor.boot_id, cursor.pid, cursor.pid_start = host, boot, pid, start
            case kinds.Params(values=values, types=types, origin=origin):
                for key, value in values.items():
                    self.params.append(
                        (run, key, *kinds.param(value, types.get(key)), origin.get(key), *mark)
                    )
            case kinds.Tags(values=tags):
                self.tags.extend((run, key, value, *mark) for key, value in tags.items())
            case kinds.Artifact(path=path, size=size, sha256=sha256, mime=mime, uri=uri):
                self.artifacts.append((run, path, size, sha256, mime, uri, *mark))
            case kinds.Direction(values=directions):
                keys.numbers(list(directions))
                self.directions = True
