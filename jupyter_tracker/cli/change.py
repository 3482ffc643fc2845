"""Commands that change what is recorded of a run: note, tag, rm, restore."""

from __future__ import annotations

import click

from .. import fluent, reading
from ..errors import Invalid
from ..run import Run
from .output import console


def _each(names: tuple[str, ...]) -> list[str]:
    return [reading.find_run(name) for name in names]


def _open(run_id: str) -> Run:
    return Run.annotate(fluent.root(), run_id)


@click.command()
@click.argument("run")
@click.argument("text")
def note(run: str, text: str) -> None:
    """Set the note (markdown) of a RUN."""
    opened = _open(reading.find_run(run))
    opened.set_note(text)
    opened.close()


@click.command()
@click.argument("run")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
def tag(run: str, pairs: tuple[str, ...]) -> None:
    """Set tags of a RUN; `KEY=` with nothing behind it removes one."""
    split = [pair.partition("=") for pair in pairs]
    wrong = next((key for key, equals, _ in split if not equals or not key), None)
    if wrong is not None:
        raise Invalid(f"A tag is KEY=VALUE, not {wrong!r}")
    opened = _open(reading.find_run(run))
    for key, _, text in split:
        opened.set_tag(key, text) if text else opened.delete_tag(key)
    opened.close()


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("--experiment", is_flag=True, help="The names are those of experiments.")
def rm(names: tuple[str, ...], experiment: bool) -> None:
    """Put runs (or experiments) into the trash. `restore` brings them back, `gc` removes them for good."""
    if experiment:
        for name in names:
            fluent.delete_experiment(name)
    else:
        for run_id in _each(names):
            fluent.delete_run(run_id)
    console().print(
        f"{len(names)} in the trash; `jupyter tracker restore` brings back, `jupyter tracker gc` removes for good."
    )


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@click.option("--experiment", is_flag=True, help="The names are those of experiments.")
def restore(names: tuple[str, ...], experiment: bool) -> None:
    """Bring runs (or experiments) back from the trash."""
    if experiment:
        for name in names:
            fluent.restore_experiment(name)
    else:
        for run_id in _each(names):
            fluent.restore_run(run_id)


COMMANDS = [note, tag, rm, restore]
