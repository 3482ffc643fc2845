"""Weaving of watched names: points come where they should, and the cell means what it meant."""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import linecache
import sys
import traceback
from collections.abc import Iterator
from types import CodeType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from jupyter_tracker.capture.watch import Watcher, unwatched, watch

HOOK = "__watch_hook__"
Points = list[tuple[dict[str, float], int]]


class Woven(ast.NodeTransformer):
    """The transformation as IPython applies it, to every cell it runs."""

    def __init__(self, names: list[str], step: str | None) -> None:
        self.names, self.step = names, step
        self.problems: list[str] = []

    def visit(self, tree: ast.AST) -> ast.AST:
        assert isinstance(tree, ast.Module)
        woven = watch(tree, self.names, self.step, HOOK)
        self.problems = [str(problem) for problem in unwatched(woven, self.names, HOOK)]
        return woven


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        shell = InteractiveShell()
        shell.history_manager.enabled = False
        yield shell
        shell.history_manager.end_session()


def run(
    shell: InteractiveShell, cell: str, names: str = "loss", step: str | None = None
) -> tuple[Points, list[str]]:
    """The points of a cell with watched names, and the problems it leaves. Raises what the cell raises."""
    shell.reset(new_session=False)
    points: Points = []
    watcher = Watcher(lambda values, at: points.append((values, at)), shell.user_ns)
    woven = Woven(names.split(","), step)
    shell.ast_transformers.append(woven)
    try:
        with watcher.installed(HOOK):
            shell.run_cell(cell).raise_error()
    finally:
        shell.ast_transformers.remove(woven)
    return points, woven.problems + [str(problem) for problem in watcher.problems]


def values(points: Points, name: str = "loss") -> list[float]:
    return [point[name] for point, _ in points if name in point]


