"""mlflow's search on sqlite at a number of runs, as JSON: the same filter and order as ours, one page of 50.

    python tests/benchmarks/searching.py DIRECTORY RUNS SECONDS

Runs are made through its client, 5 metrics of 40 points each; making them ends after SECONDS, and `runs` says how
many there came to be. A param is text to mlflow, so the filter holds an equality where `PAGE` of store.py has `>`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

FILTER = "metrics.loss < 0.5 and params.model = 'a'"
ORDER = ["metrics.loss ASC"]
KEYS = ("loss", "acc", "val_loss", "val_acc", "lr_now")
STEPS = 40


def fill(client: MlflowClient, runs: int, seconds: float) -> int:
    limit = time.perf_counter() + seconds
    for number in range(runs):
        if time.perf_counter() > limit:
            return number
        run_id = client.create_run("0").info.run_id
        points = [
            Metric(key, 1 / (1 + step) + number % 10 / 10, 1_764_000_000_000 + step, step)
            for key in KEYS
            for step in range(STEPS)
        ]
        client.log_batch(run_id, metrics=points, params=[Param("model", "abc"[number % 3])])
    return runs


def main() -> None:
    directory, runs, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    client = MlflowClient(f"sqlite:///{directory}/mlflow.db")
    made, taken = fill(client, runs, seconds), []
    for _ in range(6):
        began = time.perf_counter()
        client.search_runs(["0"], FILTER, order_by=ORDER, max_results=50)
        taken.append((time.perf_counter() - began) * 1000)
    print(
        "\n"
        + json.dumps({"runs": made, "median_ms": statistics.median(taken[1:]), "worst_ms": max(taken[1:])})
    )


if __name__ == "__main__":
    main()
