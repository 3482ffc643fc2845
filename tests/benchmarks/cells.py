"""What `%%track` adds to an empty cell, in a real InteractiveShell: medians of 30 cells each, as JSON.

python tests/benchmarks/cells.py DIRECTORY
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

from IPython.core.interactiveshell import InteractiveShell

CELLS = 30


def milliseconds(shell: InteractiveShell, source: str) -> float:
    taken = []
    for number in range(CELLS + 1):
        began = time.perf_counter()
        shell.run_cell(source, store_history=True, cell_id=f"cell-{number}").raise_error()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken[1:])


def main() -> None:
    os.chdir(sys.argv[1])
    shell = InteractiveShell.instance()
    shell.run_cell("%load_ext jupyter_tracker").raise_error()
    figures = {"plain_ms": milliseconds(shell, "pass"), "tracked_ms": milliseconds(shell, "%%track\npass")}
    print("\n" + json.dumps(figures))


if __name__ == "__main__":
    main()