CELLS = {
    "plain": ("for i in range(3):\n    loss = i / 2", [0, 0.5, 1]),
    "one line": ("for i in range(3): loss = i", [0, 1, 2]),
    "outside of loops": ("loss = 1\nfor i in range(2):\n    loss = 5\nloss = 2", [5, 5]),
    "augmented": ("loss = 0\nfor i in range(3):\n    loss += i", [0, 1, 3]),
    "annotated": ("for i in range(2):\n    loss: float = i\n    loss: int", [0, 1]),
    "chained": ("for i in range(2):\n    a = loss = i", [0, 1]),
    "unpacking": ("for i in range(2):\n    (a, (loss, b)), c = (0, (i, 0)), 0", [0, 1]),
    "starred neighbours": ("for i in range(2):\n    loss, *rest = i, 1, 2", [0, 1]),
    "while": ("i = 3\nwhile i:\n    i -= 1\n    loss = i", [2, 1, 0]),
    "walrus in test": ("n = 3\nwhile (loss := n):\n    n -= 1", [3, 2, 1, 0]),
    "walrus in if": ("for i in range(3):\n    if (loss := i) > 1:\n        x = 1", [0, 1, 2]),
    "walrus inside walrus": ("for i in range(2):\n    print((x := (loss := i) + 1))", [0, 1]),
    "walrus in a deep expression": ("for i in range(2):\n    x = [{'a': -(f'{(loss := i)}' != '')}]", [0, 1]),
    "walrus as iterable": ("for j in range(2):\n    for i in (loss := range(j)):\n        loss = 7", [7]),
    "walrus in lambda": ("for i in range(2):\n    f = lambda: (loss := 5)\n    f()", []),
    "short circuit": ("for i in range(3):\n    i and (loss := i)", [1, 2]),
    "for target": ("for loss in [3, 4]:\n    pass", [3, 4]),
    "for target in a tuple": ("for i, loss in enumerate([3, 4]):\n    pass", [3, 4]),
    "with": (
        "from contextlib import nullcontext\n"
        "for i in range(2):\n    with nullcontext(i) as loss:\n        pass",
        [0, 1],
    ),
    "with outside": ("from contextlib import nullcontext\nwith nullcontext(1) as loss:\n    pass", []),
    "for inside with": (
        "from contextlib import nullcontext\nwith nullcontext(1):\n    for i in [1]:\n        loss = i",
        [1],
    ),
    "match capture": (
        "for i in range(2):\n    match [i, 5]:\n        case [loss, 5]:\n            pass",
        [0, 1],
    ),
    "match guard": (
        "for i in range(2):\n    match i:\n        case _ if (loss := i):\n            pass",
        [0, 1],
    ),
    "nested loops": ("for i in range(2):\n    for j in range(2):\n        loss = 10 * i + j", [0, 1, 10, 11]),
    "continue and break": (
        "for i in range(5):\n    if i == 1: continue\n    loss = i\n    if i == 3: break\n"
        "else:\n    loss = 99",
        [0, 2, 3],
    ),
    "for else": ("for i in range(2):\n    loss = i\nelse:\n    loss = 99", [0, 1]),
    "else of an inner loop": (
        "for i in range(2):\n    for j in []: pass\n    else:\n        loss = i",
        [0, 1],
    ),
    "while else": ("n = 1\nwhile n:\n    n -= 1\n    loss = n\nelse:\n    loss = 99", [0]),
    "try": (
        "for i in range(2):\n    try:\n        loss = 1 / i\n"
        "    except ZeroDivisionError:\n        loss = -1\n"
        "    else:\n        loss = 5\n    finally:\n        loss = 9",
        [-1, 9, 1.0, 5, 9],
    ),
    "failing statement gives no point": (
        "for i in range(2):\n    try:\n        loss = 1 / 0\n    except ZeroDivisionError:\n        pass",
        [],
    ),
    "function": ("def f():\n    for i in range(2):\n        loss = i\nfor i in [1]:\n    f()", []),
    "class": ("for i in range(2):\n    class C:\n        loss = i", []),
    "comprehension": ("for i in range(2):\n    xs = [loss for loss in range(3)]", []),
    "walrus in comprehension": ("xs = [(loss := i) for i in range(3)]", []),
    "deleted": ("for i in range(2):\n    loss = i\n    del loss", [0, 1]),
    "global statement": ("global loss\nfor i in range(2):\n    loss = i", [0, 1]),
    "subscript and attribute": (
        "class B: pass\nb, d = B(), {}\nfor i in range(2):\n    d['loss'] = b.loss = i",
        [],
    ),
    "async for": (
        "async def src():\n    for i in range(3):\n        yield i\nasync for loss in src():\n    pass",
        [0, 1, 2],
    ),
    "await in a loop": (
        "import asyncio\n"
        "for i in range(2):\n    await asyncio.sleep(0)\n    loss = await asyncio.sleep(0, i)",
        [0, 1],
    ),
    "await in a walrus": (
        "import asyncio\nfor i in range(2):\n    print((loss := await asyncio.sleep(0, i)))",
        [0, 1],
    ),
    "numpy": ("import numpy as np\nfor i in range(2):\n    loss = np.float32(i) / 2", [0.0, 0.5]),
    "bool": ("for i in range(2):\n    loss = i > 0", [0, 1]),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS)
def test_points(cell: str, expected: list[float], shell: InteractiveShell) -> None:
    assert values(run(shell, cell)[0]) == expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is new in Python 3.11")
def test_except_star(shell: InteractiveShell) -> None:
    body = "    try:\n        raise ExceptionGroup('', [KeyError()])\n    except* KeyError:\n        loss = i"
    cell = "for i in range(2):\n" + body
    assert values(run(shell, cell)[0]) == [0, 1]


def test_step_counts_each_name_from_zero(shell: InteractiveShell) -> None:
    points, _ = run(
        shell, "for e in range(2):\n    for b in range(2):\n        loss = b\n    acc = e", "loss,acc"
    )
    assert points == [
        ({"loss": 0}, 0),
        ({"loss": 1}, 1),
        ({"acc": 0}, 0),
        ({"loss": 0}, 2),
        ({"loss": 1}, 3),
        ({"acc": 1}, 1),
    ]


