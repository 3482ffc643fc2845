"""The routes. A handler authenticates, parses, asks in a thread, and finishes."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import stat
from collections.abc import Awaitable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypedDict, cast
from urllib.parse import quote

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .. import queries
from ..artifacts import locate
from ..errors import Conflict, Corrupt, Invalid, NotFound, StoreBusy, TrackerError
from ..roots import DIRECTORY
from ..store import Store

if TYPE_CHECKING:
    from .app import TrackerApp
    from .watcher import Watcher

CHUNK = 2**20
RESOURCE = "jupyter_tracker"  # what an authorizer of the server is asked about
STATUS: Mapping[type[TrackerError], int] = {
    NotFound: 404,
    Invalid: 400,
    Conflict: 409,
    StoreBusy: 503,
    Corrupt: 500,
}


class Status(TypedDict):
    """`exists` is false until the first run is recorded."""

    version: str
    root: str
    why: str
    exists: bool


class Handler(ExtensionHandlerMixin, APIHandler):
    """Answers in JSON; errors as `{"message", "hint"}`."""

    @property
    def tracker(self) -> TrackerApp:
        return cast("TrackerApp", self.extensionapp)

    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent; Invalid for anything else."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(
                f"The request's body is no JSON object: {error}", hint="Send an object, {} for none."
            ) from error

    async def answer(self, found: Awaitable[object]) -> None:
        """Finish with what is found, as JSON."""
        content = msgspec.json.encode(await found)
        await self.finish(content)

    def write_error(self, status_code: int, **more: Any) -> None:
        """Say what is wrong and how to mend it, with the status that fits the kind of error."""
        error = more.get("exc_info", (None, None, None))[1]
        message, hint = "The server failed; its log says why.", ""
        if isinstance(error, TrackerError):
            message, hint = error.message, error.hint
            self.set_status(next(code for kind, code in STATUS.items() if isinstance(error, kind)))
        elif isinstance(error, tornado.web.HTTPError):
            message = error.log_message or error.reason or self._reason
        self.finish(msgspec.json.encode({"message": message, "hint": hint}))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Keep the log for failures: an error of ours is an answer, told to whom it concerns."""
        if not isinstance(error, TrackerError) or isinstance(error, Corrupt):
            super().log_exception(kind, error, trace)


class StatusHandler(Handler):
    """Which root this server looks at."""

    @tornado.web.authenticated
    @authorized("read", resource=RESOURCE)
    async def get(self) -> None:
        await self.answer(asyncio.to_thread(self._status))

    def _status(self) -> Status:
        path, why = self.tracker.place()
        exists = (path / DIRECTORY / "root.json").exists()
        return {"version": version("jupyter-tracker"), "root": str(path), "why": why, "exists": exists}


class QueryHandler(Handler):
    """One named query; parameters in the body, rows in the answer."""

    @tornado.web.authenticated
    @authorized("read", resource=RESOURCE)
    async def post(self, name: str) -> None:
        await self.answer(asyncio.to_thread(self._ask, name, self.body()))

    def _ask(self, name: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        return queries.dispatch(Store(self.tracker.root()), name, params)


class ArtifactHandler(Handler):
    """A file of a run, sent to be saved and never to be run: as an attachment, unsniffed, in a sandbox."""

    @property
    def content_security_policy(self) -> str:
        return "sandbox; default-src 'none'; frame-ancestors 'none'"

    @tornado.web.authenticated
    @authorized("read", resource=RESOURCE)
    async def get(self, run_id: str, path: str) -> None:
        with await asyncio.to_thread(self._open, run_id, path) as content:
            kind = self._describe(Path(path).name, os.fstat(content.fileno()).st_size)
            while chunk := await asyncio.to_thread(content.read, CHUNK):
                self.write(chunk)
                await self.flush()
        await self.finish(set_content_type=kind)

    def _open(self, run_id: str, path: str) -> IO[bytes]:
        if not re.fullmatch("[0-9a-f]{32}", run_id):
            raise NotFound(f"No run {run_id[:80]!r}", hint="A run id is 32 hexadecimal digits.")
        return open_regular(locate(self.tracker.root(), run_id, path))

    def _describe(self, name: str, size: int) -> str:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.set_header("Content-Type", kind)
        self.set_header("Content-Length", str(size))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        return kind


class ChangesHandler(ExtensionHandlerMixin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Sends `{"epoch": n}` at once and whenever something was recorded; what the client sends is ignored."""

    auth_resource = RESOURCE

    @property
    def watcher(self) -> Watcher:
        return cast("TrackerApp", self.extensionapp).watcher

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._tell(self.watcher.epoch)
        self.watcher.add(self._tell)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked here."""

    def on_close(self) -> None:
        self.watcher.remove(self._tell)
        super().on_close()

    def _tell(self, epoch: int) -> None:
        try:
            self.write_message({"epoch": epoch})
        except WebSocketClosedError:
            self.watcher.remove(self._tell)


def open_regular(file: Path) -> IO[bytes]:
    """Open a file for reading; NotFound for a directory, a pipe or a device, and for what cannot be read."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        descriptor = os.open(file.resolve(), flags)
    except OSError as error:
        raise NotFound(f"{file.name} cannot be read: {error.strerror}", hint="Look at it on disk.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotFound(f"{file.name} is no file", hint="Ask for one of the files in it.")
    return os.fdopen(descriptor, "rb")


ROUTES: list[tuple[str, type[JupyterHandler]]] = [
    (r"/jupyter-tracker/api/status", StatusHandler),
    (r"/jupyter-tracker/api/query/([^/]+)", QueryHandler),
    (r"/jupyter-tracker/api/artifacts/([^/]+)/(.+)", ArtifactHandler),
    (r"/jupyter-tracker/api/changes", ChangesHandler),
]
