from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
from pathlib import Path

import pytest

from jupyter_tracker.errors import Invalid, NotFound
from jupyter_tracker.roots import ENVIRONMENT, SERVER_ENVIRONMENT, Root, find


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.delenv(SERVER_ENVIRONMENT, raising=False)


def test_a_root_is_made_once_and_is_private(tmp_path: Path) -> None:
    first, second = Root.create(tmp_path), Root.create(tmp_path)
    assert first.root_id == second.root_id
    assert stat.S_IMODE(first.dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((first.dir / "root.json").stat().st_mode) == 0o600


def test_what_is_no_root_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Root.open(tmp_path)


def test_a_damaged_or_newer_root_says_so(tmp_path: Path) -> None:
    root = Root.create(tmp_path)
    (root.dir / "root.json").write_text('{"format": 99, "root_id": "x"}')
    with pytest.raises(Invalid, match="newer"):
        Root.open(tmp_path)
    (root.dir / "root.json").write_text("{")
    with pytest.raises(Invalid, match="cannot be read"):
        Root.open(tmp_path)


def test_roots_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "repository" / "a" / "b"
    work.mkdir(parents=True)
    assert find(start=work).path == work
    (work / ".jupyter_tracker").rename(tmp_path / "gone")
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    assert find(start=work).path == tmp_path / "repository"
    assert find(start=work / "..").why.startswith("found in")
    (tmp_path / "repository" / ".jupyter_tracker").rename(tmp_path / "gone2")
    monkeypatch.setenv(SERVER_ENVIRONMENT, str(tmp_path / "served"))
    assert find(start=work).path == tmp_path / "served"
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "named"))
    assert find(start=work).path == tmp_path / "named"
    assert find(tmp_path / "given", start=work).path == tmp_path / "given"


@pytest.mark.parametrize(
    "text", ["sqlite:///mlflow.db", "http://localhost:5000", "postgresql://x", "s3://bucket"]
)
def test_what_is_no_directory_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not a directory"):
        find(text)


def _create(path: str) -> None:
    Root.create(path)
    os._exit(0)


def test_racing_processes_agree_on_one_root(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(10):
        place = str(tmp_path / str(number))
        workers = [context.Process(target=_create, args=(place,)) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        assert [name.name for name in Root.open(place).dir.iterdir() if name.suffix == ".tmp"] == []
