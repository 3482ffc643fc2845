"""The static reading of a cell: kinds of bindings, names read, and what cannot be read."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_tracker.capture.cells import read_cell
from jupyter_tracker.capture.literals import NOT_LITERAL, fold, same

KINDS = [
    ("x = 1", "literal"),
    ("x = [1, {'a': (2, None)}]", "literal"),
    ("x = {'a': f()}", "literal"),
    ("x = {'a': 1, **f()}", "literal"),
    ("x = {1: f()}", "computed"),
    ("x = [f()]", "computed"),
    ("x = f()", "computed"),
    ("x = y", "alias"),
    ("x = y if c else y", "alias"),
    ("x = y if c else z", "computed"),
    ("x = y if c else 1", "alias"),
    ("x = 1 < 2", "computed"),
    ("x = 1 or 2", "computed"),
    ("x = -1", "literal"),
    ("x = 2**200", "literal"),
    ("x = 10**10**10", "computed"),
    ("x = 1 << 10**9", "computed"),
    ("x = [0] * 10**9", "computed"),
    ("x = 10**9 * 'a'", "computed"),
    ("x = '%1000000000d' % 1", "computed"),
    ("x = (9**1000)**1000", "computed"),
    ("x = 1 / 0", "computed"),
    ("x = 'a' + 1", "computed"),
    ("x = int('z')", "computed"),
    ("x = float('inf')", "literal"),
    ("x = {[]}", "computed"),
    ("x = {[]: 1}", "computed"),
    ("x = b'a'", "computed"),
    ("x = ...", "computed"),
    ("x = ~5", "literal"),
    ("x = ~True", "computed"),
    ("x = f'{1}'", "computed"),
    ("x = await f()", "computed"),
    ("x = lambda: 1", "definition"),
    ("for x in y: pass", "counter"),
    ("for (a, [x, *b]) in y: pass", "counter"),
    ("async for x in y: pass", "counter"),
    ("for x in y: x = 1", "literal"),
    ("x = 1\nfor x in y: pass", "counter"),
    ("x = 1\nfor i in y: x += 1", "computed"),
    ("x = 1\nwhile c: x = x", "literal"),
    ("x = 1\nx += 1", "literal"),
    ("x = 1\nx += y", "computed"),
    ("x += 1", "computed"),
    ("with f() as x: pass", "computed"),
    ("async with f() as (x, y): pass", "computed"),
    ("import x", "import"),
    ("import a.b as x", "import"),
    ("from a import b as x", "import"),
    ("try:\n    import x\nexcept ImportError:\n    x = None", "import"),
    ("def x(): pass", "definition"),
    ("async def x(): pass", "definition"),
    ("class x: pass", "definition"),
    ("x = 1\ndel x", "deleted"),
    ("if c:\n    x = 1\nelse:\n    x = 2", "literal"),
    ("if c:\n    x = 1\nelse:\n    x = f()", "computed"),
    ("try:\n    x = 1\nexcept E:\n    x = f()", "computed"),
    ("try:\n    pass\nexcept E as x:\n    pass", "deleted"),
    ("match y:\n    case [1, x]: pass", "computed"),
    ("match y:\n    case {'a': 1, **x}: pass", "computed"),
    ("match y:\n    case [*x]: pass", "computed"),
    ("def f():\n    global x\n    x = 1", "computed"),
    ("class C:\n    global x\n    x = 1", "computed"),
    ("def f():\n    def g():\n        global x\n        x = 1", "computed"),
    ("[x := i for i in y]", "computed"),
    ("f(x := 1)", "literal"),
    ("x, y = 1, 2", "literal"),
    ("*x, y = 1, 2, 3", "literal"),
    ("x, *y = f()", "computed"),
    ("x, y = 1", "computed"),
    ("x, y, z = 1, 2", "computed"),
    ("[x, y] = [1, 2]", "literal"),
    ("x: int = 1", "literal"),
    ("get_ipython().run_line_magic('time', 'x = 1')", "literal"),
    ("get_ipython().run_cell_magic('time', '', 'x = 1\\n')", "literal"),
]


@pytest.mark.parametrize(("source", "kind"), KINDS, ids=[source for source, _ in KINDS])
def test_kind(source: str, kind: str) -> None:
    assert read_cell(source).bindings["x"].kind == kind


@pytest.mark.parametrize(
    "source",
    [
        "x: int",
        "x.y = 1",
        "x[0] = 1",
        "x['a'] = 1",
        "from x import *",
        "def f():\n    x = 1",
        "class C:\n    x = 1",
        "[x for x in y]",
        "lambda: (x := 1)",
        "get_ipython().run_line_magic('time', 'x = ')",
        "get_ipython().run_line_magic('timeit', 'x = 1')",
    ],
)
def test_binds_nothing(source: str) -> None:
    assert "x" not in read_cell(source).bindings


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y = x", {"x"}),
        ("x += 1", {"x"}),
        ("x.y = 1", {"x"}),
        ("x['a'] = 1", {"x"}),
        ("f(*a, **b)", {"f", "a", "b"}),
        ("def f(a=b): return a + c", {"b", "c"}),
        ("def f():\n    y = x\n    def g(): return y + z\n    return g", {"x", "z"}),
        ("def f():\n    global y\n    return y", {"y"}),
        ("@d\nclass C(B, k=v):\n    a = 1\n    c = a\n    def m(self): return a", {"d", "B", "v", "a"}),
        ("[x + y for x in z if w]", {"y", "z", "w"}),
        ("[x for x in x]", {"x"}),
        ("{k: v for k, v in d.items()}", {"d"}),
        ("[[a for a in b] for b in c]", {"c"}),
        ("lambda x: x + y", {"y"}),
        ("def f(x: T) -> U: pass", set()),
        ("try:\n    pass\nexcept E as e:\n    print(e)", {"E", "print", "e"}),
        ("match s:\n    case P(a=1) if g: h", {"s", "P", "g", "h"}),
        ("with a as b, c(b): pass", {"a", "b", "c"}),
        ("import x\nfrom y import z", set()),
        ("f'{a!r:{b}}'", {"a", "b"}),
        ("del x", set()),
        ("def f():\n    x = 1\n    del x", set()),
        ("def f():\n    import x\n    for y in x: pass\n    with y as z: return z", set()),
    ],
)
def test_reads(source: str, expected: set[str]) -> None:
    assert read_cell(source).reads == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("await f()", True),
        ("async for x in y: pass", True),
        ("async with x: pass", True),
        ("[x async for x in y]", True),
        ("[await x for x in y]", True),
        ("(x async for x in y)", False),
        ("async def f(): await g()", False),
        ("x = 1", False),
        ("for x in y:\n    if x: await x", True),
        ("get_ipython().run_line_magic('time', 'await f()')", False),
    ],
)
def test_is_async(source: str, expected: bool) -> None:
    assert read_cell(source).is_async is expected


@pytest.mark.parametrize(
    "source", ["x = (", "x = 1\n  y = 2", "a\0b", "(" * 5000, "%matplotlib inline", "-" * 200_000 + "1"]
)
def test_unreadable_source_is_told(source: str) -> None:
    reading = read_cell(source)
    assert isinstance(reading.syntax_error, SyntaxError)
    assert (reading.bindings, reading.reads) == ({}, frozenset())
    assert reading.until(1) == reading


def test_candidates_are_the_values_of_the_paths() -> None:
    binding = read_cell("if a:\n    x = 1\nelif b:\n    x = 2\nelse:\n    x = 1").bindings["x"]
    assert binding.candidates == (1, 2)
    assert binding.certain
    assert binding.value is None


@pytest.mark.parametrize(
    ("source", "certain"),
    [
        ("x = 1", True),
        ("if a: x = 1", False),
        ("for i in y: x = 1", False),
        ("x = 0\nfor i in y: x = 1", True),
        ("try:\n    x = 1\nfinally:\n    pass", True),
        ("with a: x = 1", True),
        ("match a:\n    case 1: x = 1", False),
        ("x = 1\nif a: del x", False),
    ],
)
def test_certainty(source: str, certain: bool) -> None:
    assert read_cell(source).bindings["x"].certain is certain


def test_until_keeps_what_ran() -> None:
    reading = read_cell("a = 1\nb = 2\nfor i in y:\n    c = 3\n    d = f()\ne = 5")
    assert list(reading.until(2).bindings) == ["a"]
    assert not reading.until(0).bindings
    stopped = reading.until(5).bindings
    assert {name: binding.certain for name, binding in stopped.items()} == {
        "a": True, "b": True, "i": False, "c": False, "d": False,
    }  # fmt: skip


def test_until_on_a_shared_line_is_uncertain() -> None:
    bindings = read_cell("a = 1; b = f()").until(1).bindings
    assert {name: binding.certain for name, binding in bindings.items()} == {"a": False, "b": False}


@pytest.mark.skipif(not hasattr(ast, "TypeAlias"), reason="the type statement is new in Python 3.12")
def test_type_alias() -> None:
    assert read_cell("type X = int").bindings["X"].kind == "definition"
    assert read_cell("def f[T](x: T) -> T:\n    return T").reads == frozenset()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is new in Python 3.11")
def test_except_star() -> None:
    assert read_cell("try:\n    x = 1\nexcept* E:\n    x = 2").bindings["x"].candidates == (1, 2)


def test_many_paths_stay_small() -> None:
    source = "".join(f"if c{i}: x = {i}\n" for i in range(100))
    assert read_cell("x = 0\n" + source).bindings["x"].kind == "computed"


def _expressions() -> st.SearchStrategy[str]:
    leaves = st.one_of(
        st.integers(-3, 9).map(str),
        st.floats(allow_nan=False, allow_infinity=False, width=16).map(repr),
        st.text(max_size=2).map(repr),
        st.sampled_from(["True", "None"]),
    )

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "|", "&", "^", "<<", ">>"])
        return st.one_of(
            st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda e: f"(-{e})"),
            st.lists(inner, max_size=3).map(lambda es: f"[{', '.join(es)}]"),
            st.lists(inner, min_size=1, max_size=2).map(lambda es: f"({', '.join(es)},)"),
            st.tuples(inner, inner).map(lambda t: f"{{{t[0]}: {t[1]}}}"),
            st.tuples(st.sampled_from(["int", "float", "bool", "list", "tuple"]), inner).map(
                lambda t: f"{t[0]}({t[1]})"
            ),
        )

    return st.recursive(leaves, grow, max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(_expressions())
def test_folding_agrees_with_python(source: str) -> None:
    """Where the reader knows the value of an expression, it is Python's value."""
    found = fold(ast.parse(source, mode="eval").body)
    if found is not NOT_LITERAL:
        assert same(eval(source, {"__builtins__": vars(builtins)}), found)


