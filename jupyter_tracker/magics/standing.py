"""How a run stands against the earlier ones, asked of the store while the cell is still at work."""

from __future__ import annotations

import threading
from typing import Any

from ..errors import TrackerError
from ..run import Run


class Standing:
    """The previous attempt of the run's cell and the best of its experiment, read on a thread of its own.

    `previous` and `best` are empty until `wait` returned True, and when there is nothing earlier.
    """

    def __init__(self, run: Run) -> None:
        self.previous: dict[str, float] = {}
        self.best: dict[str, tuple[float, str]] = {}
        self.directions: dict[str, str] = {}
        self.attempt = 1
        self._run = run
        self._thread = threading.Thread(target=self._ask, name="jupyter_tracker-standing", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for the answer; False if it is not there yet."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _ask(self) -> None:
        from .. import queries
        from ..store.index import Store

        run, store = self._run, Store(self._run.root)
        try:
            with store.reading():
                attempts = queries.dispatch(store, "run.attempts", {"run_id": run.run_id})
                earlier = [row for row in attempts if row["run_id"] != run.run_id]
                self.attempt = len(earlier) + 1
                best = queries.dispatch(store, "experiment.best", {"experiment_id": run.experiment_id})
                self._take(best, self._metrics(store, earlier[-1]["run_id"]) if earlier else {})
        except TrackerError as error:
            self.trouble = error

    @staticmethod
    def _metrics(store: Any, run_id: str) -> dict[str, float]:
        from .. import queries

        detail = queries.dispatch(store, "run.detail", {"run_id": run_id})[0]
        return {row["key"]: row["last"] for row in detail["metrics"] if isinstance(row["last"], (int, float))}

    def _take(self, best: list[dict[str, Any]], previous: dict[str, float]) -> None:
        self.previous = previous
        for row in best:
            self.directions[row["key"]] = row["direction"]
            if row["run_id"] != self._run.run_id:
                self.best[row["key"]] = (row["value"], row["name"])
