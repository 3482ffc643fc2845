"""How busy the machine is during a run, and what a cell cost.

`Sampler` reports the machine every few seconds under the metric names MLflow uses, where it has one;
`ProcessMeter` tells peak memory and processor time of what happens between its start and its stop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from jupyter_tracker.capture.guard import contained

INTERVAL = 10.0
_MB = 1e6

Metrics = dict[str, float]


class Sampler:
    """A daemon thread that calls ``sink({"system/…": number, …})`` at once and then every `interval` seconds.

    Percentages are of all processors together; network and disk traffic is in megabytes (10^6) since the
    start. A part that cannot be read is left out. `stop` returns promptly; a forked child has no sampler.
    """

    def __init__(
        self, sink: Callable[[Metrics], object], interval: float = INTERVAL, path: str = "."
    ) -> None:
        self._sink = sink
        self._interval = interval
        self._path = path
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def start(self) -> None:
        """Start sampling; nothing happens when it runs already or no thread is to be had."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="jupyter-tracker-system", daemon=True)
        with contained():
            thread.start()
            self._thread = thread

    def stop(self, timeout: float = 2.0) -> None:
        """Stop sampling and wait for the sample under way at most `timeout` seconds. May be called again."""
        if os.getpid() != self._pid:
            return
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        with contained():  # without psutil there is nothing to sample
            probe = Probe(self._path)
            while not self._stop.is_set():
                with contained():
                    self._sink(probe.sample())
                self._stop.wait(self._interval)
            probe.close()


class Probe:
    """Reads the machine. Needs psutil; raises ImportError without it."""

    def __init__(self, path: str = ".") -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._path = path
        self._cpus = psutil.cpu_count() or 1
        self._gpus = _Gpus()
        psutil.cpu_percent(None)
        self._process.cpu_percent(None)
        self._traffic = self._read_traffic()
        time.sleep(
            0.1
        )  # percentages are over the time since the last reading: without it the first would be 0

    def sample(self) -> Metrics:
        """One reading of everything that can be read."""
        metrics: Metrics = {}
        for part in (self._cpu, self._memory, self._disk, self._changes, self._own, self._gpus.sample):
            with contained():
                metrics |= {f"system/{name}": float(value) for name, value in part().items()}
        return metrics

    def close(self) -> None:
        """Let go of the GPU library."""
        self._gpus.close()

    def _cpu(self) -> Metrics:
        return {"cpu_utilization_percentage": self._psutil.cpu_percent(None)}

    def _memory(self) -> Metrics:
        memory = self._psutil.virtual_memory()
        return {
            "system_memory_usage_megabytes": memory.used / _MB,
            "system_memory_usage_percentage": memory.used / memory.total * 100,
        }

    def _disk(self) -> Metrics:
        disk = self._psutil.disk_usage(self._path)
        return {
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MB,
            "disk_available_megabytes": disk.free / _MB,
        }

    def _read_traffic(self) -> Metrics:
        traffic: Metrics = {}
        with contained():
            if network := self._psutil.net_io_counters():
                traffic["network_receive_megabytes"] = network.bytes_recv / _MB
                traffic["network_transmit_megabytes"] = network.bytes_sent / _MB
        with contained():
            if disk := self._psutil.disk_io_counters():
                traffic["disk_read_megabytes"] = disk.read_bytes / _MB
                traffic["disk_write_megabytes"] = disk.write_bytes / _MB
        return traffic

    def _changes(self) -> Metrics:
        return {name: value - self._traffic.get(name, value) for name, value in self._read_traffic().items()}

    def _own(self) -> Metrics:
        with self._process.oneshot():
            return {
                "process_cpu_utilization_percentage": self._process.cpu_percent(None) / self._cpus,
                "process_memory_usage_megabytes": self._process.memory_info().rss / _MB,
            }


