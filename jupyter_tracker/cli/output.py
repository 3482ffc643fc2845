"""What the command line prints: tables that fit the terminal, JSON, progress, errors."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ..errors import TrackerError
from ..formats import number

STATUS = {"finished": "green", "failed": "red", "interrupted": "yellow", "running": "cyan", "lost": "magenta"}
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def console() -> Console:
    """Return the terminal; its width and colours are found anew each time."""
    return Console(highlight=False, soft_wrap=False)


def complain(error: TrackerError) -> None:
    """Print what is wrong and how to mend it to stderr."""
    err = Console(stderr=True, highlight=False)
    err.print(Text(error.message, style="red"))
    if error.hint:
        err.print(Text(error.hint, style="dim"))


def print_json(value: Any) -> None:
    """Print a value as JSON; times in ISO format, numbers JSON cannot carry as strings."""
    click.echo(json.dumps(_portable(value), indent=2, ensure_ascii=False))


def _portable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _portable(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_portable(member) for member in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """Print a table no wider than the terminal: numbers to the right, long cells cut with an ellipsis."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    numeric = [_numeric(rows, place) for place in range(len(columns))]
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console().print(table)


def _numeric(rows: Sequence[Sequence[Any]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place] is not None]
    return bool(cells) and all(
        isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells
    )


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return Text(number(value))
    if isinstance(value, datetime.datetime):
        return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
    text = " ".join(str(value).split())
    return Text(text, style=STATUS.get(text, ""))


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while the block calls `step(done, total)`; nothing where stderr is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