def test_names_bound_by_one_statement_make_one_point(shell: InteractiveShell) -> None:
    points, _ = run(shell, "for e in range(2):\n    loss, acc = e, e * 2", "loss,acc")
    assert points == [({"loss": 0, "acc": 0}, 0), ({"loss": 1, "acc": 2}, 1)]


def test_named_step(shell: InteractiveShell) -> None:
    points, problems = run(
        shell, "for epoch in range(10, 12):\n    for b in range(2):\n        loss = b", step="epoch"
    )
    assert points == [({"loss": 0}, 10), ({"loss": 1}, 10), ({"loss": 0}, 11), ({"loss": 1}, 11)]
    assert problems == []


def test_numpy_step(shell: InteractiveShell) -> None:
    points, problems = run(shell, "import numpy as np\nfor e in np.arange(2.0):\n    loss = 1", step="e")
    assert ([at for _, at in points], problems) == ([0, 1], [])


@pytest.mark.parametrize("step", ["'x'", "0.5", "float('nan')", "float('inf')", "None", "[1]"])
def test_step_that_is_no_whole_number_counts(step: str, shell: InteractiveShell) -> None:
    points, problems = run(shell, f"epoch = {step}\nfor i in range(2):\n    loss = i", step="epoch")
    assert [at for _, at in points] == [0, 1]
    assert len(problems) == 1
    assert "--step epoch" in problems[0]


def test_missing_step_counts(shell: InteractiveShell) -> None:
    points, problems = run(shell, "for i in range(2):\n    loss = i", step="epoch")
    assert [at for _, at in points] == [0, 1]
    assert "does not exist" in problems[0]


def test_value_that_is_no_number(shell: InteractiveShell) -> None:
    points, (problem,) = run(shell, "for i in range(3):\n    loss = [i, i] if i != 1 else 0.5")
    assert points == [({"loss": 0.5}, 1)]
    assert "metric 'loss' is a list of shape (2,), not one number" in problem


@pytest.mark.parametrize(
    ("cell", "cure"),
    [
        ("for i in range(2):\n    los = i", "slip in the name"),
        ("loss = 1", "outside of loops"),
        ("def f():\n    for i in range(2):\n        loss = i\nf()", "in a function"),
        ("xs = [loss for loss in range(3)]", "comprehension"),
    ],
)
def test_nothing_to_watch(cell: str, cure: str, shell: InteractiveShell) -> None:
    _, (problem,) = run(shell, cell)
    assert "no loop of this cell assigns 'loss'" in problem
    assert cure in problem


# The meaning of the cell


def test_namespaces_do_not_show_the_hook(shell: InteractiveShell) -> None:
    cell = (
        "for i in range(2):\n    loss = i\n    seen = sorted([*locals(), *globals(), *dir()])\n"
        "hooked = [n for n in seen if 'hook' in n]"
    )
    points, _ = run(shell, cell)
    assert len(points) == 2
    assert shell.user_ns["hooked"] == []
    assert not hasattr(builtins, HOOK)


def test_last_expression_is_displayed(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "for i in range(2):\n    loss = i\nloss + 40")
    assert "41" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["loss", "i"])