@st.composite
def _programs(draw: st.DrawFn, depth: int = 0) -> str:
    names = st.sampled_from("abcd")
    pad = "    " * depth
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        x, y, z = draw(names), draw(names), draw(names)
        kind = draw(st.integers(0, 9 if depth < 2 else 5))
        simple = [
            f"{x} = {y}",
            f"{x} += {y}",
            f"[{x} for {x} in {y} if {z}]",
            f"({x} := {y})",
            f"import {x}",
            f"lambda {x}: {y}",
        ]
        if kind < 6:
            lines.append(pad + simple[kind])
            continue
        head = [f"def {x}({y}={z}):", f"class {x}({y}):", f"for {x} in {y}:", f"async def {x}(*{y}):"][
            kind - 6
        ]
        lines += [pad + head, draw(_programs(depth + 1))]
    return "\n".join(lines)


def _global_reads(table: symtable.SymbolTable) -> set[str]:
    found = {
        s.get_name()
        for s in table.get_symbols()
        if s.is_referenced() and (s.is_global() or table.get_type() == "module")
    }
    return found.union(*(_global_reads(child) for child in table.get_children()))


@settings(max_examples=400, deadline=None)
@given(_programs())
def test_scoping_agrees_with_python(source: str) -> None:
    """Names read and bound are those that Python's own symbol table tells."""
    table = symtable.symtable(source, "cell", "exec")
    reading = read_cell(source)
    assert set(reading.bindings) == {
        s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()
    }
    assert reading.reads >= {name for name in _global_reads(table) if name not in _augmented_only(source)}
    assert reading.reads <= _global_reads(table) | _augmented_only(source)


def _augmented_only(source: str) -> set[str]:
    nodes = ast.walk(ast.parse(source))
    return {
        node.target.id
        for node in nodes
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    }
