"""Artifacts: the files of a run, put in place whole or not at all, with size and SHA-256."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .errors import Invalid, NotFound
from .roots import Root

CHUNK = 2**20
DEPTH = 32
_RESERVED = frozenset({"con", "prn", "aux", "nul"})


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it was stored: `path` inside the run, size in bytes, hex SHA-256, guessed media type."""

    path: str
    size: int
    sha256: str
    mime: str | None


def safe_path(text: str) -> str:
    """Return a path inside a run in its one spelling; Invalid for every path that could lead elsewhere."""
    parts = PurePosixPath(text).parts
    wrong = (
        not 0 < len(parts) <= DEPTH
        or text.startswith(("/", "~"))
        or any(mark in text for mark in ("\\", "\0", ":", "%"))
        or not text.isprintable()
        or any(_bad_part(part) for part in text.rstrip("/").split("/"))
        or len(text.encode("utf-8", "replace")) > 1000
    )
    if wrong:
        hint = (
            "Use a relative path such as plots/roc.png, without .., drive letters, backslashes, colons or %."
        )
        raise Invalid(f"{text[:80]!r} cannot be the path of an artifact", hint=hint)
    return "/".join(parts)


def _bad_part(part: str) -> bool:
    stem = part.partition(".")[0].lower()
    return (
        part in ("", ".", "..")
        or part != part.strip()
        or part.endswith(".")
        or stem in _RESERVED
        or len(part) > 240
    )


def locate(root: Root, run_id: str, path: str) -> Path:
    """Return where the artifact lies on disk; NotFound if it is absent or would lead out of the run."""
    home = root.artifacts(run_id)
    file = home / safe_path(path)
    if not file.exists() or not file.resolve().is_relative_to(home.resolve()):
        raise NotFound(f"Run {run_id} has no artifact {path!r}")
    return file


def put_bytes(root: Root, run_id: str, path: str, content: bytes, mime: str | None = None) -> Stored:
    """Store `content` as the artifact `path` of a run. Raises OSError when the disk refuses."""
    with _target(root, run_id, path) as (file, name):
        file.write(content)
    return Stored(
        name, len(content), hashlib.sha256(content).hexdigest(), mime or mimetypes.guess_type(name)[0]
    )


def put_file(root: Root, run_id: str, path: str, source: Path) -> Stored:
    """Copy a regular file in, a mebibyte at a time. Invalid for what is not a file, such as a pipe or a device."""
    if not source.exists():
        raise NotFound(
            f"No file {source}", hint="Write the file before it is logged; the path is relative to the cwd."
        )
    if not stat.S_ISREG(source.stat().st_mode):
        raise Invalid(f"{source} is not a regular file", hint="Log a directory with log_artifacts().")
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, _target(root, run_id, path) as (file, name):
        while chunk := reading.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Stored(name, size, digest.hexdigest(), mimetypes.guess_type(name)[0])


def files(directory: Path) -> Iterator[Path]:
    """Yield the regular files below a directory, sorted, links to directories not followed."""
    if not directory.is_dir():
        raise NotFound(f"No directory {directory}", hint="Log a single file with log_artifact().")
    for place, _, names in sorted(os.walk(directory)):
        yield from (Path(place) / name for name in sorted(names) if (Path(place) / name).is_file())


@contextmanager
def _target(root: Root, run_id: str, path: str) -> Iterator[tuple[BinaryIO, str]]:
    """Open a temporary file that becomes the artifact when the block ends well, and vanishes when not."""
    name = safe_path(path)
    final = root.artifacts(run_id) / name
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not final.parent.resolve().is_relative_to(root.artifacts(run_id).resolve()):
        raise Invalid(
            f"{path!r} leads out of the run", hint="A directory of the run is a symbolic link; remove it."
        )
    temporary = final.with_name(f".{secrets.token_hex(8)}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file, name
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)
