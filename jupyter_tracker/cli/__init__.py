"""The command line: `jupyter tracker …`. Each command is short; what it does lives in the package.

Exit codes: 0 done, 1 it could not be done (the reason and the cure are printed), 2 wrong usage.
"""

from __future__ import annotations

import sys

import click

from .. import fluent
from ..errors import TrackerError
from . import change, demo, look, upkeep
from .output import complain


class _Group(click.Group):
    """Turns our errors into a red line with its hint."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except TrackerError as error:
            complain(error)
            context.exit(1)
        except BrokenPipeError:
            context.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--root",
    "root",
    metavar="DIR",
    envvar="JUPYTER_TRACKER_ROOT",
    help="Directory whose runs are meant; found by itself otherwise.",
)
@click.version_option(package_name="jupyter-tracker")
def cli(root: str | None) -> None:
    """Look at, change and look after the runs that notebooks and scripts have recorded."""
    if root is not None:
        fluent.set_root(root)


for _module in (look, change, upkeep, demo):
    for _command in _module.COMMANDS:
        cli.add_command(_command)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: eval "$(jupyter-tracker completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(cli, {}, "jupyter-tracker", "_JUPYTER_TRACKER_COMPLETE").source())


def main() -> None:
    """Entry point of `jupyter tracker`."""
    cli(prog_name="jupyter tracker" if sys.argv[0].endswith("jupyter") else "jupyter-tracker")
