"""Downloads of artifacts: sent to be saved, and never a file from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse

import jupyter_tracker as jt
from jupyter_tracker.roots import DIRECTORY

Fetch = Callable[[str, str], Awaitable[HTTPResponse]]


@pytest.fixture
def run(directory: Path) -> jt.Run:
    jt.set_root(directory)
    with jt.start_run("with-files") as run:
        run.log_text("<script>alert(1)</script>", "notes/hello world.html")
        run.log_text("", "empty.txt")
    return run


@pytest.fixture
def home(directory: Path, run: jt.Run) -> Path:
    return directory / DIRECTORY / "runs" / run.run_id / "artifacts"


@pytest.fixture
def fetch(
    http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str], jp_serverapp: Any
) -> Fetch:
    """Ask with the path exactly as written, escapes and all."""

    async def ask(run_id: str, path: str) -> HTTPResponse:
        address = f"{jp_base_url}jupyter-tracker/api/artifacts/{run_id}/{path}"
        response: HTTPResponse = await http_server_client.fetch(address, headers=jp_auth_header)
        return response

    return ask


async def test_it_is_sent_to_be_saved_and_never_to_be_run(fetch: Fetch, run: jt.Run) -> None:
    response = await fetch(run.run_id, "notes/hello%20world.html")
    assert response.body == b"<script>alert(1)</script>"
    assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''hello%20world.html"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response.headers["Content-Type"].startswith("text/html")


async def test_an_empty_file(fetch: Fetch, run: jt.Run) -> None:
    response = await fetch(run.run_id, "empty.txt")
    assert response.body == b""
    assert response.headers["Content-Type"] == "text/plain"


async def test_a_file_of_many_chunks(fetch: Fetch, run: jt.Run, home: Path) -> None:
    content = os.urandom(3 * 2**20 + 17)
    (home / "weights.bin").write_bytes(content)
    response = await fetch(run.run_id, "weights.bin")
    assert response.body == content


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2f..%2froot.json", "notes/..%2f..%2f..%2f..%2froot.json", "%2fetc%2fpasswd", "%2e%2e/root.json",
        "notes", "link", "linked/root.json", "absent", "notes%5c..%5chello", "fifo", "notes%00",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_a_run(
    fetch: Fetch, directory: Path, run: jt.Run, home: Path, path: str
) -> None:
    (home / "link").symlink_to("/etc/passwd")
    (home / "linked").symlink_to(directory / DIRECTORY)
    os.mkfifo(home / "fifo")
    with pytest.raises(HTTPClientError) as caught:
        await fetch(run.run_id, path)
    assert caught.value.code in (400, 404)


@pytest.mark.parametrize("run_id", ["%2e%2e", "0" * 31, "0" * 32, "Z" * 32])
async def test_no_run_id_leads_out_of_the_root(fetch: Fetch, run: jt.Run, run_id: str) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await fetch(run_id, "root.json")
    assert caught.value.code in (400, 404)
