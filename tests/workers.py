"""What other processes do in tests; here, a process that starts afresh can import it."""

from __future__ import annotations

from jupyter_tracker import Run


def log_there(run: Run) -> None:
    run.log_metric("from_worker", 1.0)
    run.close()