def test_traceback_keeps_its_lines(name: str, shell: InteractiveShell) -> None:
    cell = (
        "def f(x):\n    return 1 / x\n\nfor i in range(3, -1, -1):\n    loss = i\n"
        "    loss = (\n        i +\n        f(loss)\n    )\n"
    )
    with pytest.raises(ZeroDivisionError) as caught:
        run(shell, cell, name)
    lines = [(frame.name, frame.lineno) for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert lines[-2:] == [("<module>", 8), ("f", 2)]


def test_long_sums_and_chains_are_followed(shell: InteractiveShell) -> None:
    total = "+".join(["1"] * 600)
    branches = "".join(f"    elif i == {n}:\n        loss = {n}\n" for n in range(1, 120))
    points, _ = run(
        shell, f"for i in range(100, 102):\n    if not (loss := {total}):\n        pass\n{branches}"
    )
    assert values(points) == [600, 100, 600, 101]


# Random programs: the woven one does what the plain one does

NAMES = ["loss", "acc", "x"]


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


@st.composite
def _expressions(draw: st.DrawFn, depth: int = 0) -> str:
    kind = draw(st.integers(0, 7 if depth < 2 else 2))
    name = draw(st.sampled_from([*NAMES, "i0", "i1"]))
    if kind == 0:
        return str(draw(st.integers(-2, 3)))
    if kind in (1, 2):
        return name
    inner = draw(_expressions(depth + 1))
    if kind == 3:
        return f"({draw(st.sampled_from(NAMES))} := {inner})"
    if kind == 4:
        return f"say({inner})"
    if kind == 5:
        return f"({inner} {draw(st.sampled_from(['or', 'and']))} {draw(_expressions(depth + 1))})"
    if kind == 6:
        return f"sum([{name} for {name} in range(2)], {inner})"
    return f"({inner} {draw(st.sampled_from(['+', '-', '//', '<']))} {draw(_expressions(depth + 1))})"


@st.composite
def _statements(draw: st.DrawFn, depth: int, loops: int) -> list[str]:
    kind = draw(st.integers(0, 7 if depth >= 3 else 17))
    name, other = draw(st.permutations(NAMES))[:2]
    value = draw(_expressions())
    simple = [
        f"{name} = {value}",
        f"{name} {draw(st.sampled_from(['+=', '-=', '//=']))} {value}",
        f"{name} = {other} = {value}",
        f"{name}, *_rest, {other} = {value}, 1, {draw(_expressions())}",
        f"say({value})",
        f"del {name}",
        f"{name}: int = {value}",
        draw(st.sampled_from(["break", "continue"])) if loops else f"assert {value}",
    ]
    if kind < len(simple):
        return [simple[kind]]

    def block(inside: int = loops) -> list[str]:
        return _indented(draw(_blocks(depth + 1, inside)))

    counter = f"i{min(depth, 1)}"
    if kind in (8, 9, 10):
        target = draw(st.sampled_from([counter, name, f"({counter}, {name})"]))
        source = (
            f"pairs({draw(st.integers(0, 3))})"
            if target.startswith("(")
            else f"range({draw(st.integers(0, 3))})"
        )
        tail = ["else:", *block()] if draw(st.booleans()) else []
        return [f"for {target} in {source}:", *block(loops + 1), *tail]
    if kind == 11:
        tail = ["else:", *block()] if draw(st.booleans()) else []
        return [f"while turn() and {value}:", *block(loops + 1), *tail]
    if kind in (12, 13):
        tail = ["else:", *block()] if draw(st.booleans()) else []
        return [f"if {value}:", *block(), *tail]
    if kind == 14:
        caught = draw(st.sampled_from(["NameError", "ZeroDivisionError", "Exception as error"]))
        tail = ["finally:", *block()] if draw(st.booleans()) else []
        return ["try:", *block(), f"except {caught}:", *block(), *tail]
    if kind == 15:
        return [f"with manager({value}) as {name}:", *block()]
    if kind == 16:
        return [
            f"match ({value}, 1):",
            f"    case ({name}, 1) if {draw(_expressions())}:",
            *_indented(block()),
            "    case _:",
            *_indented(block()),
        ]
    return [
        f"def f({name}=0):",
        *_indented([f"for {other} in range(2):", *_indented([f"{name} = {other}"]), f"return {name}"]),
        f"say(f({value}))",
    ]


@st.composite
def _blocks(draw: st.DrawFn, depth: int, loops: int) -> list[str]:
    return [line for _ in range(draw(st.integers(1, 3))) for line in draw(_statements(depth, loops))]


class Ran:
    """What is left of a program that has run: names, output, and the error with its lines."""

    def __init__(self, code: CodeType, namespace: dict[str, object]) -> None:
        self.error: tuple[str, str] | None = None
        self.lines: list[int] = []
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                exec(code, namespace)
            except Exception as error:
                self.error = (type(error).__name__, str(error))
                frames = traceback.extract_tb(error.__traceback__)
                self.lines = [frame.lineno or 0 for frame in frames if frame.filename == "<cell>"]
        self.output = out.getvalue()
        self.names = {k: v for k, v in namespace.items() if type(v) in (int, bool, list, float)}
        self.keys = [key for key in namespace if key != "__builtins__"]


START = {"loss": 1, "acc": 2, "x": -1, "i0": 0, "i1": 1}


def _world() -> dict[str, object]:
    turns = iter(range(12))

    @contextlib.contextmanager
    def manager(value: object) -> Iterator[object]:
        print("enter")
        try:
            yield value
        finally:
            print("exit")

    return {
        "say": lambda value: print(repr(value)) or value,
        "turn": lambda: next(turns, None) is not None,
        "pairs": lambda count: [(i, i + 1) for i in range(count)],
        "manager": manager,
    }


def _watched_world() -> tuple[dict[str, object], Watcher, Points]:
    namespace: dict[str, object] = _world() | START
    points: Points = []
    return namespace, Watcher(lambda values, at: points.append((values, at)), namespace), points


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_blocks(0, 0), st.sampled_from([None, "i0", "absent"]))
@example(
    [
        "for loss in range(2):",
        "    while turn() and (acc := loss):",
        "        break",
        "    else:",
        "        x = acc",
    ],
    "i0",
)
def test_random_programs_mean_the_same(program: list[str], step: str | None) -> None:
    source = "\n".join(program)
    try:
        plain_code = compile(source, "<cell>", "exec")
    except SyntaxError:
        return
    plain = Ran(plain_code, _world() | START)
    tree = watch(ast.parse(source), NAMES, step, HOOK)
    namespace, watcher, _ = _watched_world()
    linecache.cache.pop("<cell>", None)
    with watcher.installed(HOOK):
        woven = Ran(compile(tree, "<cell>", "exec"), namespace)
    assert (woven.names, woven.keys) == (plain.names, plain.keys)
    assert (woven.error, woven.lines, woven.output) == (plain.error, plain.lines, plain.output)


