"""Bytes of a journal → columns of points, facts, and what was wrong with the rest.

A chunk of nothing but sound metrics lines, which is what training writes, goes through whole: one checksum
pass and one decoding pass. Any doubt and each line of the chunk is judged alone, so that a bad one costs
only itself.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any, Literal
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from .kinds import check

_METRICS = b'"kind":"metrics"'
_TAIL = len(b',"crc":"00000000"}')
_LATEST = 253_402_300_800_000_000  # year 10000: what a TIMESTAMP can show
_LINE = re.compile(
    rb'\{"seq":(\d{1,18}),"time":(\d{1,18}),"kind":"([^"\\]{1,64})"(?:,(.*))?,"crc":"[0-9a-f]{8}"\}',
    re.DOTALL,
)
_HEX = np.full(256, 1 << 20, np.uint32)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


class _Metrics(msgspec.Struct, gc=False):
    seq: int
    time: int
    kind: Literal["metrics"]
    step: int
    values: dict[str, float | str]


_decoder = msgspec.json.Decoder(_Metrics)


@dataclass(slots=True)
class Seen:
    """Which event numbers of a journal were taken: disjoint ranges [from, to] in rising order, mostly just one.

    Numbers may come late (a writer that had to move to a new file repeats lines there) and may never come
    (events given up for want of space): the holes between the ranges are what is missing.
    """

    ranges: list[list[int]] = field(default_factory=list)

    @property
    def newest(self) -> int:
        return self.ranges[-1][1] if self.ranges else 0

    def advance(self, to: int) -> None:
        """Take all numbers after the newest up to `to`."""
        if not self.ranges:
            self.ranges.append([1, 0])
        self.ranges[-1][1] = to

    def take(self, number: int) -> bool:
        """Take one number; False when it was taken before."""
        place = bisect_right(self.ranges, number, key=lambda r: r[0])
        before = self.ranges[place - 1] if place else None
        if before is not None and number <= before[1]:
            return False
        after = self.ranges[place] if place < len(self.ranges) else None
        joins_before = before is not None and before[1] == number - 1
        joins_after = after is not None and after[0] == number + 1
        if before is not None and after is not None and joins_before and joins_after:
            before[1] = after[1]
            del self.ranges[place]
        elif before is not None and joins_before:
            before[1] = number
        elif after is not None and joins_after:
            after[0] = number
        else:
            self.ranges.insert(place, [number, number])
        return True


@dataclass(slots=True)
class Fact:
    """One event that is no metric; `body` is the JSON of its fields exactly as written."""

    seq: int
    time: int
    kind: str
    body: str
    fields: dict[str, Any]
    typed: msgspec.Struct | None


@dataclass(slots=True)
class Bad:
    """A line that could not be taken, by its offset in its segment."""

    offset: int
    length: int
    reason: str


@dataclass(slots=True)
class Chunk:
    """Whole lines of one segment, decoded. The point columns have equal lengths; `exact` is sparse by position."""

    last_time: int = 0
    seq: array[int] = field(default_factory=lambda: array("q"))
    time: array[int] = field(default_factory=lambda: array("q"))
    step: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))
    key: list[str] = field(default_factory=list)
    exact: dict[int, str] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    events: int = 0
    sealed: bool = False  # the last event taken is a seal


def decode(data: bytes, offset: int, seen: Seen) -> Chunk:
    """Decode whole lines that start at `offset` of their segment; `seen` moves on, events it knows are passed over."""
    lines = data.split(b"\n")
    lines.pop()
    sound = _sound(data, lines)
    if data.count(_METRICS) == len(lines) and bool(sound.all()):
        chunk = _whole(data, seen)
        if chunk is not None:
            return chunk
    return _one_by_one(lines, sound, offset, seen)


def _sound(data: bytes, lines: list[bytes]) -> npt.NDArray[np.bool_]:
    """Which lines carry their own checksum."""
    buffer = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(buffer == 10)
    stated = np.zeros(len(ends), np.uint32)
    for place in range(10, 2, -1):
        stated = stated * np.uint32(16) + _HEX[buffer[ends - place]] if len(data) >= 10 else stated
    actual = np.fromiter(map(crc32, [line[:-_TAIL] for line in lines]), np.uint32, count=len(lines))
    sound: npt.NDArray[np.bool_] = stated == actual
    return sound


def _whole(data: bytes, seen: Seen) -> Chunk | None:
    """All lines at once, None when any of them needs to be looked at."""
    try:
        events = _decoder.decode_lines(data)
        chunk = _columns(events, seen.newest + 1)
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None
    seen.advance(seen.newest + len(events))
    return chunk


def _columns(events: list[_Metrics], first_seq: int) -> Chunk:
    """Points of metrics events numbered from `first_seq`; ValueError when they are not, or a value is wrong."""
    seqs = [e.seq for e in events]
    if seqs != list(range(first_seq, first_seq + len(events))):
        raise ValueError("not numbered on")
    times = [e.time for e in events]
    last_time = max(times)
    if min(times) < 0 or last_time >= _LATEST:
        raise ValueError("time out of range")
    steps = [e.step for e in events]
    values = [e.values for e in events]
    chunk = Chunk(last_time, events=len(events))
    chunk.key = list(chain.from_iterable(values))
    if len(chunk.key) != len(events):
        counts = [len(v) for v in values]
        seqs, times, steps = (_spread(column, counts) for column in (seqs, times, steps))
    chunk.seq.extend(seqs)
    chunk.time.extend(times)
    chunk.step.extend(steps)
    _numbers(chain.from_iterable(map(dict.values, values)), chunk)
    return chunk


def _spread(column: list[int], counts: list[int]) -> list[int]:
    return [value for value, count in zip(column, counts, strict=True) for _ in range(count)]


def _numbers(values: Iterable[float | str], chunk: Chunk) -> None:
    """Append `values` to the chunk; what travels as a string (non-finite, beyond 2^53) becomes a number again."""
    listed = list(values)
    try:
        chunk.value.extend(listed)  # type: ignore[arg-type]  # strings raise TypeError, which is the test
        return
    except TypeError:
        del chunk.value[:]
    for position, value in enumerate(listed):
        if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity"):
            chunk.exact[position] = str(int(value))
        chunk.value.append(float(value))


def _one_by_one(lines: list[bytes], sound: npt.NDArray[np.bool_], offset: int, seen: Seen) -> Chunk:
    """Stretches of sound metrics lines together where that works, every other line by itself."""
    total = Chunk()
    judged = zip(lines, sound.tolist(), strict=True)
    for (is_sound, is_metrics), group in groupby(judged, lambda pair: (pair[1], _METRICS in pair[0][:80])):
        stretch = [line for line, _ in group]
        together = _whole(b"\n".join(stretch) + b"\n", seen) if is_sound and is_metrics else None
        if together is not None:
            _append(total, together)
        else:
            _each(stretch, is_sound, offset, total, seen)
        offset += sum(map(len, stretch)) + len(stretch)
    return total


def _each(lines: list[bytes], is_sound: bool, offset: int, total: Chunk, seen: Seen) -> None:
    """Take each line or say why not."""
    for line in lines:
        try:
            if not is_sound:
                raise ValueError("checksum does not match")
            _take(line, total, seen)
        except (msgspec.DecodeError, ValueError, OverflowError) as error:
            total.bad.append(Bad(offset, len(line) + 1, str(error)))
        offset += len(line) + 1


def _take(line: bytes, total: Chunk, seen: Seen) -> None:
    """Add one line to `total` unless its number was seen; ValueError says why it cannot be taken."""
    if _METRICS in line[:80]:
        event = _decoder.decode(line)
        part = _columns([event], event.seq)
        if seen.take(event.seq):
            _append(total, part)
        return
    fact = _fact(line)
    if seen.take(fact.seq):
        total.facts.append(fact)
        total.events += 1
        total.last_time = max(total.last_time, fact.time)
        total.sealed = fact.kind == "seal"


def _append(total: Chunk, part: Chunk) -> None:
    for position, exact in part.exact.items():
        total.exact[len(total.seq) + position] = exact
    total.seq.extend(part.seq)
    total.time.extend(part.time)
    total.step.extend(part.step)
    total.value.extend(part.value)
    total.key.extend(part.key)
    total.events += part.events
    total.sealed = False
    total.last_time = max(total.last_time, part.last_time)


def _fact(line: bytes) -> Fact:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("not an event line")
    seq, time, kind, fields = found.groups()
    if int(time) >= _LATEST:
        raise ValueError("time out of range")
    body = b"{" + (fields or b"") + b"}"
    decoded = msgspec.json.decode(body, type=dict[str, Any])
    name = kind.decode("utf-8")
    return Fact(int(seq), int(time), name, body.decode("utf-8"), decoded, check(name, decoded))
