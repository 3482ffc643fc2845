"""Reading on in one journal: from its cursor to the last whole line there is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from .batch import Batch, Cursor, Keys
from .decode import decode

CHUNK = 1 << 20
_SEGMENT = re.compile(r"(\d{6,})\.ndjson")
_TAIL = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n')
_TAIL_LENGTH = len(b',"crc":"00000000"}\n')


def segments(directory: Path) -> dict[int, Path]:
    """The segments of a journal by number, in order; empty when the directory does not exist."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {int(m[1]): directory / name for name in names if (m := _SEGMENT.fullmatch(name))}


def follow(directory: Path, cursor: Cursor, batch: Batch, keys: Keys) -> Iterator[None]:
    """Move what is new in a journal into `batch` and its cursor on, yielding after every chunk.

    The caller may write the batch at each yield: rows and cursor agree there. The last line of the last
    segment is left alone while it has no newline: its writer may be about to finish it.
    """
    found = segments(directory)  # listed before the segments are read: all but the last are finished
    for number, path in found.items():
        if number < cursor.segment:
            continue
        if number > cursor.segment:
            cursor.segment, cursor.offset, cursor.tail = number, 0, ""
        yield from _segment(path, cursor, batch, keys)
        if number != max(found):
            bury(path, cursor, batch)


def bury(path: Path, cursor: Cursor, batch: Batch) -> None:
    """Report bytes after the last newline of a segment that nobody will finish, and pass over them."""
    left = path.stat().st_size - cursor.offset
    if left > 0:
        batch.error(cursor, cursor.offset, left, "the last line was never finished")
        cursor.offset += left
        cursor.tail = ""


def _segment(path: Path, cursor: Cursor, batch: Batch, keys: Keys) -> Iterator[None]:
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        _verify(file.fileno(), size, cursor, batch)
        while cursor.offset < size:
            data = _lines(file.fileno(), cursor.offset, size)
            if not data:
                break
            chunk = decode(data, cursor.offset, cursor.seen)
            batch.bytes += len(data)
            batch.add(cursor, chunk, keys)
            cursor.offset += len(data)
            cursor.tail = _tail(data)
            yield


def _verify(fd: int, size: int, cursor: Cursor, batch: Batch) -> None:
    """Notice a segment that is not the one the cursor was in: it is then read again from its start."""
    if size < cursor.offset:
        reason = f"the segment shrank from {cursor.offset} to {size} bytes"
    elif not cursor.tail or _tail(os.pread(fd, _TAIL_LENGTH, cursor.offset - _TAIL_LENGTH)) == cursor.tail:
        return
    else:
        reason = f"the {cursor.offset} bytes already taken were replaced by others"
    batch.error(cursor, min(size, cursor.offset), 0, reason)
    cursor.offset, cursor.tail = 0, ""


def _tail(data: bytes) -> str:
    """The checksum at the end of the last line, empty when there is none."""
    found = _TAIL.fullmatch(data[-_TAIL_LENGTH:])
    return found[1].decode() if found else ""


def _lines(fd: int, offset: int, size: int) -> bytes:
    """The whole lines in the next chunk, at least one if there is any."""
    want = CHUNK
    while True:
        data = os.pread(fd, min(want, size - offset), offset)
        cut = data.rfind(b"\n") + 1
        if cut or len(data) < want:
            return data[:cut]
        want *= 2
