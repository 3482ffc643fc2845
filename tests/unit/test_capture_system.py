"""Samples of the real machine, and the meter on work of known size."""

from __future__ import annotations

import math
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_tracker.capture.system import (
    Metrics,
    ProcessMeter,
    Sampler,
    parse_smi,
    peak_bytes,
    resident_bytes,
)

ALWAYS = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
    "system/process_cpu_utilization_percentage",
    "system/process_memory_usage_megabytes",
}


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_the_first_sample_comes_at_once_and_stop_is_prompt() -> None:
    samples: queue.Queue[Metrics] = queue.Queue()
    sampler = Sampler(samples.put, interval=3600)
    sampler.start()
    first = samples.get(timeout=5)
    assert ALWAYS <= set(first)
    assert all(math.isfinite(value) for value in first.values())
    assert 0 <= first["system/cpu_utilization_percentage"] <= 100
    assert 0 < first["system/system_memory_usage_percentage"] <= 100
    assert [thread.daemon for thread in threads("jupyter-tracker-system")] == [True]
    start = time.monotonic()
    sampler.stop()
    sampler.stop()
    assert time.monotonic() - start < 1
    assert not threads("jupyter-tracker-system")


def test_samples_go_on_and_traffic_counts_from_the_start(tmp_path: Path) -> None:
    samples: queue.Queue[Metrics] = queue.Queue()
    sampler = Sampler(samples.put, interval=0.05, path=str(tmp_path))
    sampler.start()
    received = [samples.get(timeout=5) for _ in range(3)]
    sampler.stop()
    for sample in received:
        assert 0 <= sample.get("system/network_receive_megabytes", 0) < 10_000
        assert 0 <= sample.get("system/disk_write_megabytes", 0) < 10_000


def test_a_sink_that_fails_does_not_end_the_sampling() -> None:
    calls: queue.Queue[int] = queue.Queue()

    def sink(metrics: Metrics) -> None:
        calls.put(len(metrics))
        raise ValueError("sink is broken")

    sampler = Sampler(sink, interval=0.02)
    sampler.start()
    for _ in range(3):
        assert calls.get(timeout=5)
    sampler.stop()


def test_without_psutil_there_are_no_samples() -> None:
    code = (
        "import sys; sys.modules['psutil'] = None\n"
        "from jupyter_tracker.capture.system import Sampler\n"
        "got = []; s = Sampler(got.append); s.start(); s._thread.join(5); s.stop(); print(got)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_stop_in_a_forked_child_returns_at_once() -> None:
    samples: queue.Queue[Metrics] = queue.Queue()
    sampler = Sampler(samples.put, interval=3600)
    sampler.start()
    samples.get(timeout=5)
    child = os.fork()
    if child == 0:
        sampler.stop(timeout=60)
        os._exit(0)
    start = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert time.monotonic() - start < 5
    assert threads("jupyter-tracker-system")
    sampler.stop()


def test_gpu_lines() -> None:
    metrics = parse_smi(
        "0, 87, 20480, 40960, 200.5, 400.00\n1, [N/A], 1, 2, 3, 4\n2, 5, 1024, 2048, [N/A], [N/A]\nx\n"
    )
    assert metrics["gpu_0_utilization_percentage"] == 87
    assert metrics["gpu_0_memory_usage_percentage"] == 50
    assert metrics["gpu_0_memory_usage_megabytes"] == pytest.approx(21474.8, abs=0.1)
    assert metrics["gpu_0_power_usage_watts"] == 200.5
    assert metrics["gpu_0_power_usage_percentage"] == pytest.approx(50.125)
    assert not any(name.startswith("gpu_1") for name in metrics)
    assert "gpu_2_utilization_percentage" in metrics
    assert "gpu_2_power_usage_watts" not in metrics


def test_samples_with_a_drivers_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, 10, 100, 200, 50, 100'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    samples: queue.Queue[Metrics] = queue.Queue()
    sampler = Sampler(samples.put, interval=3600)
    sampler.start()
    assert samples.get(timeout=5)["system/gpu_0_utilization_percentage"] == 10
    sampler.stop()


def test_the_peak_of_a_cell_is_found_also_below_the_all_time_peak() -> None:
    block = bytearray(os.urandom(1)) * 200_000_000
    del block
    before = resident_bytes()
    meter = ProcessMeter()
    meter.start()
    block = bytearray(os.urandom(1)) * 120_000_000
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        sum(range(1000))
    del block
    used = meter.stop()
    peak = used["peak_memory_bytes"]
    assert isinstance(peak, int)
    assert before + 100_000_000 < peak < before + 180_000_000
    assert 0.1 < (used["cpu_seconds"] or 0) < 5
    assert used["cpu_seconds"] == pytest.approx(
        (used["cpu_user_seconds"] or 0) + (used["cpu_system_seconds"] or 0), abs=0.01
    )


def test_a_new_all_time_peak_is_exact() -> None:
    meter = ProcessMeter()
    meter.start()
    block = bytearray(os.urandom(1)) * (peak_bytes() + 50_000_000)
    del block
    assert meter.stop()["peak_memory_bytes"] == peak_bytes()


def test_the_processor_time_of_children_counts() -> None:
    meter = ProcessMeter()
    meter.start()
    code = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (meter.stop()["cpu_seconds"] or 0) >= 0.3


def test_the_meters_thread_ends() -> None:
    meter = ProcessMeter()
    meter.start()
    (thread,) = threads("jupyter-tracker-meter")
    meter.stop()
    thread.join(5)
    assert not thread.is_alive()