class _Gpus:
    """NVIDIA GPUs, through pynvml if the user has it or else the driver's command; nothing without either."""

    _QUERY = "index,utilization.gpu,memory.used,memory.total,power.draw,power.limit"

    def __init__(self) -> None:
        self._nvml = self._open()
        self._command = None if self._nvml else shutil.which("nvidia-smi")

    def sample(self) -> Metrics:
        if self._nvml is not None:
            return self._from_nvml(self._nvml)
        return parse_smi(self._ask(self._command)) if self._command else {}

    def close(self) -> None:
        if self._nvml is not None:
            with contained():
                self._nvml.nvmlShutdown()

    @staticmethod
    def _open() -> Any:
        # The library prints a warning when imported under its old name, and is only worth it with a driver.
        if not os.path.exists("/dev/nvidiactl") and os.name != "nt":
            return None
        libraries = []
        with contained():
            import pynvml  # type: ignore[import-not-found,unused-ignore]  # the user may have it

            pynvml.nvmlInit()
            libraries.append(pynvml)
        return libraries[0] if libraries else None

    def _ask(self, command: str) -> str:
        query = [command, f"--query-gpu={self._QUERY}", "--format=csv,noheader,nounits"]
        done = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3, check=True
        )
        return done.stdout

    @staticmethod
    def _from_nvml(nvml: Any) -> Metrics:
        metrics: Metrics = {}
        for index in range(nvml.nvmlDeviceGetCount()):
            with contained():
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                metrics |= _gpu(
                    index, nvml.nvmlDeviceGetUtilizationRates(handle).gpu, memory.used, memory.total
                )
                power = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
                metrics |= _power(index, power, nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)
        return metrics


def _gpu(index: int, busy: float, used: float, total: float) -> Metrics:
    return {
        f"gpu_{index}_utilization_percentage": busy,
        f"gpu_{index}_memory_usage_megabytes": used / _MB,
        f"gpu_{index}_memory_usage_percentage": used / total * 100,
    }


def _power(index: int, watts: float, limit: float) -> Metrics:
    return {
        f"gpu_{index}_power_usage_watts": watts,
        f"gpu_{index}_power_usage_percentage": watts / limit * 100,
    }


def parse_smi(text: str) -> Metrics:
    """The metrics in what ``nvidia-smi`` prints: one line per GPU, "[N/A]" where a card cannot tell."""
    metrics: Metrics = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        with contained():
            index, mib = int(cells[0]), 2**20
            metrics |= _gpu(index, float(cells[1]), float(cells[2]) * mib, float(cells[3]) * mib)
            metrics |= _power(index, float(cells[4]), float(cells[5]))
    return metrics


class ProcessMeter:
    """Peak memory and processor time of this process between `start` and `stop`.

    The resident memory is read every 5 ms at first and less often later (0.2 s), on a daemon thread. Where
    the process's all-time peak grew in between, that exact peak is taken.
    """

    _FIRST, _LAST = 0.005, 0.2

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._peak = 0

    def start(self) -> None:
        """Begin. Costs a thread start (about 0.1 ms)."""
        self._pid = os.getpid()
        self._peak = resident_bytes()
        self._all_time = peak_bytes()
        self._times = os.times()
        self._thread = threading.Thread(target=self._watch, name="jupyter-tracker-meter", daemon=True)
        with contained():
            self._thread.start()

    def stop(self) -> dict[str, int | float | None]:
        """``peak_memory_bytes`` (None if unknown) and ``cpu_seconds``: user + system, with ended children."""
        self._stop.set()
        end, all_time = os.times(), peak_bytes()
        peak = all_time if all_time > self._all_time else max(self._peak, resident_bytes())
        user = end.user - self._times.user + end.children_user - self._times.children_user
        system = end.system - self._times.system + end.children_system - self._times.children_system
        return {
            "peak_memory_bytes": peak or None,
            "cpu_seconds": round(user + system, 3),
            "cpu_user_seconds": round(user, 3),
            "cpu_system_seconds": round(system, 3),
        }

    def _watch(self) -> None:
        pause = self._FIRST
        while not self._stop.wait(pause):
            self._peak = max(self._peak, resident_bytes())
            pause = min(pause * 1.5, self._LAST)


def resident_bytes() -> int:
    """Memory of this process that is in RAM now; 0 where it cannot be told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    try:
        import psutil
    except ImportError:
        return 0
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """The most memory this process ever had in RAM; 0 where it cannot be told (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
