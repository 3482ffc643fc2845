"""Inference of params and metrics, over cells that a real IPython shell has run."""

from __future__ import annotations

import ast
import gc
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_tracker.capture.cells import read_cell
from jupyter_tracker.capture.inference import Before, Inference, Options, infer, stopped_line
from jupyter_tracker.capture.memory import LiteralMemory
from jupyter_tracker.errors import Invalid

HERE = Path(__file__).parent
DOCUMENT = HERE.parent.parent / "docs" / "inference.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


@dataclass
class Case:
    rule: str
    documented: bool
    cells: list[str]
    expected: dict[str, object] = field(default_factory=dict)


def _case(text: str) -> Case:
    head, _, body = text.partition("\n")
    lines = body.rstrip().splitlines()
    source = "\n".join(line for line in lines if not line.startswith("=> ")).strip("\n")
    case = Case(head.removeprefix("* "), head.startswith("* "), source.split("\n%% next\n"))
    for line in lines:
        if line.startswith("=> "):
            name, _, value = line.removeprefix("=> ").partition(" ")
            case.expected[name] = eval(value, {"float": float})  # NaN has no literal
    return case


def _cases() -> list[Case]:
    text = (HERE / "inference_cells.txt").read_text(encoding="utf-8")
    return [_case(part) for part in text.split("\n== ")[1:]]


CASES = _cases()
RULES = Options()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        shell = InteractiveShell()
        shell.history_manager.enabled = False
        yield shell
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


@pytest.fixture
def fresh(shell: InteractiveShell) -> InteractiveShell:
    shell.reset(new_session=False)
    return shell


def track(
    shell: InteractiveShell,
    cells: Sequence[str],
    options: Options = RULES,
    memory: LiteralMemory | None = None,
) -> Inference:
    """Run the cells, the last one tracked, and infer as the magic does."""
    memory = LiteralMemory() if memory is None else memory
    *earlier, last = cells
    for count, cell in enumerate(earlier, 1):
        shell.run_cell(cell).raise_error()
        memory.remember(read_cell(shell.transform_cell(cell)), f"cell {count}")
    reading = read_cell(shell.transform_cell(last))
    before = Before(reading, shell.user_ns)
    outcome = shell.run_cell(last)
    error = outcome.error_before_exec or outcome.error_in_exec
    stopped = None if error is None else _stopped(error)
    return infer(reading, shell.user_ns, options, memory, before=before, stopped_at=stopped)


def _stopped(error: BaseException) -> int:
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_name != "<module>":
        frame = frame.tb_next
    assert frame is not None
    line = stopped_line(error.__traceback__, frame.tb_frame.f_code.co_filename)
    assert line is not None
    return line


def identical(left: object, right: object) -> bool:
    return repr(left) == repr(right)


@pytest.mark.parametrize("case", CASES, ids=[case.rule[:60] for case in CASES])
def test_rule(case: Case, fresh: InteractiveShell) -> None:
    found = track(fresh, case.cells)
    assert identical(sorted(found.params.items()), sorted(case.expected.get("params", {}).items()))
    assert identical(sorted(found.metrics.items()), sorted(case.expected.get("metrics", {}).items()))
    assert sorted(found.origins.items()) == sorted(case.expected.get("origins", {}).items())
    assert sorted(v.name for v in found.variables) == sorted(case.expected.get("variables", []))
    assert found.problems == []


def test_table_is_large_enough() -> None:
    assert len(CASES) >= 80
    assert len({case.rule for case in CASES}) == len(CASES)


def _row(case: Case) -> str:
    cells = "<br>*next cell*<br>".join("<br>".join(map(_code, cell.splitlines())) for cell in case.cells)
    outcome = [
        _outcome(name, case.expected[name])
        for name in ("params", "metrics", "variables")
        if name in case.expected
    ]
    origins = case.expected.get("origins", {})
    if origins:
        outcome.append("origin: " + ", ".join(f"`{key}` {label}" for key, label in origins.items()))
    return f"| {case.rule} | {cells} | {'<br>'.join(outcome) or 'nothing'} |"


