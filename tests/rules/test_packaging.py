"""What is published agrees with itself."""

from __future__ import annotations

import json
import re
from importlib.metadata import requires, version
from pathlib import Path

import jupyter_tracker as jt

TOP = Path(__file__).parents[2]
NAMED = re.compile(r"^[A-Za-z0-9._-]+")


def test_one_version_everywhere() -> None:
    package = json.loads((TOP / "labextension" / "package.json").read_text())
    assert package["version"] == version("jupyter-tracker") == jt.__version__


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == version("jupyter-tracker")


def test_every_dependency_is_justified() -> None:
    table = (TOP / "docs" / "adr" / "0001-dependencies.md").read_text().replace("_", "-")
    justified = {
        name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.strip().split(", ")
    }
    needed = {
        NAMED.findall(line)[0].replace("_", "-")
        for line in requires("jupyter-tracker") or []
        if "extra ==" not in line
    }
    assert needed
    assert not needed - justified


def test_the_lock_of_the_front_end_names_no_host() -> None:
    lock = (TOP / "labextension" / "yarn.lock").read_text()
    assert not re.findall(r"https?://", lock)
