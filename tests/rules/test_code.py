"""How the package's source reads."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "jupyter_tracker"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.glob("[!l]*/**/*.py"))} | {
    path.name: path for path in sorted(PACKAGE.glob("*.py"))
}
LONGEST = 400
LONGER = {"fluent.py": 440, "run.py": 480}  # one vocabulary each, wide by nature; they may only shrink


@pytest.mark.parametrize("name", FILES)
def test_a_module_begins_by_saying_what_it_is(name: str) -> None:
    assert ast.get_docstring(ast.parse(FILES[name].read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILES)
def test_files_are_small(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= LONGER.get(name, LONGEST)


@pytest.mark.parametrize("name", FILES)
def test_an_error_of_any_kind_is_caught_only_to_clean_up(name: str) -> None:
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and node.type and "BaseException" in ast.unparse(node.type):
            assert isinstance(node.body[-1], ast.Raise), f"line {node.lineno}"
