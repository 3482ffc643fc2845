"""`jupyter tracker demo`: the main job on real data, from a notebook to the run table."""

from __future__ import annotations

from pathlib import Path

import click

from .. import demo as demonstration
from .. import fluent, reading
from ..listing import listing
from .output import console, print_table, progress


@click.command()
@click.option(
    "--root",
    "where",
    type=click.Path(path_type=Path),
    default=None,
    help="Directory for the runs; tracker-demo here by default.",
)
@click.option("--lab", is_flag=True, help="Open JupyterLab on the demo when it is done.")
@click.option("--no-browser", is_flag=True, help="Open nothing; only print.")
def demo(where: Path | None, lab: bool, no_browser: bool) -> None:
    """Run the demo notebook in a real kernel and show the runs it recorded."""
    place = (where or Path("tracker-demo")).resolve()
    out = console()
    out.print(f"Running the demo notebook in {place}", markup=False, soft_wrap=True)
    with progress("cells") as step:
        notebook = demonstration.execute(place, step)
    fluent.set_root(place)
    found = reading.runs(limit=50)
    table = listing(found, out.width)
    print_table(table.columns, table.rows)
    out.print(
        f"\n{len(found)} runs. They are kept in {place / '.jupyter_tracker'}", markup=False, soft_wrap=True
    )
    out.print(f"The executed notebook: {notebook}", markup=False, soft_wrap=True)
    out.print(
        f"Look at them:  jupyter tracker --root {place} ls    or    jupyter lab {place}",
        markup=False,
        soft_wrap=True,
    )
    if lab and not no_browser:
        demonstration.open_lab(notebook)


COMMANDS = [demo]
