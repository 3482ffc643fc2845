"""Who may import whom, and what may never be written."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "jupyter_tracker"
LAYERS = [
    {"errors", "events", "entities", "roots", "directions", "ids", "process", "formats", "values"},
    {"journal", "keeper", "spool", "catalog", "artifacts", "tables"},
    {"run", "fluent", "capture", "frameworks"},
    {"store", "search", "queries", "frames", "comparison", "record", "reading", "listing", "export"},
    {"magics", "cli", "server", "demo"},
]
WRITING, READING, DOORS = 2, 3, 4
ENTRY = {"__init__", "__main__"}


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if top not in ENTRY and "node_modules" not in path.parts:
            yield top, path


FILES = list(files())


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The modules a file imports, those of the package by their name below it and a leading dot; and the line."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield one.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level == depth:
                for one in [module] if module else [name.name for name in node.names]:
                    yield f".{one}", node.lineno
            elif node.level == 0:
                yield (
                    module.replace("jupyter_tracker.", ".", 1)
                    if module.startswith("jupyter_tracker")
                    else module,
                    node.lineno,
                )


def test_every_file_has_a_layer() -> None:
    assert {top for top, _ in FILES} == set().union(*LAYERS)


@pytest.mark.parametrize(("top", "path"), FILES, ids=[str(path.relative_to(PACKAGE)) for _, path in FILES])
def test_imports_go_down_the_layers(top: str, path: Path) -> None:
    for module, line in imports(path):
        if not module.startswith(".") or module == ".":
            continue
        other = module[1:].partition(".")[0]
        if other in ENTRY or other == top or other not in set().union(*LAYERS):
            continue
        where = f"{path.name}:{line} imports {other}"
        assert layer(other) <= layer(top), where
        assert not (layer(top) == DOORS and layer(other) == DOORS and (top, other) != ("cli", "demo")), where
        if layer(top) == READING and layer(other) == WRITING:
            assert (top, other) in {("reading", "fluent"), ("record", "run")}, where


@pytest.mark.parametrize(("top", "path"), FILES, ids=[str(path.relative_to(PACKAGE)) for _, path in FILES])
def test_only_reading_imports_duckdb_and_no_writer_imports_pandas(top: str, path: Path) -> None:
    for module, line in imports(path):
        if module.partition(".")[0] == "duckdb":
            assert layer(top) == READING, f"{path.name}:{line}"
        if module.partition(".")[0] == "pandas":
            assert layer(top) == READING or path.name == "tables.py", f"{path.name}:{line}"


GUARDS = {"run.py": 1, "capture/guard.py": 1}


def test_everything_is_caught_in_the_guards_only() -> None:
    found: dict[str, int] = {}
    for _, path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            )
            if broad:
                name = path.relative_to(PACKAGE).as_posix()
                found[name] = found.get(name, 0) + 1
    assert found == GUARDS


FORBIDDEN = ("shell=True", "os.system(", "eval(", "exec(", "pickle.load", "yaml.load(", "extractall(")


@pytest.mark.parametrize(("top", "path"), FILES, ids=[str(path.relative_to(PACKAGE)) for _, path in FILES])
def test_nothing_dangerous_is_called(top: str, path: Path) -> None:
    calls = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    for call in calls:
        for word in FORBIDDEN:
            assert not call.startswith(word), f"{path.name}: {call[:80]}"
            assert word != "shell=True" or word not in call, f"{path.name}: {call[:80]}"


def test_no_test_uses_a_mock_library() -> None:
    for path in Path(__file__).parents[1].rglob("*.py"):
        for module, line in _top_imports(path):
            assert "mock" not in module, f"{path.name}:{line}"


def _top_imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [one.name for one in node.names] + [getattr(node, "module", None) or ""]
            yield " ".join(names), node.lineno


LAZY = ("duckdb", "pandas", "numpy", "IPython", "tornado", "rich", "click", "altair", "psutil", "sklearn")


@pytest.mark.parametrize(
    "code",
    [
        "import jupyter_tracker",
        "import jupyter_tracker as jt; jt.start_run; jt.log_metric; jt.Run",
        "import jupyter_tracker.journal, jupyter_tracker.catalog",
    ],
)
def test_the_writing_path_loads_nothing_heavy(code: str) -> None:
    check = f"{code}\nimport sys\nprint([name for name in {LAZY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_logging_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, jupyter_tracker as jt\n"
        "jt.set_root(sys.argv[1])\n"
        "with jt.start_run(log_system_metrics=False) as run:\n"
        "    jt.log_param('a', 1); run.log(loss=0.5); jt.log_text('x', 'a.txt')\n"
        "    print([name for name in ('duckdb', 'pandas', 'numpy', 'IPython', 'tornado') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_in_the_documents() -> None:
    import jupyter_tracker as jt

    docs = "\n".join(path.read_text(encoding="utf-8") for path in [PACKAGE.parent / "docs" / "api.md"])
    assert [name for name in jt.__all__ if f"`{name}" not in docs] == []
