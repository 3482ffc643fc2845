"""The state of real repositories of every shape."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from jupyter_tracker.capture.git import capture_git, without_credentials
from jupyter_tracker.capture.secrets import MASK


def git(directory: Path, *args: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *args], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit of ``a.py`` on branch main."""
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    (path / "a.py").write_text("x = 1\n")
    git(path, "add", "a.py")
    git(path, "commit", "-q", "-m", "First")
    return path


def test_clean(repo: Path) -> None:
    git(repo, "remote", "add", "origin", "https://ada:hunter2pw@example.org/o/r.git?x=1")
    assert capture_git(repo) == {
        "commit": git(repo, "rev-parse", "HEAD"),
        "branch": "main",
        "remote": "https://example.org/o/r.git",
        "dirty": False,
        "diff": "",
        "diff_truncated": False,
        "untracked": [],
        "untracked_count": 0,
    }


def test_dirty_staged_and_untracked(repo: Path) -> None:
    (repo / "a.py").write_text("x = 2\npassword = 'hunter2'\n")
    (repo / "staged.py").write_text("y = 1\n")
    git(repo, "add", "staged.py")
    (repo / "naïve file.txt").write_text("z")
    state = capture_git(repo)
    assert state["dirty"] is True
    assert "+x = 2" in state["diff"]
    assert "+y = 1" in state["diff"]
    assert "hunter2" not in state["diff"]
    assert MASK in state["diff"]
    assert state["untracked"] == ["naïve file.txt"]


def test_untracked_alone_is_not_dirty_and_names_are_capped(repo: Path) -> None:
    for n in range(250):
        (repo / f"f{n:03}").touch()
    state = capture_git(repo)
    assert state["dirty"] is False
    assert len(state["untracked"]) == 200
    assert state["untracked_count"] == 250


def test_a_large_diff_is_cut_at_a_line(repo: Path) -> None:
    (repo / "a.py").write_text("".join(f"é{n} = {n}\n" for n in range(100_000)))
    state = capture_git(repo, diff_limit=10_000)
    assert state["diff_truncated"] is True
    assert 9_900 < len(state["diff"].encode()) <= 10_000
    assert state["diff"].endswith("\n")
    assert "\ufffd" not in state["diff"]


def test_a_diff_of_exactly_the_limit_is_whole(repo: Path) -> None:
    (repo / "a.py").write_text("x = 3\n")
    size = len(capture_git(repo)["diff"].encode())
    state = capture_git(repo, diff_limit=size)
    assert (len(state["diff"].encode()), state["diff_truncated"]) == (size, False)


def test_from_a_subdirectory_the_whole_tree_counts(repo: Path) -> None:
    (repo / "sub").mkdir()
    (repo / "a.py").write_text("x = 4\n")
    assert "+x = 4" in capture_git(repo / "sub")["diff"]


def test_detached_head(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")
    state = capture_git(repo)
    assert state["branch"] is None
    assert state["commit"] == git(repo, "rev-parse", "HEAD")


def test_no_commits_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "new.py").write_text("n = 1\n")
    git(tmp_path, "add", "new.py")
    state = capture_git(tmp_path)
    assert (state["commit"], state["branch"], state["dirty"], state["remote"]) == (None, "trunk", True, None)
    assert "+n = 1" in state["diff"]


def test_worktree(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    (tmp_path / "tree" / "a.py").write_text("x = 5\n")
    state = capture_git(tmp_path / "tree")
    assert (state["branch"], state["dirty"]) == ("side", True)
    assert capture_git(repo)["dirty"] is False


def test_bare(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    state = capture_git(tmp_path / "bare.git")
    assert state["commit"] == git(repo, "rev-parse", "HEAD")
    assert state["dirty"] is None
    assert "bare" in state["reason"]


def test_the_remote_of_the_branch_is_taken(repo: Path) -> None:
    git(repo, "remote", "add", "up", "git@example.org:o/r.git")
    git(repo, "config", "branch.main.remote", "up")
    assert capture_git(repo)["remote"] == "git@example.org:o/r.git"


def test_no_repository(tmp_path: Path) -> None:
    state = capture_git(tmp_path)
    assert list(state) == ["reason"]
    assert "not a git repository" in state["reason"]


def test_no_git_and_no_directory(repo: Path) -> None:
    assert capture_git(repo, git="no-such-git-anywhere") == {"reason": "git is not installed"}
    assert capture_git(repo / "gone") == {"reason": "the directory does not exist"}


def slow_git(tmp_path: Path, slow: str) -> str:
    """A git that hangs at one command: what a huge repository on a cold disk looks like from outside."""
    script = tmp_path / "slow-git"
    script.write_text(f'#!/bin/sh\ncase "$*" in *" {slow} "*) exec sleep 60;; esac\nexec git "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


@pytest.mark.parametrize("slow", ["status", "diff"])
def test_time_budget_gives_a_partial_answer_with_a_reason(repo: Path, tmp_path: Path, slow: str) -> None:
    start = time.monotonic()
    state = capture_git(repo, budget=0.6, git=slow_git(tmp_path, slow))
    assert time.monotonic() - start < 3
    assert state["commit"] == git(repo, "rev-parse", "HEAD")
    assert state["branch"] == "main"
    assert state["diff"] is None
    assert f"git {slow}" in state["reason"]
    assert "0.6 s" in state["reason"]


def test_nothing_in_the_repository_is_run_or_written(repo: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {proof}\n")
    program.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(program))
    git(repo, "config", "diff.external", str(program))
    git(repo, "config", "core.pager", str(program))
    git(repo, "config", "diff.py.textconv", str(program))
    (repo / ".gitattributes").write_text("*.py diff=py\n")
    (repo / "a.py").write_text("x = 6\n")
    before = (repo / ".git" / "index").stat().st_mtime_ns
    assert "+x = 6" in capture_git(repo)["diff"]
    assert not proof.exists()
    assert (repo / ".git" / "index").stat().st_mtime_ns == before


def test_foreign_git_variables_do_not_redirect(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert capture_git(repo)["branch"] == "main"
    assert os.environ["GIT_DIR"]


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://ada:pw@github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://token123@github.com/o/r", "https://github.com/o/r"),
        ("https://h:8443/o/r?private_token=abc#x", "https://h:8443/o/r"),
        ("ssh://git@h:22/o/r", "ssh://git@h:22/o/r"),
        ("ssh://ada:pw@h/o/r", "ssh://h/o/r"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("/srv/git/r.git", "/srv/git/r.git"),
        ("../r", "../r"),
    ],
)
def test_remote_without_credentials(url: str, clean: str) -> None:
    assert without_credentials(url) == clean
