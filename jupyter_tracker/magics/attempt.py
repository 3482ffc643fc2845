"""One tracked execution of a cell, from before its first line to the summary under it."""

from __future__ import annotations

import ast
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from .. import fluent
from ..capture.cells import CellReading, read_cell
from ..capture.circumstances import observe
from ..capture.displays import DisplayTap
from ..capture.history import History
from ..capture.inference import Before, infer, stopped_line
from ..capture.memory import LiteralMemory
from ..capture.output import Tee
from ..capture.place import here
from ..capture.watch import Watcher, unwatched, watch
from ..errors import NotFound, TrackerError
from ..frameworks import FRAMEWORKS, autologging
from ..run import Run, outcome_of
from . import options as opts
from .standing import Standing

LIBRARIES = frozenset(FRAMEWORKS.values())
HOOK = "__jupyter_tracker_watch__"


class Attempt:
    """Begins a run when made, follows the cell, and ends the run in `finish`."""

    def __init__(
        self, shell: Any, options: Any, raw: str, transformed: str, memory: LiteralMemory, history: History
    ) -> None:
        self.shell = shell
        self.options = options
        self.problems: list[TrackerError] = []
        self.inferred: list[str] = []
        self.directions = dict.fromkeys(options.minimize, "min") | dict.fromkeys(options.maximize, "max")
        self.reading: CellReading = read_cell(transformed)
        self._memory = memory
        self._history = history
        self._before = Before(self.reading, shell.user_ns)
        self._cleanup = ExitStack()
        self.place = replace(here(shell), code=raw)
        self.run = self._begin()
        self.standing = Standing(self.run)
        self._follow()

    def _begin(self) -> Run:
        wanted, outer = self.options, fluent.active_run()
        if wanted.resume:
            run = Run.resume(
                fluent.root(), _resumed(wanted.resume), source_type=fluent.source_type(self.shell)
            )
        else:
            catalog = fluent.catalog()
            experiment = (
                catalog.ensure_experiment(wanted.experiment)
                if wanted.experiment
                else fluent.experiment_in_force()
            )
            run = Run.start(
                fluent.root(),
                experiment,
                wanted.name,
                parent=outer.run_id if outer is not None else None,
                source_type=fluent.source_type(self.shell),
                lineage=self.place.lineage(wanted.name),
            )
        run.entered = True
        run.set_tags(wanted.tags)
        if wanted.note:
            run.set_note(wanted.note)
        for metric, direction in self.directions.items():
            run.set_direction(metric, direction)
        return run

    def _follow(self) -> None:
        run = self.run
        observe(run, self.place)
        fluent.push(run)
        tee = Tee(run.log_output)
        self._displays = DisplayTap(self.shell, self._figure)
        tee.start()
        self._cleanup.callback(tee.stop)
        self._displays.start()
        self.watcher = Watcher(run.log_metrics, self.shell.user_ns)
        self._cleanup.enter_context(self.watcher.installed(HOOK))
        if not self.options.no_autolog:
            self._cleanup.enter_context(autologging())

    def _figure(self, path: str, content: bytes, mime: str) -> None:
        self.run.log_bytes(content, path, mime)

    def weave(self, tree: ast.Module) -> ast.Module:
        """Return the cell's tree with the calls that `--watch` asks for."""
        names = self.options.watch
        if names:
            tree = watch(tree, names, self.options.step, HOOK)
            self.problems += unwatched(tree, names, HOOK)
        return tree

    def finish(self, result: Any, seconds: float) -> None:
        """Record what the cell left and end the run with the outcome and duration that the cell had."""
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        self._displays.stop(flush=error is None)
        self._cleanup.close()
        with self.run.contained("the names of the cell"):
            self._record_names(error)
        with self.run.contained("the history of the kernel"):
            self.run.record("history", self._history.entries())
        self.run.end(outcome_of(error), error, duration=seconds)

    def _record_names(self, error: BaseException | None) -> None:
        stopped = _stopped(error, self.shell) if error is not None else None
        found = infer(
            self.reading,
            self.shell.user_ns,
            opts.inference(self.options),
            self._memory,
            before=self._before,
            stopped_at=stopped,
        )
        run, logged = self.run, self.run.metrics
        for key, value in found.params.items():
            if key not in run.params or run.origins.get(key) in LIBRARIES:
                run.log_param(key, value, origin=found.origins.get(key))
        metrics = {key: value for key, value in found.metrics.items() if key not in logged}
        self.inferred = [*metrics, *self.options.watch]
        if metrics:
            run.log_metrics(metrics)
        run.record("variables", [variable._asdict() for variable in found.variables])
        self.problems += [*found.problems, *self.watcher.problems]


def _resumed(name: str) -> str:
    if name != "last":
        return name
    last = fluent.last_active_run()
    if last is None:
        raise NotFound("No run was tracked in this kernel yet", hint="Give its id: %%track --resume ID")
    return last.run_id


def _stopped(error: BaseException, shell: Any) -> int | None:
    """The line of the cell at which an exception left it; frames of the cell carry the name it was compiled under."""
    traceback = error.__traceback__
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if traceback.tb_frame.f_globals is shell.user_ns and traceback.tb_frame.f_code.co_name == "<module>":
            return stopped_line(traceback, filename)
        traceback = traceback.tb_next
    return None
