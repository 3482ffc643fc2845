"""Frameworks are wrapped when they are imported, never imported for it, and switched without a trace."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jupyter_tracker import frameworks
from jupyter_tracker.errors import Invalid


def python(code: str, home: Path) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        env={"JUPYTER_TRACKER_ROOT": str(home), "PYTHONPATH": ":".join(sys.path), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() + done.stderr.strip()


def test_nothing_is_imported(tmp_path: Path) -> None:
    code = """
        import sys, jupyter_tracker as jt
        jt.autolog()
        print(sorted({"sklearn", "xgboost", "numpy", "pandas", "duckdb"} & sys.modules.keys()))
    """
    assert python(code, tmp_path) == "[]"


@pytest.mark.parametrize("order", ["autolog first", "library first"])
def test_the_order_of_imports_does_not_matter(tmp_path: Path, order: str) -> None:
    first, second = "jt.autolog()", "from sklearn.model_selection import cross_val_score"
    if order == "library first":
        first, second = "import sklearn.model_selection", "jt.autolog(); " + second
    code = f"""
        import jupyter_tracker as jt
        {first}
        {second}
        from sklearn.linear_model import Ridge
        with jt.start_run() as run:
            Ridge(alpha=2.0).fit([[0.0], [1.0]], [0.0, 1.0])
            cross_val_score(Ridge(alpha=2.0), [[0.0]] * 4, [0.0, 1.0] * 2, cv=2)
        print(run.params["alpha"], "training_r2" in run.metrics, "cv_test_score_mean" in run.metrics)
    """
    assert python(code, tmp_path) == "2.0 True True"


def test_a_module_that_was_waited_for_is_otherwise_untouched(tmp_path: Path) -> None:
    code = """
        import importlib, inspect, sys, jupyter_tracker as jt
        jt.autolog()
        import sklearn.base, xgboost
        loader = type(sklearn.base.__spec__.loader).__name__, type(xgboost.__loader__).__name__
        print(*loader, inspect.signature(xgboost.train).parameters["num_boost_round"].default)
        print("def clone" in inspect.getsource(sklearn.base))
        importlib.reload(xgboost)
    """
    assert python(code, tmp_path) == "SourceFileLoader SourceFileLoader 10\nTrue"


def test_a_library_that_cannot_be_followed_still_imports(tmp_path: Path) -> None:
    (tmp_path / "xgboost.py").write_text("here = True\n")
    code = f"""
        import sys; sys.path.insert(0, {str(tmp_path)!r})
        import jupyter_tracker as jt
        jt.autolog()
        import xgboost
        print(xgboost.here)
    """
    said = python(code, tmp_path)
    assert said.startswith("True")
    assert "xgboost" in said.removeprefix("True")
    assert "AttributeError" in said


def test_an_unknown_framework_is_named() -> None:
    with pytest.raises(Invalid, match=r"no framework torch\nThere are .*sklearn, xgboost"):
        frameworks.autolog(exclude=["torch"])
