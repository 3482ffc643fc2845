"""The magics as IPython calls them: arguments in, one action, something to look at out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from .. import fluent, reading
from ..errors import Invalid, NotFound, TrackerError
from ..frames import Result
from ..listing import listing
from ..run import Run
from . import options as opts
from .errors import usage

if TYPE_CHECKING:
    from .session import Session

Magic = TypeVar("Magic", bound=Callable[..., Any])


def _plain(function: Magic) -> Magic:
    """Turn our errors into the one line that IPython shows for a wrong use of a magic."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except TrackerError as error:
            raise usage(error) from None

    return cast("Magic", call)


@magics_class
class TrackerMagics(Magics):  # type: ignore[misc]  # traitlets classes are untyped
    """Registered by `%load_ext jupyter_tracker`."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    @cell_magic("track")
    def track_cell(self, line: str, cell: str) -> None:
        opts.read(line)
        self.shell.run_cell(f"%%track {line}\n{cell}")

    track_cell.__doc__ = opts.track.__doc__

    @line_magic("track")
    @_plain
    def track_line(self, line: str) -> None:
        """Steer tracking from a line of its own.

        %track on          track every cell from now on
        %track off         track only cells that begin with %%track
        %track status      say what is tracked, and where runs are kept
        %track last        show the summary of the last tracked cell
        %track note TEXT   set the note of the last run
        %track tag K=V     set a tag of the last run
        """
        word, _, rest = line.strip().partition(" ")
        actions: dict[str, Callable[[str], str | None]] = {
            "on": lambda _: self._every(True),
            "off": lambda _: self._every(False),
            "status": lambda _: self._status(),
            "": lambda _: self._status(),
            "last": lambda _: self._last(),
            "note": self._note,
            "tag": self._tag,
        }
        if word not in actions:
            raise Invalid(
                f"%track does not know {word!r}", hint="It knows on, off, status, last, note and tag."
            )
        said = actions[word](rest.strip())
        if said is not None:
            print(said)  # noqa: T201  (what the magic answers)

    def _every(self, on: bool) -> str:
        self.session.every_cell = on
        return (
            "Every cell is tracked from now on." if on else "Only cells that begin with %%track are tracked."
        )

    def _status(self) -> str:
        root, run = fluent.root(), fluent.last_active_run()
        tracked = "every cell" if self.session.every_cell else "cells that begin with %%track"
        lines = [f"Tracking {tracked}.", f"Runs are kept in {root.path} ({root.why})."]
        if run is not None:
            lines.append(f"Last run: {run.name} {run.run_id} ({run.outcome or 'running'}).")
            if run.unsaved:
                lines.append(f"{run.unsaved} events of it are not saved.")
        return "\n".join(lines)

    def _last(self) -> str | None:
        if self.session.last is None:
            raise NotFound(
                "No cell was tracked in this kernel yet", hint="Put %%track on the first line of a cell."
            )
        attempt = self.session.last
        reading.get_run(attempt.run.run_id).show()
        return None

    def _note(self, text: str) -> str:
        self._change(lambda run: run.set_note(text))
        return "Noted."

    def _tag(self, text: str) -> str:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise Invalid(f"%track tag takes KEY=VALUE, not {text!r}")
        self._change(lambda run: run.set_tag(key.strip(), value.strip()))
        return f"Tagged {key.strip()} = {value.strip()}."

    def _change(self, action: Callable[[Run], None]) -> None:
        last = fluent.last_active_run()
        if last is None:
            raise NotFound(
                "There is no run in this kernel yet", hint="Put %%track on the first line of a cell."
            )
        if not last.ended:
            action(last)
            return
        run = Run.annotate(last.root, last.run_id)
        action(run)
        run.close()

    @magic_arguments()
    @argument("experiment", nargs="?", help="only runs of this experiment")
    @argument("--where", default="", help="filter, as metrics.rmse < 0.5 and params.depth > 3, in quotes")
    @argument("--best", metavar="METRIC", help="order by the best value of a metric, best first")
    @argument("--sort", default="", help="order, as metrics.rmse.min asc, in quotes")
    @argument("-n", "--limit", type=int, default=20, help="how many runs to show")
    @line_magic("runs")
    @_plain
    def runs_line(self, line: str) -> Result:
        """Show the runs of this root, newest first."""
        found = parse_argstring(self.runs_line, line)
        order = [reading.best_first(found.best)] if found.best else [found.sort] if found.sort else []
        where = _unquoted(found.where) or ""
        runs = reading.runs(_unquoted(found.experiment), where=where, order_by=order, limit=found.limit)
        for hint in reading.hints(where) if not len(runs) else ():
            print(hint)  # noqa: T201  (why there is nothing to see)
        return listing(runs)

    @line_magic("compare")
    @_plain
    def compare_line(self, line: str) -> Any:
        """Compare runs by name or id: `%compare A B`. Differences come first."""
        names = line.split()
        if len(names) < 2:
            raise Invalid(
                "%compare takes at least two runs", hint="For example %compare baseline brisk-otter-417"
            )
        return reading.compare(*names)

    @cell_magic("tracker_sql")
    @_plain
    def sql_cell(self, line: str, cell: str) -> Result | None:
        """Run SQL over the runs: `%%tracker_sql [name]` shows the result and keeps it under `name`.

        There are the views runs, params, metrics, metric_summary, tags, artifacts, experiments, events.
        """
        result = reading.sql(cell)
        name = line.strip()
        if not name:
            return result
        if not name.isidentifier():
            raise UsageError(f"%%tracker_sql keeps its result under a name, not {name!r}")
        self.shell.user_ns[name] = result
        return result


def _unquoted(text: str | None) -> str | None:
    if text and len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
