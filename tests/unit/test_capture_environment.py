"""The surroundings of a run, on this machine and on made-up search paths."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from pathlib import Path

import pytest

from jupyter_tracker.capture import environment
from jupyter_tracker.capture.environment import arguments, capture_environment, gpus, packages, variables
from jupyter_tracker.capture.secrets import MASK


def test_everything_is_json_and_filled_in() -> None:
    captured = capture_environment()
    json.dumps(captured)
    assert captured["python"] == ".".join(map(str, sys.version_info[:3]))
    assert captured["implementation"] in ("CPython", "PyPy")
    assert captured["cpu_count"] >= 1
    assert captured["memory_bytes"] > 2**26
    assert captured["packages"]["pytest"] == importlib.metadata.version("pytest")


def test_packages_agree_with_importlib_metadata() -> None:
    mine = packages()
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")
        assert name in mine
        assert importlib.metadata.version(distribution.metadata["Name"]) == mine[name]


def test_packages_are_cached_until_a_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "gone"), ""])
    assert "new-thing" not in packages()
    (tmp_path / "New_Thing-1.2.3.dist-info").mkdir()
    os.utime(tmp_path, ns=(1, 1))
    assert packages()["new-thing"] == "1.2.3"
    start = time.perf_counter()
    packages()
    assert time.perf_counter() - start < 0.005


def test_the_first_on_the_path_wins_and_eggs_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "thing-2.0.dist-info").mkdir(parents=True)
    (second / "thing-1.0.dist-info").mkdir(parents=True)
    (second / "egged.egg-info").mkdir()
    (second / "egged.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: egged\nVersion: 0.5\n")
    monkeypatch.setattr(sys, "path", [str(first), str(second)])
    assert packages() == {"egged": "0.5", "thing": "2.0"}


def test_arguments_are_masked_also_over_two_arguments() -> None:
    argv = [
        "train.py",
        "--lr",
        "0.1",
        "--password",
        "hunter2",
        "--db=postgres://a:hunter2pw@h/x",
        "--epochs",
        "3",
    ]
    assert arguments(argv) == [
        "train.py", "--lr", "0.1", "--password", MASK, f"--db=postgres://a:{MASK}@h/x", "--epochs", "3",
    ]  # fmt: skip


def test_only_listed_variables_are_taken() -> None:
    environ = {"SLURM_JOB_ID": "17", "VIRTUAL_ENV": "/v", "HOME": "/root", "MY_TOKEN": "abcdefgh", "CI": ""}
    assert variables(environ) == {"VIRTUAL_ENV": "/v", "SLURM_JOB_ID": "17"}


def tool(tmp_path: Path, body: str) -> str:
    path = tmp_path / "smi"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_gpus_as_the_drivers_tool_tells(tmp_path: Path) -> None:
    lines = 'printf "NVIDIA A100-SXM4-40GB, 40960, 535.1\\nNVIDIA T4, [N/A], 535.1\\nbroken line\\n"'
    assert gpus(tool(tmp_path, lines)) == [
        {"name": "NVIDIA A100-SXM4-40GB", "memory_bytes": 40960 * 2**20, "driver": "535.1"},
        {"name": "NVIDIA T4", "memory_bytes": None, "driver": "535.1"},
    ]


@pytest.mark.parametrize("body", ["exit 9", "exec sleep 60"])
def test_a_tool_that_fails_or_hangs_means_no_gpus(tmp_path: Path, body: str) -> None:
    assert gpus(tool(tmp_path, body), timeout=0.3) == []
    assert gpus("no-such-tool-here") == []


def test_user_and_host() -> None:
    assert environment.user()
    assert environment.host()


def test_the_name_git_is_configured_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gitconfig").write_text("[user]\n\tname = Ada L\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.chdir(tmp_path)
    assert environment._git_user() == "Ada L"
    monkeypatch.setenv("PATH", "")
    assert environment._git_user() is None
