from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_tracker.artifacts import files, locate, put_bytes, put_file, safe_path
from jupyter_tracker.errors import Invalid, NotFound
from jupyter_tracker.ids import new_run_id
from jupyter_tracker.roots import Root

HOSTILE = [
    "", ".", "./", "..", "../x", "a/../../x", "..\\x", "..%2fx", "%2e%2e/x", "%252e%252e%252fx", "/x", "//x", "\\\\h\\s",
    "C:/x", "C:x", "file:///x", "FILE:///x", "a%00.txt", "a\0b", "a\nb", "CON", "nul.txt", "a. ", "~", "~root/x",
    "a/./b", "a//b", "x" * 5000, "a/" * 300 + "b", "a ", " a", "com/aux.json", "a/..", "\u202ex",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(Invalid):
        safe_path(path)


@given(st.text(max_size=60))
def test_no_accepted_path_leaves_its_directory(path: str) -> None:
    try:
        name = safe_path(path)
    except Invalid:
        return
    home = Path("/home/run/artifacts")
    assert Path(os.path.normpath(home / name)).is_relative_to(home)
    assert safe_path(name) == name


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.create(tmp_path / "root")


def test_a_file_is_stored_whole_with_size_and_digest(root: Root, tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 7)
    source = tmp_path / "model.bin"
    source.write_bytes(content)
    run_id = new_run_id()
    stored = put_file(root, run_id, "models/model.bin", source)
    assert (stored.path, stored.size) == ("models/model.bin", len(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert locate(root, run_id, "models/model.bin").read_bytes() == content


def test_what_is_no_file_is_refused_without_hanging(root: Root, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Invalid, match="not a regular file"):
        put_file(root, new_run_id(), "pipe", pipe)
    with pytest.raises(NotFound):
        put_file(root, new_run_id(), "gone", tmp_path / "gone")


def test_a_link_out_of_the_run_is_not_followed(root: Root, tmp_path: Path) -> None:
    run_id = new_run_id()
    secret = tmp_path / "secret"
    secret.write_text("canary")
    put_bytes(root, run_id, "a.txt", b"x")
    (root.artifacts(run_id) / "link").symlink_to(tmp_path)
    with pytest.raises(NotFound):
        locate(root, run_id, "link/secret")
    with pytest.raises(Invalid):
        put_bytes(root, run_id, "link/secret", b"overwritten")
    assert secret.read_text() == "canary"


def test_a_failed_copy_leaves_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = new_run_id()

    def refuse(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            put_bytes(root, run_id, "a.txt", b"x")
    assert list(root.artifacts(run_id).iterdir()) == []


def test_directories_are_walked_in_order(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a/1.txt", "0.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in files(tmp_path)] == [
        "0.txt",
        "a/1.txt",
        "b/2.txt",
    ]
