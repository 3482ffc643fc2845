"""Where events wait when a root cannot be written: first memory, then the user's own spool."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections import deque
from pathlib import Path

from .roots import Root

WAITING_BYTES = 64 * 2**20
_JOURNAL = re.compile(r"[0-9a-f]{32}/[0-9a-f]{16}/\d{6}\.ndjson")


class Waiting:
    """Contents of lines in memory, at most 64 MiB of them; then the oldest metrics go first."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: bytes) -> int:
        """Keep `line`; return how many lines had to be given up for it."""
        self._lines.append(line)
        self._bytes += len(line)
        lost = 0
        while self._bytes > WAITING_BYTES:
            self._drop_one()
            lost += 1
        return lost

    def first(self) -> bytes:
        return self._lines[0]

    def pop(self) -> None:
        self._bytes -= len(self._lines.popleft())

    def clear(self) -> None:
        self._lines.clear()
        self._bytes = 0

    def _drop_one(self) -> None:
        for index, line in enumerate(self._lines):
            if b'"kind":"metrics"' in line[:80]:
                self._bytes -= len(line)
                del self._lines[index]
                return
        self.pop()


def directory(root: Root) -> Path:
    """Return where this user's journals of `root` are spooled."""
    import platformdirs

    return Path(platformdirs.user_data_dir("jupyter_tracker")) / "spool" / root.root_id


def recover(root: Root) -> int:
    """Bring spooled journals of `root` home; return how many files came. A failure leaves them where they are."""
    from .journal import mark

    place = directory(root)
    if not place.is_dir():
        return 0
    moved = 0
    for file in sorted(place.rglob("*.ndjson")):
        name = file.relative_to(place).as_posix()
        if _JOURNAL.fullmatch(name):
            run_id, writer, _ = name.split("/")
            mark(root, run_id, writer)
            _move(file, root.runs / name)
            moved += 1
    shutil.rmtree(place)
    return moved


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}.tmp")
    with source.open("rb") as reading, open(temporary, "xb") as writing:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())
    os.rename(temporary, target)
    source.unlink()
