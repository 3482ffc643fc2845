"""The tracker of one IPython shell: it watches every cell and tracks those that ask for it."""

from __future__ import annotations

import ast
import re
import threading
import time
from importlib import import_module
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display

from .. import frameworks
from ..capture.cells import read_cell
from ..capture.history import History
from ..capture.memory import LiteralMemory
from ..errors import TrackerError
from ..run import Run
from . import options as opts
from .attempt import Attempt
from .errors import show
from .summary import Summary

_WRAPPER = re.compile(r"%%(time|capture|prun)\b")
_LATEST = 0.5


class Session:
    """Follows the cells of `shell` from `start` to `stop`.

    A tracked cell is executed by IPython itself, with the `%%track` line taken off: what it
    displays, raises, awaits or returns is what it would be without the line.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.every_cell = False
        self.last: Attempt | None = None
        self._memory = LiteralMemory()
        self._history = History(shell)
        self._open: list[tuple[Any, Attempt | None, float]] = []

    def start(self) -> None:
        """Begin to follow the shell; the store's library is loaded on the side so that the first cell need not wait."""
        self._history.start()
        frameworks.watch()
        self.shell.input_transformers_cleanup.insert(0, opts.strip)
        self.shell.ast_transformers.append(self)
        self.shell.events.register("pre_run_cell", self._before)
        self.shell.events.register("post_run_cell", self._after)
        threading.Thread(target=import_module, args=("jupyter_tracker.queries",)).start()

    def stop(self) -> None:
        """Leave the shell as it was."""
        self.shell.events.unregister("post_run_cell", self._after)
        self.shell.events.unregister("pre_run_cell", self._before)
        self.shell.ast_transformers.remove(self)
        self.shell.input_transformers_cleanup.remove(opts.strip)
        frameworks.hooks.unwatch()
        self._history.stop()

    def visit(self, tree: ast.AST) -> ast.AST:
        """Be an AST transformer of IPython: weave the watch of the cell at work into its tree."""
        attempt = self._open[-1][1] if self._open else None
        return attempt.weave(tree) if attempt is not None and isinstance(tree, ast.Module) else tree

    def _before(self, info: Any) -> None:
        attempt = None
        try:
            line = self._asked(info.raw_cell)
            if line is not None:
                attempt = Attempt(
                    self.shell, opts.read(line), info.raw_cell, self._inner(info), self._memory, self._history
                )
        except UsageError:
            pass
        except TrackerError as error:
            show(error)
        self._open.append((info, attempt, time.perf_counter()))

    def _asked(self, raw: str) -> str | None:
        line = opts.first_line(raw)
        if line is None and self.every_cell and raw.strip() and raw.lstrip()[0] not in "%!?":
            return ""
        return line

    def _inner(self, info: Any) -> str:
        """The code that the cell really executes: of `%%time` and its like, what stands under them."""
        raw = info.raw_cell.lstrip("\n")
        body = raw.partition("\n")[2] if opts.first_line(raw) is not None else raw
        if not _WRAPPER.match(body):
            transformed: str = info.transformed_cell
            return transformed
        while _WRAPPER.match(body):
            body = body.partition("\n")[2]
        inner: str = self.shell.transform_cell(body)
        return inner

    def _after(self, result: Any) -> None:
        opened = self._close(result.info)
        if opened is None:
            return
        info, attempt, began = opened
        reading = attempt.reading if attempt is not None else read_cell(info.transformed_cell or "")
        if attempt is not None:
            self.last = attempt
            self._finish(attempt, result, began)
        if result.success and not info.silent:
            self._memory.remember(reading, f"cell {self.shell.execution_count}")

    def _close(self, info: Any) -> tuple[Any, Attempt | None, float] | None:
        """Take the opened cell of `info` off; cells opened inside it that never ended go with it."""
        while self._open:
            opened = self._open.pop()
            if opened[0] is info:
                return opened
        return None

    def _finish(self, attempt: Attempt, result: Any, began: float) -> None:
        seconds = time.perf_counter() - began
        standing = attempt.standing
        late = not standing.wait(0.015 + min(2 * seconds, _LATEST))
        if not late:
            standing.record(attempt.run)
        attempt.finish(result, seconds)
        handle, summary = (
            None,
            Summary(attempt, seconds),
        )
        if not attempt.options.quiet:
            handle = display(summary, display_id=True)
        else:
            for problem in attempt.problems:
                show(problem)
        if late:
            threading.Thread(target=_complete, args=(attempt, handle, summary)).start()


def _complete(attempt: Attempt, handle: Any, summary: Summary) -> None:
    """Once the store has answered: keep the answer, and show it."""
    if not attempt.standing.wait(30):
        return
    run = Run.annotate(attempt.run.root, attempt.run.run_id)
    attempt.standing.record(run)
    run.close()
    if handle is not None and getattr(attempt.shell, "kernel", None) is not None:
        handle.update(summary)
