"""The options of `%%track`, as IPython's own argument parser reads them."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from ..capture.inference import Options
from ..errors import Invalid

FIRST = "%%track"


@magic_arguments()
@argument("name", nargs="?", help="name of the run; a readable one is made up by default")
@argument(
    "-e",
    "--experiment",
    help="experiment that the run belongs to; by default the one set, or the notebook's name",
)
@argument(
    "-t", "--tag", action="append", default=[], metavar="KEY=VALUE", help="tag of the run; may be given again"
)
@argument("--note", default="", help="note of the run, in markdown")
@argument("--params", default="", metavar="A,B", help="record these names as params whatever they are")
@argument(
    "--metrics", default="", metavar="A,B", help="record these names as metrics; each must be one number"
)
@argument("--exclude", default="", metavar="A,B*", help="names (patterns) that are not recorded")
@argument("--no-infer", action="store_true", help="record only what is named here or logged by the code")
@argument(
    "--no-autolog", action="store_true", help="do not record what scikit-learn, xgboost and lightgbm do"
)
@argument(
    "--watch", default="", metavar="A,B", help="log a point each time one of these is assigned inside a loop"
)
@argument(
    "--step",
    default=None,
    metavar="NAME",
    help="variable that holds the step of --watch; by default they are counted",
)
@argument("--minimize", default="", metavar="A,B", help="metrics of which less is better")
@argument("--maximize", default="", metavar="A,B", help="metrics of which more is better")
@argument(
    "--resume", metavar="RUN", help="go on with the run of this id, or `last`, instead of beginning one"
)
@argument("--quiet", action="store_true", help="show no summary under the cell")
def track(line: str, cell: str) -> None:
    """Record the execution of this cell as a run: its params, metrics, source, output, circumstances and fate.

    The cell behaves as if this line were not there. `jupyter_tracker.active_run()` is the run while it executes.
    """


def read(line: str) -> Any:
    """Return the options of the line behind `%%track`; UsageError, which IPython shows in one line, if they are wrong."""
    found = parse_argstring(track, line)
    for pair in found.tag:
        if "=" not in pair:
            raise UsageError(f"--tag takes KEY=VALUE, not {pair!r}")
    found.tags = dict(pair.split("=", 1) for pair in found.tag)
    for option in ("params", "metrics", "exclude", "watch", "minimize", "maximize"):
        setattr(found, option, [name.strip() for name in getattr(found, option).split(",") if name.strip()])
    return found


def inference(found: Any) -> Options:
    """Return what the options say about the names of the cell."""
    return Options(found.params, found.metrics, [*found.exclude, *found.watch], not found.no_infer)


def first_line(cell: str) -> str | None:
    """Return what stands behind `%%track` on the first line of a cell, None if the cell does not begin so."""
    head = cell.lstrip("\n").partition("\n")[0].rstrip()
    if head == FIRST:
        return ""
    return head[len(FIRST) + 1 :] if head.startswith((FIRST + " ", FIRST + "\t")) else None


def strip(lines: list[str]) -> list[str]:
    """IPython input transformer: take `%%track` off a cell so that the rest is executed as if it were not there.

    The line stays as a comment, which keeps every line number true; before another cell magic it
    goes. A line that cannot be read stays a magic, and the cell is refused before it runs.
    """
    rest = "".join(lines)
    line = first_line(rest)
    if line is None:
        return lines
    try:
        read(line)
    except (UsageError, Invalid):
        return lines
    start = next(index for index, text in enumerate(lines) if text.strip())
    body = lines[start + 1 :]
    if body and body[0].startswith("%%"):
        return body
    return [f"# {lines[start]}", *body]


strip.has_side_effects = False  # type: ignore[attr-defined]
