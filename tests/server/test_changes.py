"""The web socket on which changes of the root are told."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

import jupyter_tracker as jt
from jupyter_tracker.roots import Root
from jupyter_tracker.server.watcher import fingerprint
from jupyter_tracker.store import Store

WAIT = 20


async def epoch(socket: Any) -> int:
    message = await asyncio.wait_for(socket.read_message(), WAIT)
    return int(json.loads(message)["epoch"])


def record(directory: Path) -> None:
    jt.set_root(directory)
    with jt.start_run() as run:
        run.log(loss=0.25)


async def test_what_is_recorded_is_told_from_the_very_first_run_on(jp_ws_fetch: Any, directory: Path) -> None:
    socket = await jp_ws_fetch("jupyter-tracker", "api", "changes")
    first = await epoch(socket)
    await asyncio.to_thread(record, directory)
    assert await epoch(socket) > first
    socket.close()


async def test_nobody_looks_when_nobody_listens(jp_ws_fetch: Any, jp_serverapp: Any) -> None:
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyter_tracker"]
    socket = await jp_ws_fetch("jupyter-tracker", "api", "changes")
    await epoch(socket)
    assert app.watcher.watching
    socket.close()
    deadline = time.monotonic() + WAIT
    while app.watcher.watching and time.monotonic() < deadline:  # noqa: ASYNC110  (nothing tells of it)
        await asyncio.sleep(0.01)
    assert not app.watcher.watching


async def test_strangers_are_told_nothing(jp_ws_fetch: Any) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch("jupyter-tracker", "api", "changes", headers={"Authorization": "token wrong"})
    assert caught.value.code == 403


def test_reading_alone_is_no_endless_change(tmp_path: Path) -> None:
    """A reading takes the marks of ended runs away, once; after that nothing differs."""
    record(tmp_path)
    root = Root.open(tmp_path)
    deadline = time.monotonic() + WAIT
    while any(root.active.iterdir()) and time.monotonic() < deadline:
        Store(root).ingest(wait=True)
    seen = fingerprint(tmp_path)
    Store(root).ingest(wait=True)
    assert fingerprint(tmp_path) == seen
