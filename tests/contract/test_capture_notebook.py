"""The notebook and the cell, from made-up traces, a real kernel and a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from jupyter_tracker.capture.notebook import (
    Locator,
    Notebook,
    ask_servers,
    find_cell_id,
    find_notebook,
    kernel_id,
    parent_message,
    servers,
)

VSCODE_CELL = "vscode-notebook-cell:/home/ada/my%20work/n.ipynb#W1sZmlsZQ%3D%3D"
REMOTE_CELL = "vscode-notebook-cell://ssh-remote%2Bbox/home/ada/n.ipynb#X12"

TRACES: list[tuple[dict[str, str], dict[str, Any], dict[str, Any], Notebook | None]] = [
    ({}, {}, {}, None),
    ({"JPY_SESSION_NAME": "/w/a b.ipynb"}, {}, {}, Notebook("a b.ipynb", "/w/a b.ipynb", "session")),
    ({"JPY_SESSION_NAME": "sub/n.ipynb"}, {}, {}, Notebook("n.ipynb", "/cwd/n.ipynb", "session")),
    ({}, {"__session__": "/w/n.ipynb"}, {}, Notebook("n.ipynb", "/w/n.ipynb", "session")),
    ({"JPY_SESSION_NAME": "/w/console-1-abc"}, {}, {}, None),
    (
        {"JPY_SESSION_NAME": "/w/n-jvsc-0f0f0f0f-1234-4321-aaaa-0123456789ab.ipynb"},
        {},
        {},
        Notebook("n.ipynb", "/w/n.ipynb", "session"),
    ),
    (
        {"JPY_SESSION_NAME": "/w/other.ipynb"},
        {"__vsc_ipynb_file__": "/v/n.ipynb"},
        {},
        Notebook("n.ipynb", "/v/n.ipynb", "vscode"),
    ),
    ({}, {"__vsc_ipynb_file__": "c:\\w\\n.ipynb"}, {}, Notebook("n.ipynb", "c:\\w\\n.ipynb", "vscode")),
    ({}, {"__vsc_ipynb_file__": 3}, {}, None),
    (
        {},
        {},
        {"metadata": {"cellId": VSCODE_CELL}},
        Notebook("n.ipynb", "/home/ada/my work/n.ipynb", "vscode"),
    ),
    ({}, {}, {"metadata": {"cellId": REMOTE_CELL}}, Notebook("n.ipynb", "/home/ada/n.ipynb", "vscode")),
    (
        {},
        {},
        {"metadata": {"cellId": "vscode-notebook-cell:/c%3A/w/n.ipynb#A"}},
        Notebook("n.ipynb", "c:/w/n.ipynb", "vscode"),
    ),
    ({"PAPERMILL_OUTPUT_PATH": "out/n.ipynb"}, {}, {}, Notebook("n.ipynb", "/cwd/out/n.ipynb", "papermill")),
    (
        {},
        {"PAPERMILL_OUTPUT_PATH": "o.ipynb", "PAPERMILL_INPUT_PATH": "s3://b/i.ipynb"},
        {},
        Notebook("i.ipynb", "s3://b/i.ipynb", "papermill"),
    ),
    (
        {"COLAB_RELEASE_TAG": "x", "JPY_SESSION_NAME": "https://colab.research.google.com/fileId%3D1aB-c_2"},
        {},
        {},
        Notebook("1aB-c_2", "https://colab.research.google.com/drive/1aB-c_2", "colab"),
    ),
    (
        {"COLAB_RELEASE_TAG": "x", "COLAB_NOTEBOOK_ID": "1aB-c_2"},
        {},
        {},
        Notebook("1aB-c_2", "https://colab.research.google.com/drive/1aB-c_2", "colab"),
    ),
    ({}, {}, {"metadata": None}, None),
]


@pytest.mark.parametrize(("environ", "namespace", "parent", "expected"), TRACES, ids=range(len(TRACES)))
def test_traces(
    environ: dict[str, str], namespace: dict[str, Any], parent: dict[str, Any], expected: Notebook | None
) -> None:
    assert find_notebook(environ, namespace, parent, "/cwd") == expected


@pytest.mark.parametrize(
    ("parent", "info", "expected"),
    [
        ({}, None, None),
        ({"metadata": {"cellId": "3f1c"}}, None, "3f1c"),
        ({"metadata": {"cellId": VSCODE_CELL}}, None, "W1sZmlsZQ%3D%3D"),
        ({"metadata": {"colab": {"cell_id": "qX1"}}}, None, "qX1"),
        ({"metadata": {"colab": "x", "cell_id": "c"}}, None, "c"),
        ({"metadata": []}, SimpleNamespace(cell_id="info"), "info"),
        ({}, SimpleNamespace(cell_id=None), None),
        ({"metadata": {"cellId": 7}}, SimpleNamespace(), None),
    ],
)
def test_cell_ids(parent: dict[str, Any], info: Any, expected: str | None) -> None:
    assert find_cell_id(parent, info) == expected


def test_kernel_ids() -> None:
    assert (
        kernel_id("/run/kernel-4f6d2a9e-92f5-4f0a-9e5e-3a2c1b0d9e8f.json")
        == "4f6d2a9e-92f5-4f0a-9e5e-3a2c1b0d9e8f"
    )
    assert kernel_id("/run/kernel-1234.json") is None
    assert kernel_id("") is None


def test_a_shell_without_messages() -> None:
    assert parent_message(SimpleNamespace()) == {}
    assert Locator(SimpleNamespace(user_ns={})).wait(5) is None


def test_server_files_that_are_broken_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "jpserver-1.json").write_text("{")
    (tmp_path / "jpserver-2.json").write_text("[]")
    (tmp_path / "jpserver-3.json").write_text(
        '{"url": "http://127.0.0.1:9/", "token": "t", "root_dir": "/r"}'
    )
    (tmp_path / "nbserver-4.json").write_text('{"url": "ftp://x/", "notebook_dir": "/n"}')
    found = sorted(servers(tmp_path, {"JPY_API_TOKEN": "api"}))
    assert found == [("ftp://x/", "api", "/n"), ("http://127.0.0.1:9/", "t", "/r")]
    assert ask_servers("k", found) is None


def test_a_server_that_does_not_answer_costs_the_deadline_only() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert ask_servers("k", [(url, "", "")], timeout=0.3) is None
        assert time.monotonic() - start < 2


REPORT = """
import json
from jupyter_tracker.capture.notebook import Locator, find_cell_id, parent_message
shell = get_ipython()
seen = []
shell.events.register("pre_run_cell", seen.append)
locator = Locator(shell)
"""
ASK = """
found = locator.wait(5)
print(json.dumps({
    "cell": find_cell_id(parent_message(shell)),
    "info": find_cell_id({}, seen[-1]),
    "notebook": found and [found.name, found.path, found.source],
}))
"""


def ask(client: BlockingKernelClient, code: str, cell_id: str | None = None) -> str:
    """Run a cell as a front end would and return what it printed."""
    message = client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
    message["metadata"] = {"cellId": cell_id} if cell_id else {}
    client.shell_channel.send(message)
    printed = []
    while True:
        got = client.get_iopub_msg(timeout=30)
        if got["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if got["msg_type"] == "stream":
            printed.append(got["content"]["text"])
        if got["msg_type"] == "error":
            pytest.fail("\n".join(got["content"]["traceback"]))
        if got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
            return "".join(printed)


@pytest.fixture
def project_env() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": root}


def test_in_a_real_kernel(tmp_path: Path, project_env: dict[str, str]) -> None:
    (tmp_path / "n.ipynb").touch()
    env = {**project_env, "JPY_SESSION_NAME": str(tmp_path / "n.ipynb")}
    manager, client = start_new_kernel(env=env, cwd=str(tmp_path))
    try:
        ask(client, REPORT)
        answer = json.loads(ask(client, ASK, "9a8b-cell"))
        assert answer == {
            "cell": "9a8b-cell",
            "info": "9a8b-cell",
            "notebook": ["n.ipynb", str(tmp_path / "n.ipynb"), "session"],
        }
        assert json.loads(ask(client, ASK))["cell"] is None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def call(url: str, token: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    encoded = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    with urlopen(Request(url, encoded, headers, method=method), timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture
def server(tmp_path: Path, project_env: dict[str, str]) -> Iterator[tuple[str, str, Path, Path]]:
    """A running Jupyter server: url, token, root folder, runtime folder."""
    root, runtime = tmp_path / "root", tmp_path / "runtime"
    root.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, token = f"http://127.0.0.1:{port}", "only-for-this-test"
    env = {
        **project_env,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_TOKEN": token,
        "IPYTHONDIR": str(tmp_path / "i"),
    }
    args = [
        "--no-browser",
        f"--port={port}",
        "--ip=127.0.0.1",
        f"--ServerApp.root_dir={root}",
        "--allow-root",
    ]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *args], env=env, stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                call(f"{url}/api/status", token)
                break
            except (URLError, OSError):
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.05)
        yield url, token, root, runtime
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log.close()


def test_with_a_real_server(server: tuple[str, str, Path, Path]) -> None:
    url, token, root, runtime = server
    (root / "my work").mkdir()
    (root / "my work" / "n.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    wanted = {"path": "my work/n.ipynb", "name": "n.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    session = call(f"{url}/api/sessions", token, wanted)
    kernel = session["kernel"]["id"]
    try:
        expected = Notebook("n.ipynb", str(root / "my work" / "n.ipynb"), "server")
        assert ask_servers(kernel, servers(runtime, {}), 5) == expected
        assert ask_servers("another", servers(runtime, {}), 5) is None
        _in_the_kernel_of_a_server(runtime, kernel, root)
        renamed = {"path": "my work/renamed.ipynb", "name": "renamed.ipynb", "type": "notebook"}
        (root / "my work" / "n.ipynb").rename(root / "my work" / "renamed.ipynb")
        call(f"{url}/api/sessions/{session['id']}", token, renamed, "PATCH")
        _in_the_kernel_of_a_server(runtime, kernel, root, "renamed.ipynb", "server")
    finally:
        call(f"{url}/api/sessions/{session['id']}", token, method="DELETE")


def _wait_for(client: BlockingKernelClient) -> None:
    """Wait until the kernel answers; a client without a manager takes one that still loads for a dead one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client.wait_for_ready(timeout=60)
            return
        except RuntimeError:
            if time.monotonic() > deadline:
                raise


def _in_the_kernel_of_a_server(
    runtime: Path, kernel: str, root: Path, name: str = "n.ipynb", source: str = "session"
) -> None:
    """Ask inside the kernel: from its environment, and after a rename by way of the server."""
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        _wait_for(client)
        ask(client, REPORT)
        answer = json.loads(ask(client, ASK.replace("Locator(shell)", "Locator(shell, timeout=5)")))
        assert answer["notebook"] == [name, str(root / "my work" / name), source]
    finally:
        client.stop_channels()
