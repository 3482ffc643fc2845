"""Curves without calls: a point each time a watched name is assigned inside a loop of the cell.

`watch` puts a call of a hook behind the assignments; `Watcher` is that hook. The hook is given names, never
values, and reads the cell's namespace itself, so that the inserted code evaluates nothing of the user's,
binds nothing and cannot fail on a name.

Watched are assignments in the loops of the cell's own level: plain, chained, annotated and augmented ones,
unpacking, `for` targets, `with … as`, `match` captures and `:=`. Not watched are comprehensions, and
functions and classes defined in the cell: their names are their own, and a function may outlive the cell or
travel to another process, where no hook would answer.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from jupyter_tracker.capture import names as scopes
from jupyter_tracker.capture.inference import not_a_number
from jupyter_tracker.capture.numbers import Number, number, type_name
from jupyter_tracker.errors import Invalid

Point = Callable[[dict[str, Number], int], None]
"""Takes the values that one assignment gave to watched names, and their step. Must not raise: it runs
inside the user's loop.
"""

_ABSENT: Final = object()
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def watch(tree: ast.Module, names: Iterable[str], step_name: str | None, hook_name: str) -> ast.Module:
    """The tree with a call of the hook behind each assignment of a watched name in a loop. Changes the tree
    in place.

    The module keeps its statements, all nodes keep their positions, and what is inserted stands at the
    position of the assignment: tracebacks show the lines they would have shown. `hook_name` must be a name
    the cell does not use. Where a tree is nested too deeply to be followed, the rest of it stays as it was.
    """
    with contextlib.suppress(RecursionError):
        _Weaver(frozenset(names), step_name, hook_name).block(tree.body, looping=False)
    return tree


def unwatched(tree: ast.Module, names: Iterable[str], hook_name: str) -> list[Invalid]:
    """What is wrong with having asked for these names: an error for each that the woven tree never gives to
    the hook.
    """
    nodes = list(ast.walk(tree))
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    watched: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == hook_name:
            watched.update(ast.literal_eval(node.args[0]))
    return [_nothing_to_watch(name, name in stored) for name in dict.fromkeys(names) if name not in watched]


class Watcher:
    """The hook that the woven code calls: turns an assignment into a point.

    The step is the value of `--step` if that is a whole number at that moment, else how often the name has
    been assigned before (from 0, for each name). A value that is not one number gives no point. problems:
    one error for each name that gave none for such a reason, to show after the cell.
    """

    def __init__(self, point: Point, namespace: Mapping[str, object]) -> None:
        self._point = point
        self._namespace = namespace
        self._counts: dict[str, int] = {}
        self._problems: dict[str, Invalid] = {}

    def __call__(self, names: tuple[str, ...], step_name: str | None, value: object = None) -> object:
        """Take a point of the names, all just assigned by one statement; gives `value` back."""
        step = None if step_name is None else self._step(step_name)
        points: dict[int, dict[str, Number]] = {}
        for name in names:
            count = self._counts[name] = self._counts.get(name, -1) + 1
            measured = self._measured(name)
            if measured is not None:
                points.setdefault(count if step is None else step, {})[name] = measured
        for at, values in points.items():
            self._point(values, at)
        return value

    @property
    def problems(self) -> list[Invalid]:
        return list(self._problems.values())

    @contextlib.contextmanager
    def installed(self, hook_name: str) -> Iterator[None]:
        """While it lasts, woven code finds the hook: among the builtins, so that `globals()` of the cell
        does not show it.
        """
        setattr(builtins, hook_name, self)
        try:
            yield
        finally:
            delattr(builtins, hook_name)

    def _measured(self, name: str) -> Number | None:
        value = self._namespace.get(name, _ABSENT)
        if value is _ABSENT:
            return None
        measured = number(value, flags=True)
        if measured is None and name not in self._problems:
            self._problems[name] = not_a_number(name, value)
        return measured

    def _step(self, name: str) -> int | None:
        value = self._namespace.get(name, _ABSENT)
        step = None if value is _ABSENT else number(value)
        if (
            step is not None
            and step == step
            and step not in (float("inf"), float("-inf"))
            and step == int(step)
        ):
            return int(step)
        if name not in self._problems:
            self._problems[name] = _no_step(name, value)
        return None


class _Weaver:
    """Weaves one tree. `looping` says of a block or statement whether a loop of the cell runs it."""

    def __init__(self, names: frozenset[str], step_name: str | None, hook_name: str) -> None:
        self._names = names
        self._step_name = step_name
        self._hook_name = hook_name

    def block(self, body: list[ast.stmt], looping: bool) -> None:
        woven: list[ast.stmt] = []
        for node in body:
            woven.append(node)
            if isinstance(node, _SCOPES):
                continue
            if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
                self._loop(node, looping)
            else:
                self._statement(node, looping)
            if looping and isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                woven += self._calls(_assigned(node), node)
        body[:] = woven

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, looping: bool) -> None:
        if looping or isinstance(
            node, ast.While
        ):  # the test of a `while` runs at each turn, the iterable of a `for` once
            self._walruses(node)
        self.block(node.body, looping=True)
        self.block(node.orelse, looping)
        if not isinstance(node, ast.While):
            node.body[:0] = self._calls([node.target], node.target)

    def _statement(self, node: ast.stmt, looping: bool) -> None:
        if looping:
            self._walruses(node)
        for block in _blocks(node):
            self.block(block, looping)
        if looping and isinstance(node, (ast.With, ast.AsyncWith)):
            targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
            node.body[:0] = self._calls(targets, node.items[0].context_expr)
        if looping and isinstance(node, ast.Match):
            for case in node.cases:
                case.body[:0] = self._calls([case.pattern], case.pattern)

    def _calls(self, targets: Sequence[ast.AST], place: ast.AST) -> list[ast.stmt]:
        """The statement that gives the hook those watched names that the targets bind, if there are any."""
        bound = scopes.scan(targets, scopes.Names()).stores
        names = tuple(sorted(bound & self._names))
        return [_placed(ast.Expr(self._call(names, place)), place)] if names else []

    def _call(self, names: tuple[str, ...], place: ast.AST, *value: ast.expr) -> ast.Call:
        constants = (
            ast.Tuple([_placed(ast.Constant(name), place) for name in names], ast.Load()),
            ast.Constant(self._step_name),
        )
        arguments = [*(_placed(constant, place) for constant in constants), *value]
        return _placed(ast.Call(_placed(ast.Name(self._hook_name, ast.Load()), place), arguments, []), place)

    def _walruses(self, statement: ast.stmt) -> None:
        """Wrap each watched `:=` in the statement's own expressions in a call of the hook that gives its
        value back.
        """
        stack: list[ast.AST] = [statement]
        while stack:
            node = stack.pop()
            for name, value in ast.iter_fields(node):
                if isinstance(value, list):
                    value[:] = [self._walrus(item, stack) for item in value]
                else:
                    setattr(node, name, self._walrus(value, stack))

    def _walrus(self, node: object, stack: list[ast.AST]) -> object:
        if not isinstance(node, ast.AST) or isinstance(node, (ast.stmt, *_SCOPES)):
            return node
        stack.append(node)
        if isinstance(node, ast.NamedExpr) and node.target.id in self._names:
            return self._call((node.target.id,), node, node)
        return node


_Node = TypeVar("_Node", bound=ast.AST)


def _placed(node: _Node, place: ast.AST) -> _Node:
    return ast.copy_location(node, place)


def _assigned(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [] if isinstance(node, ast.AnnAssign) and node.value is None else [node.target]


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a statement that is no loop: bodies of its branches, handlers and cases."""
    parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
    for part in parts:
        for name in ("body", "orelse", "finalbody"):
            if block := getattr(part, name, None):
                yield block


def _nothing_to_watch(name: str, stored: bool) -> Invalid:
    message = f"no loop of this cell assigns {name!r}, so there is nothing to watch"
    if stored:
        cure = "It is assigned outside of loops, or in a function, class or comprehension: run.log(…) there."
    else:
        cure = "Look for a slip in the name, or take it out of --watch."
    return Invalid(message, hint=cure)


def _no_step(name: str, value: object) -> Invalid:
    what = "does not exist" if value is _ABSENT else f"is a {type_name(value)}, not a whole number,"
    return Invalid(
        f"--step {name}: {name!r} {what} when the watched name is assigned; the points are counted instead",
        hint="Name the loop's counter, or leave --step out.",
    )