class Stores(dict[str, object]):
    """A namespace that keeps a record of what is stored in it, and by which line."""

    def __init__(self) -> None:
        super().__init__(START)
        self.made: list[tuple[int, str, object]] = []

    def __setitem__(self, name: str, value: object) -> None:
        self.made.append((sys._getframe(1).f_lineno, name, value))
        super().__setitem__(name, value)


def _looping_lines(tree: ast.Module) -> set[int]:
    """The lines a loop runs, for programs with one statement to a line."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.While)):
            lines |= {
                node.lineno,
                *(inner.lineno for part in node.body for inner in ast.walk(part) if hasattr(inner, "lineno")),
            }
    return lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_blocks(0, 0))
def test_random_programs_give_the_points_that_were_stored(program: list[str]) -> None:
    """Each store of a watched name on a line that a loop runs is one point, and there are no others."""
    source = "\n".join(program)
    tree = ast.parse(source)
    try:
        code = compile(source, "<cell>", "exec")
    except SyntaxError:
        return
    if "match" in source:  # a capture whose guard then fails is stored, but its block is not entered
        return
    stores = Stores()
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        exec(code, _world(), stores)
    looping = _looping_lines(tree)
    namespace, watcher, points = _watched_world()
    with watcher.installed(HOOK):
        Ran(compile(watch(tree, NAMES, None, HOOK), "<cell>", "exec"), namespace)
    for name in NAMES:
        stored = [
            value for line, stored_name, value in stores.made if stored_name == name and line in looping
        ]
        assert values(points, name) == stored
        assert [at for point, at in points if name in point] == list(range(len(stored)))
