"""A real JupyterLab, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from lab import Lab, Server
from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
TOKEN = "a-token-of-the-tests"
READY = 90
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage"
)
OPTIONS = (
    "--no-browser --allow-root --ServerApp.port_retries=0 --LabApp.expose_app_in_browser=True"
    " --LabApp.extension_manager=readonly --LabApp.log_level=WARN"
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium")
    assert chromium, "These tests need a Chromium on PATH: install your system's package `chromium`."
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS.split()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server per test, with settings, home, notebooks and runs of its own; it asks for a token as any does."""
    home = tmp_path_factory.mktemp("lab")
    notebooks = home / "notebooks"
    notebooks.mkdir()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home / "server.log"
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *OPTIONS.split(),
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=notebooks, env=_environment(home), stdout=out, stderr=out)
    try:
        _wait(process, port, log)
        yield Server(f"http://127.0.0.1:{port}", TOKEN, notebooks)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def lab(page: Page, server: Server, request: pytest.FixtureRequest) -> Lab:
    return Lab(page, server, request.node.originalname, SCREENSHOTS)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY"))}
    return {
        **kept,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server answers; fails with its log when it has ended instead."""
    import time

    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    pytest.fail(log.read_text())
