"""Log scalars with one tracker in this process; print a JSON object as the last line of stdout.

    python tests/benchmarks/scalars.py TRACKER COUNT DIRECTORY [--batch]

Every call is timed by itself (`p50_us`, `p99_us`); `total_us` is per scalar, from the first call until the tracker's
own flush, finish or close has returned; `open_s` is import and start. `--batch` lets mlflow log by the thousand: for
sizes on disk, not for times.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

Logger = tuple[Callable[[int], object], Callable[[], object]]


def ours(directory: Path) -> Logger:
    import jupyter_tracker

    jupyter_tracker.set_root(directory)
    run = jupyter_tracker.start_run("bench")
    return lambda step: run.log_metric("loss", 1 / (1 + step), step=step), run.flush


def tensorboardx(directory: Path) -> Logger:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(directory))
    return lambda step: writer.add_scalar("loss", 1 / (1 + step), step), writer.close


def wandb(directory: Path) -> Logger:
    import wandb as library

    run = library.init(
        project="bench", dir=str(directory), mode="offline", settings=library.Settings(silent=True)
    )
    return lambda step: run.log({"loss": 1 / (1 + step)}, step=step), run.finish


def trackio(directory: Path) -> Logger:
    os.environ["TRACKIO_DIR"] = str(directory)
    import trackio as library

    library.init(project="bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return lambda step: library.log({"loss": 1 / (1 + step)}, step=step), library.finish


def mlflow(directory: Path) -> Logger:
    import mlflow as library

    library.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
    library.start_run()
    return lambda step: library.log_metric("loss", 1 / (1 + step), step=step), library.end_run


def mlflow_batches(directory: Path, count: int) -> None:
    import mlflow as library
    from mlflow.entities import Metric

    library.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
    run = library.start_run()
    for low in range(0, count, 1000):
        points = [
            Metric("loss", 1 / (1 + step), 1_764_000_000_000 + step, step) for step in range(low, low + 1000)
        ]
        library.MlflowClient().log_batch(run.info.run_id, metrics=points)
    library.end_run()


TRACKERS = {
    "jupyter_tracker": ours,
    "tensorboardX": tensorboardx,
    "wandb": wandb,
    "trackio": trackio,
    "mlflow": mlflow,
}


def measure(name: str, count: int, directory: Path) -> dict[str, float]:
    began = time.perf_counter()
    log, finish = TRACKERS[name](directory)
    opened = time.perf_counter()
    clock, taken = time.perf_counter_ns, [0] * count
    for step in range(count):
        before = clock()
        log(step)
        taken[step] = clock() - before
    finish()
    total = time.perf_counter() - opened
    taken.sort()
    return {
        "count": count,
        "open_s": opened - began,
        "p50_us": taken[count // 2] / 1000,
        "p99_us": taken[count * 99 // 100] / 1000,
        "total_us": total / count * 1e6,
    }


def main() -> None:
    name, count, directory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if "--batch" in sys.argv and name == "mlflow":
        mlflow_batches(directory, count)
        print("\n{}")
    else:
        print("\n" + json.dumps(measure(name, count, directory)))


if __name__ == "__main__":
    main()
