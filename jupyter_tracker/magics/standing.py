"""How a run stands against the earlier ones, asked of the store while the cell is still at work."""

from __future__ import annotations

import threading

from ..errors import TrackerError
from ..run import Run


class Standing:
    """The previous attempt of the run's cell and the best of its experiment, read on a thread of its own.

    No daemon thread: the interpreter may not end while DuckDB is at work in one.
    `previous` and `best` are empty until `wait` returned True, and when there is nothing earlier.
    """

    def __init__(self, run: Run) -> None:
        self.previous: dict[str, float] = {}
        self.best: dict[str, tuple[float, str]] = {}
        self.directions: dict[str, str] = {}
        self.attempt = 1
        self.previous_run_id: str | None = None
        self.trouble: TrackerError | None = None
        self._run = run
        self._thread = threading.Thread(target=self._ask, name="jupyter_tracker-standing")
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for the answer; False if it is not there yet."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def record(self, run: Run) -> None:
        """Keep the answer as a fact of the run."""
        run.record("standing", {"attempt": self.attempt, "previous_run_id": self.previous_run_id})

    def _ask(self) -> None:
        from .. import queries
        from ..store.index import Store

        try:
            found = queries.dispatch(Store(self._run.root), "run.standing", {"run_id": self._run.run_id})[0]
        except TrackerError as error:
            self.trouble = error
            return
        self.attempt = found["attempt"]
        self.previous_run_id = found["previous_run_id"]
        self.previous = found["previous"]
        self.best = {key: (row["value"], row["name"] or "") for key, row in found["best"].items()}
        self.directions = found["directions"]
