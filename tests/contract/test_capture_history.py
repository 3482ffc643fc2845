"""The history of a real shell and of a real kernel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from jupyter_tracker.capture.history import History
from jupyter_tracker.capture.secrets import MASK


@pytest.fixture
def shell() -> Iterator[Any]:
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def followed(shell: Any, **limits: int) -> History:
    history = History(shell, **limits)
    history.start()
    return history


def test_cells_with_outcome_and_time(shell: Any) -> None:
    history = followed(shell)
    history.start()
    first = shell.execution_count
    shell.run_cell("x = 1", store_history=True, cell_id="c1")
    shell.run_cell("1 / 0", store_history=True)
    shell.run_cell("raise KeyboardInterrupt", store_history=True)
    shell.run_cell("x = = 1", store_history=True)
    entries = history.entries()
    json.dumps(entries)
    assert [(e["execution_count"] - first, e["code"], e["outcome"]) for e in entries] == [
        (0, "x = 1", "finished"),
        (1, "1 / 0", "failed"),
        (2, "raise KeyboardInterrupt", "interrupted"),
        (3, "x = = 1", "failed"),
    ]
    assert [e["cell_id"] for e in entries] == ["c1", None, None, None]
    assert all(0 <= e["duration"] < 5 for e in entries)
    assert abs(entries[0]["started"] / 1e6 - time.time()) < 60
    history.stop()
    history.stop()
    shell.run_cell("y = 2", store_history=True)
    assert len(history.entries()) == 4


def test_silent_and_unstored_cells_are_not_kept(shell: Any) -> None:
    history = followed(shell)
    shell.run_cell("x = 1", store_history=False)
    shell.run_cell("x = 1", silent=True)
    assert history.entries() == []
    history.stop()


def test_the_cell_being_executed_is_running(shell: Any) -> None:
    history = followed(shell)
    shell.user_ns["history"] = history
    shell.run_cell("now = history.entries()", store_history=True)
    assert [(e["outcome"], e["duration"]) for e in shell.user_ns["now"]] == [("running", None)]
    assert history.entries()[0]["outcome"] == "finished"
    history.stop()


@pytest.mark.parametrize("store", [True, False])
def test_a_cell_within_a_cell_is_part_of_the_outer(shell: Any, store: bool) -> None:
    history = followed(shell)
    inner = f"get_ipython().run_cell('1 / 0', store_history={store})\nnow = history.entries()"
    shell.user_ns["history"] = history
    shell.run_cell(inner, store_history=True)
    assert shell.user_ns["now"][0]["outcome"] == "running"
    assert [(e["code"], e["outcome"]) for e in history.entries()] == [(inner, "finished")]
    history.stop()


def test_limits_and_secrets(shell: Any) -> None:
    history = followed(shell, cells=3, characters=300)
    for n in range(5):
        shell.run_cell(f"a{n} = {n}", store_history=True)
    assert [e["code"] for e in history.entries()] == ["a2 = 2", "a3 = 3", "a4 = 4"]
    assert history.dropped == 2
    shell.run_cell("password = 'hunter2'", store_history=True)
    assert history.entries()[-1]["code"] == f"password = '{MASK}'"
    shell.run_cell("# " + "x" * 1000, store_history=True)
    assert history.entries()[-1]["code"].endswith("# … 902 characters left out")
    history.stop()


def test_an_end_that_was_never_told(shell: Any) -> None:
    history = followed(shell)
    request = 0
    shell.get_parent = lambda: {"header": {"msg_id": str(request)}}
    for request, told in enumerate([True, False, True]):
        if not told:
            shell.events.unregister("post_run_cell", history._ended)
        shell.run_cell(f"x = {request}", store_history=True)
        if not told:
            shell.events.register("post_run_cell", history._ended)
    del shell.get_parent
    assert [e["outcome"] for e in history.entries()] == ["finished", "interrupted", "finished"]
    history.stop()


KERNEL = """
import asyncio, json
from jupyter_tracker.capture.history import History
history = History(get_ipython())
history.start()
"""


def test_an_interrupt_in_a_real_kernel(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "IPYTHONDIR": str(tmp_path)}
    manager, client = start_new_kernel(env=env, cwd=str(tmp_path))
    try:
        client.execute_interactive(KERNEL, timeout=60)
        # No output before the interrupt: one that lands in the kernel's flush can wedge ipykernel 7.4.
        for n, wait in enumerate(("time.sleep(60)", "await asyncio.sleep(3)")):
            ready = tmp_path / f"ready{n}"
            request = client.execute(f"import time; open({str(ready)!r}, 'w').close()\n{wait}")
            deadline = time.monotonic() + 60
            while not ready.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            manager.interrupt_kernel()
            while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != request:
                pass
        texts: list[str] = []
        report = "print(json.dumps([e['outcome'] for e in history.entries()]))"

        def hook(message: Any) -> None:
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        client.execute_interactive(report, timeout=60, output_hook=hook)
        assert json.loads("".join(texts)) == ["interrupted", "interrupted", "running"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
