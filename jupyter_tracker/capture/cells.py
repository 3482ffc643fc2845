"""Static reading of a cell: what its source alone says about the names it binds at its top level.

The source is walked once, in the order of execution; where paths part (`if`, loops, `try`, `match`) each is
followed and what they say is joined. Nothing of the user's code is run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyter_tracker.capture.bindings import Binding, meet
from jupyter_tracker.capture.flow import Flow

_ASSIGNMENTS = (ast.Assign, ast.AugAssign, ast.AnnAssign)


@dataclass(frozen=True, slots=True)
class CellReading:
    """What the source of a cell says.

    bindings: the names bound at the top level, as the end of the cell leaves them. amended: dicts the cell
    does not bind, whose entries it sets (`params["lr"] = 0.1`). reads: the module names the cell loads
    anywhere, functions and classes in it included. is_async: the cell awaits at its top level.
    syntax_error: why the source has no reading; all else is empty then.
    """

    bindings: Mapping[str, Binding] = field(default_factory=dict)
    amended: Mapping[str, Binding] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    is_async: bool = False
    syntax_error: SyntaxError | None = None
    tree: ast.Module | None = field(default=None, repr=False, compare=False)

    def until(self, line: int) -> CellReading:
        """The reading of what ran when execution stopped at this line (1-based, of this source).

        Statements before it ran. Of the statement that stopped, an assignment bound nothing; what any other
        (a loop, a `with`), or several on the line, bind is uncertain. What comes later was not reached.
        """
        if self.tree is None:
            return self
        done = [node for node in self.tree.body if _end(node) < line]
        stopped = [node for node in self.tree.body if node.lineno <= line <= _end(node)]
        flow = Flow()
        flow.run(done)
        before = dict(flow.state)
        if len(stopped) > 1 or not any(isinstance(node, _ASSIGNMENTS) for node in stopped):
            flow.run(stopped)
        flow.state = meet(before, flow.state)
        return _reading(flow, self.tree)


def read_cell(source: str) -> CellReading:
    """Read the source of a cell, already transformed by IPython (magics and `!` turned into calls). Never
    raises.

    Runs no code of the user and emits no warning about the source. A cell that parses may still not compile
    (`return` at the top level): its reading is of no consequence, since nothing of it runs.
    """
    try:
        tree = _parsed(source)
        flow = Flow()
        flow.run(tree.body)
        return _reading(flow, tree)
    except SyntaxError as error:
        return CellReading(syntax_error=error)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        return CellReading(syntax_error=SyntaxError(str(error)))


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _reading(flow: Flow, tree: ast.Module) -> CellReading:
    state = flow.finished()
    return CellReading(
        bindings={name: binding for name, binding in state.items() if binding.kind != "amended"},
        amended={name: binding for name, binding in state.items() if binding.kind == "amended"},
        reads=frozenset(flow.names.reads | flow.names.inherited),
        is_async=flow.names.awaits,
        tree=tree,
    )


def _parsed(source: str) -> ast.Module:
    with (
        warnings.catch_warnings()
    ):  # the cell itself warns about its `\d` when it is compiled; once is enough
        warnings.simplefilter("ignore")
        return ast.parse(source)