def _code(line: str) -> str:
    bare = line.lstrip()
    return "&emsp;" * ((len(line) - len(bare)) // 4) + f"`{bare}`".replace("|", "\\|")


def _outcome(name: str, value: object) -> str:
    items = (
        [f"`{k} = {v!r}`" for k, v in value.items()] if isinstance(value, dict) else [f"`{v}`" for v in value]
    )
    return f"{name}: " + ", ".join(items)


def rules_table() -> str:
    rows = [_row(case) for case in CASES if case.documented]
    return "\n".join(["| rule | cell | recorded |", "|---|---|---|", *rows])


def test_document_holds_the_rules() -> None:
    """`python tests/unit/test_inference.py` writes the table anew."""
    written = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()
    assert written == rules_table()


# What the user names


def test_named_metric_and_param_take_precedence(fresh: InteractiveShell) -> None:
    found = track(fresh, ["a = 1\nb = len('xx')\nc = 3"], Options(params=["b"], metrics=["a"]))
    assert (found.params, found.metrics) == ({"b": 2, "c": 3}, {"a": 1})


def test_infer_off_leaves_the_named(fresh: InteractiveShell) -> None:
    found = track(fresh, ["a = 1\nb = len('xx')\nc = 3"], Options(params=["a"], metrics=["b"], infer=False))
    assert (found.params, found.metrics) == ({"a": 1}, {"b": 2})
    assert [v.name for v in found.variables] == ["c"]


def test_exclude_matches_keys_and_owners(fresh: InteractiveShell) -> None:
    cells = ["t0 = len('a')\nt1 = 5\nkeep = 1\nparams = {'lr': 1, 'n_jobs': 2}\nother = {'x': 1}"]
    found = track(fresh, cells, Options(exclude=["t?", "n_*", "other"]))
    assert (found.params, found.metrics) == ({"keep": 1, "lr": 1}, {})


def test_a_named_name_beats_exclude(fresh: InteractiveShell) -> None:
    found = track(fresh, ["t = len('a')"], Options(metrics=["t"], exclude=["*"]))
    assert found.metrics == {"t": 1}


def test_named_bool_counts_as_number(fresh: InteractiveShell) -> None:
    assert track(fresh, ["ok = len('a') == 1"], Options(metrics=["ok"])).metrics == {"ok": 1}


def test_named_dict_gives_its_entries(fresh: InteractiveShell) -> None:
    found = track(
        fresh,
        ["import numpy as np\nconf = dict([('lr', np.float64(0.1)), ('on', True)])"],
        Options(params=["conf"]),
    )
    assert found.params == {"lr": 0.1, "on": True}


def test_both_lists_may_name_one_name(fresh: InteractiveShell) -> None:
    found = track(fresh, ["a = 5"], Options(params=["a"], metrics=["a"]))
    assert (found.params, found.metrics) == ({"a": 5}, {"a": 5})


@pytest.mark.parametrize(
    ("cell", "type_", "cure"),
    [
        ("x = 'abc'", "str", "float(x)"),
        ("import numpy as np\nx = np.zeros((2, 3))", "numpy.ndarray of shape (2, 3)", "Reduce it"),
        ("import numpy as np\nx = np.zeros(1)", "numpy.ndarray of shape (1,)", "x.item()"),
        ("x = [1, 2]", "list of shape (2,)", "Reduce it"),
        ("x = {'a': 1}", "dict of shape (1,)", "entry"),
        ("x = None", "NoneType", "Bind a number"),
        ("x = len", "builtin_function_or_method", "call"),
        (
            "import pandas as pd\nx = pd.DataFrame({'a': [1, 2]})",
            "pandas.DataFrame of shape (2, 1)",
            "Reduce it",
        ),
    ],
)
def test_named_metric_that_is_no_number(cell: str, type_: str, cure: str, fresh: InteractiveShell) -> None:
    (problem,) = track(fresh, [cell], Options(metrics=["x"])).problems
    assert isinstance(problem, Invalid)
    assert f"metric 'x' is a {type_}, not one number" in str(problem)
    assert cure in str(problem)


def test_named_name_that_is_not_there(fresh: InteractiveShell) -> None:
    found = track(fresh, ["rmse = len('a')"], Options(metrics=["rmes"], params=["nothing"]))
    missing, other = map(str, found.problems)
    assert "metric 'rmes' does not exist after the cell" in missing
    assert "'rmse'" in missing
    assert "param 'nothing' does not exist" in other
    assert "--params" in other


# Cells that stop, and cells run again


def test_a_failed_cell_records_what_it_reached(fresh: InteractiveShell) -> None:
    found = track(fresh, ["lr = 0.1\nacc = len('ab') / 4\n1 / 0\nrmse = 3"])
    assert (found.params, found.metrics) == ({"lr": 0.1}, {"acc": 0.5})


def test_a_failed_rerun_does_not_record_the_former_value(fresh: InteractiveShell) -> None:
    cell = "lr = 0.1\nif fail: raise ValueError\nrmse = len('abc') / 7\nbest = len('abc')"
    fresh.run_cell("fail = False")
    assert track(fresh, [cell]).metrics == {"rmse": 3 / 7, "best": 3}
    fresh.run_cell("fail = True")
    found = track(fresh, [cell])
    assert (found.params, found.metrics) == ({"lr": 0.1}, {})


def test_the_statement_that_fails_binds_nothing(fresh: InteractiveShell) -> None:
    fresh.run_cell("rmse = 0.25")
    assert track(fresh, ["lr = 0.1\nrmse = 1 / 0"]).metrics == {}


def test_an_interrupted_loop_keeps_its_last_values(fresh: InteractiveShell) -> None:
    cell = (
        "best = 0.0\nfor i in range(9):\n    loss = 1 / (i + 1)\n"
        "    best = loss\n    if i == 3: raise KeyboardInterrupt\n"
    )
    assert track(fresh, [cell]).metrics == {"best": 0.25, "loss": 0.25}


def test_a_branch_not_taken_does_not_record_the_former_value(fresh: InteractiveShell) -> None:
    cell = "if first:\n    acc = len('abc') / 7\n"
    fresh.run_cell("first = True")
    assert track(fresh, [cell]).metrics == {"acc": 3 / 7}
    fresh.run_cell("first = False")
    assert track(fresh, [cell]).metrics == {}


def test_a_literal_of_a_branch_not_taken_is_not_recorded(fresh: InteractiveShell) -> None:
    cell = "if first:\n    lr = 0.25\n"
    fresh.run_cell("first = True")
    assert [track(fresh, [cell]).params for _ in range(2)] == [{"lr": 0.25}] * 2
    fresh.run_cell("first = False")
    assert track(fresh, [cell]).params == {}


@pytest.mark.parametrize("value", ["None", "True", "3", "'adam'", "[1]"])
def test_values_of_which_there_is_one_are_recorded_again(value: str, fresh: InteractiveShell) -> None:
    cell = f"for _i in range(2):\n    x = {value}\n"
    assert [track(fresh, [cell]).params for _ in range(2)] == [{"x": eval(value)}] * 2


def test_what_a_time_magic_bound_before_it_failed(fresh: InteractiveShell) -> None:
    found = track(fresh, ["%%time\nlr = 0.1\nacc = len('ab') / 4\n1 / 0\n"])
    assert (found.params, found.metrics) == ({"lr": 0.1}, {"acc": 0.5})


def test_before_keeps_no_large_value_alive() -> None:
    class Large:
        pass

    gone = []
    namespace: dict[str, object] = {"x": Large(), "y": [0] * 1000}
    import weakref

    weakref.finalize(namespace["x"], gone.append, True)
    before = Before(read_cell("x = f()\ny = f()"), namespace)
    namespace.clear()
    gc.collect()
    assert gone == [True]
    assert not before.holds("y", None)


# Hostile namespaces

HOSTILE = """
class Meta(type):
    def __getattribute__(cls, name): raise RuntimeError(name)
    def __instancecheck__(cls, other): raise RuntimeError
    def __subclasscheck__(cls, other): raise RuntimeError
    def __eq__(cls, other): raise RuntimeError
    def __hash__(cls): raise RuntimeError
class Hostile(metaclass=Meta):
    def __eq__(self, other): raise RuntimeError
    def __hash__(self): raise RuntimeError
    def __repr__(self): raise RuntimeError
    def __bool__(self): raise RuntimeError
    def __float__(self): raise SystemExit
    def __len__(self): raise RuntimeError
    def __getattr__(self, name): raise SystemExit
    def __getattribute__(self, name): raise RuntimeError
    __class__ = property(lambda self: 1 / 0)
    shape = property(lambda self: 1 / 0)
    dtype = property(lambda self: 1 / 0)
class Sneaky(float):
    def __float__(self): raise RuntimeError
    def __eq__(self, other): raise RuntimeError
    __hash__ = None
class Key:
    def __hash__(self): return hash("lr")
    def __eq__(self, other): raise RuntimeError
class Shape:
    shape = ("a", None)
    def __float__(self): return 1.0
class Greedy(dict):
    def __getitem__(self, key): raise RuntimeError
    def get(self, *key): raise RuntimeError
    def __iter__(self): raise RuntimeError
    def __len__(self): raise RuntimeError
"""


def test_hostile_objects_are_contained(fresh: InteractiveShell) -> None:
    cell = (
        "a = object.__new__(Hostile)\n"
        "b = [object.__new__(Hostile)]\nc = Sneaky(2.5)\nd = {'lr': 0.1}\n"
        "d.clear(); d[Key()] = 1\n"
        "e = Shape()\nf = Greedy(x=1)\ng = {1, 2}\n"
        "g.clear(); g.add(3)\nh = 1\nglobals()['h'] = a\ni = [1, 2]\ni[1] = a\n"
        "j = {'lr': a}\nk = {'n': 1}\nk['n'] = a\nl = Hostile\n"
    )
    everything = list("abcdefghijkl")
    found = track(fresh, [HOSTILE, cell], Options(exclude=["zzz"]))
    assert (found.params, found.metrics) == ({}, {"c": 2.5})
    assert {v.name for v in found.variables} >= set("abdefghijk")
    asked = track(fresh, [cell], Options(metrics=everything, params=everything))
    assert len(asked.problems) == len(everything) - 1


def test_a_float_that_raises_is_a_variable(fresh: InteractiveShell) -> None:
    found = track(fresh, ["class F:\n    def __float__(self): raise KeyError\nx = F()"])
    assert [(v.name, v.type) for v in found.variables] == [("x", "F")]


def test_variables_have_type_and_shape(fresh: InteractiveShell) -> None:
    found = track(fresh, ["import numpy as np\nx = np.zeros((4, 5))\nxs = list(range(3))\ns = 'a'.upper()"])
    assert [tuple(v) for v in found.variables] == [
        ("x", "numpy.ndarray", (4, 5)),
        ("xs", "list", (3,)),
        ("s", "str", None),
    ]


def test_syntax_error_records_nothing() -> None:
    reading = read_cell("x = (")
    assert infer(reading, {"x": 1}, Options(), LiteralMemory()) == Inference()


# Cost

CELL = """
max_depth = 15
params = {"n_estimators": 50, "lr": 1e-3}
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=42)

rf = RandomForestRegressor(max_depth=max_depth, **params)
rf.fit(X_train, y_train)
best = 0.0
losses = []
for epoch in range(10):
    rf.partial_fit(X_train, y_train)
    loss = mean_squared_error(y_val, rf.predict(X_val))
    losses.append(loss)
    if loss < best:
        best = loss
        print(f"epoch {epoch}: {loss:.3f}")

def evaluate(model, X, y):
    pred = model.predict(X)
    return mean_squared_error(y, pred) ** 0.5

"""


def _namespace(size: int) -> dict[str, object]:
    values: list[object] = [0.5, 3, np.float32(1), "text", np.zeros(3), {"lr": 1e-3}, [1, 2]]
    names = {f"v{i}": values[i % len(values)] for i in range(size)}
    return names | {
        "max_depth": 15,
        "params": {"n_estimators": 50, "lr": 1e-3},
        "best": 0.1,
        "loss": np.float64(0.1),
    }


def cost(lines: int, size: int, rounds: int = 30) -> float:
    """Best seconds of reading and inferring a cell of so many lines with so many names in the namespace."""
    source = (CELL * (lines // 20 + 1)).split("\n", lines)
    cell, namespace, memory = "\n".join(source[:lines]), _namespace(size), LiteralMemory()
    memory.remember(read_cell("\n".join(f"v{i} = {i}" for i in range(100))), "cell 1")
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        infer(read_cell(cell), namespace, Options(), memory)
        times.append(time.perf_counter() - start)
    return min(times)


def test_cost_does_not_grow_with_the_namespace() -> None:
    assert cost(200, 10_000) < 2 * cost(200, 10)


def test_cost_is_of_the_order_of_parsing() -> None:
    source, times = CELL * 10, []
    for _ in range(30):
        start = time.perf_counter()
        ast.parse(source)
        times.append(time.perf_counter() - start)
    assert cost(200, 1_000) < 4 * min(times)


def test_a_large_array_is_not_touched() -> None:
    large = np.lib.stride_tricks.as_strided(np.zeros(1), shape=(1 << 40,), strides=(0,))
    reading = read_cell("x = f()\nxs = [1, 2]")
    namespace = {"x": large, "xs": [0] * 10_000_000}
    start = time.perf_counter()
    found = infer(reading, namespace, Options(), LiteralMemory())
    assert time.perf_counter() - start < 0.05
    assert [v.shape for v in found.variables] == [(1 << 40,), (10_000_000,)]


def test_reading_and_inferring_emit_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = read_cell("x = '\\d'\ny = 1 is 1\nz = ~True\n")
        infer(reading, {"x": "\\d", "y": True, "z": -2}, Options(), LiteralMemory())


def test_memory_origin() -> None:
    memory = LiteralMemory()
    memory.remember(read_cell("lr = 0.1\nx = f()\ndef g(): return lr"), "cell 1")
    assert [memory.origin(name) for name in ("lr", "x", "g", "absent")] == ["cell 1", None, None, None]
    memory.remember(read_cell("del lr"), "cell 2")
    assert memory.origin("lr") is None


def test_nan_is_equal_to_itself(fresh: InteractiveShell) -> None:
    found = track(fresh, ["a = [float('nan'), 1]"])
    (value,) = found.params.values()
    assert math.isnan(value[0])


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    DOCUMENT.write_text(
        f"{head}{BEGIN}\n\n{rules_table()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
