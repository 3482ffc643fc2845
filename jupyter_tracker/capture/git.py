"""The state of the git repository around a directory.

Everything is read by the `git` command with a time budget for all of it. What could not be read is left out
and named in ``reason``; nothing raises, nothing asks for a password, nothing in the repository is locked or
changed.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from jupyter_tracker.capture.secrets import mask

DIFF_LIMIT = 256_000
UNTRACKED_LIMIT = 200

# A repository is data of somebody else: nothing in its configuration may start a program.
_SAFE = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "diff.external=")
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_TRACE")


class _Failed(Exception):
    """A git command did not give an answer; the message is the reason in plain words."""


class _Git:
    """Runs git commands in one directory until a deadline."""

    def __init__(self, directory: str, budget: float, command: str) -> None:
        self._directory = directory
        self._budget = budget
        self._command = command
        self._deadline = time.monotonic() + budget
        self._environ = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        self._environ |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            "GIT_PAGER": "cat",
        }

    def read(self, *args: str, limit: int = 10_000_000) -> bytes:
        """The first `limit` bytes of the output of ``git args``. Raises _Failed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _Failed(f"time budget of {self._budget:g} s used up before git {args[0]}")
        with self._start(args) as process:
            late = threading.Timer(left, process.kill)
            late.daemon = True
            late.start()
            try:
                return self._collect(process, args[0], limit, late)
            finally:
                late.cancel()
                process.kill()

    def text(self, *args: str) -> str | None:
        """The output without surrounding white space; None when git says no or says nothing."""
        try:
            return self.read(*args).decode("utf-8", "replace").strip() or None
        except _Failed:
            if time.monotonic() >= self._deadline:
                raise
            return None

    def _start(self, args: tuple[str, ...]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                (self._command, *_SAFE, *args),
                cwd=self._directory,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            missing = (
                "git is not installed" if os.path.isdir(self._directory) else "the directory does not exist"
            )
            raise _Failed(missing) from None
        except OSError as error:
            raise _Failed(f"git cannot be started: {error.strerror}") from None

    def _collect(
        self, process: subprocess.Popen[bytes], name: str, limit: int, late: threading.Timer
    ) -> bytes:
        assert process.stdout is not None
        assert process.stderr is not None
        output = process.stdout.read(limit)
        if len(output) == limit:
            return output
        complaint = process.stderr.read(4_000).decode("utf-8", "replace").strip()
        if process.wait() == 0:
            return output
        if not late.is_alive():
            raise _Failed(f"git {name} took longer than the time budget of {self._budget:g} s")
        raise _Failed(complaint.partition("\n")[0].removeprefix("fatal: ")[:300] or f"git {name} failed")


def without_credentials(url: str) -> str:
    """`url` of a remote without user, password, query and tokens; an scp-like ``git@host:path`` stays."""
    if "://" in url:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        user = "git@" if parts.scheme == "ssh" and parts.username == "git" else ""
        url = urlunsplit((parts.scheme, user + host, parts.path, "", ""))
    return mask(url)[0]


def capture_git(
    directory: str | Path | None = None,
    *,
    diff_limit: int = DIFF_LIMIT,
    budget: float = 5.0,
    git: str = "git",
) -> dict[str, Any]:
    """Commit, branch, remote, dirty flag, diff and untracked names of the repository around `directory`.

    ``commit`` and ``branch`` are None where there is none (no commits yet; detached head), ``dirty`` is None
    when unknown. ``diff`` is against HEAD, masked, at most `diff_limit` bytes cut at a line
    (``diff_truncated``). ``untracked`` names at most 200 files, of ``untracked_count``. Whatever could not be
    read within `budget` seconds is absent or None and ``reason`` says why. Without a repository only
    ``reason`` is there.
    """
    reader = _Git(str(directory or os.getcwd()), budget, git)
    state: dict[str, Any] = {}
    try:
        inside = reader.read("rev-parse", "--is-inside-work-tree").decode().strip() == "true"
        state |= _head(reader)
        if inside:
            state |= _changes(reader)
            state |= _diff(reader, state["commit"] is not None, diff_limit)
        else:
            state["reason"] = "bare repository: there is no work tree to compare"
    except _Failed as failure:
        state["reason"] = str(failure)
    return state


def _head(reader: _Git) -> dict[str, Any]:
    branch = reader.text("symbolic-ref", "--quiet", "--short", "HEAD")
    remote = (branch and reader.text("config", "--get", f"branch.{branch}.remote")) or "origin"
    url = reader.text("config", "--get", f"remote.{remote}.url")
    return {
        "commit": reader.text("rev-parse", "--verify", "--quiet", "HEAD"),
        "branch": branch,
        "remote": without_credentials(url) if url else None,
        "dirty": None,
        "diff": None,
        "diff_truncated": False,
    }


def _changes(reader: _Git) -> dict[str, Any]:
    """Dirty means: a tracked file differs from HEAD. Untracked files are named, they do not make it dirty."""
    listing = reader.read("status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
    entries = [entry for entry in listing.decode("utf-8", "replace").split("\0") if entry]
    untracked = [entry[3:] for entry in entries if entry.startswith("?? ")]
    return {
        "dirty": len(untracked) < len(entries),
        "untracked": untracked[:UNTRACKED_LIMIT],
        "untracked_count": len(untracked),
    }


def _diff(reader: _Git, commits: bool, limit: int) -> dict[str, Any]:
    base = ("HEAD",) if commits else ("--cached",)
    raw = reader.read("diff", "--no-ext-diff", "--no-textconv", "--no-color", *base, "--", limit=limit + 1)
    truncated = len(raw) > limit
    if truncated:
        raw = raw[: raw.rfind(b"\n", 0, limit) + 1 or limit]
    return {"diff": mask(raw.decode("utf-8", "replace"))[0], "diff_truncated": truncated}
