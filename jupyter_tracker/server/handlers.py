"""The routes. A handler authenticates, parses, asks in a thread, and finishes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypedDict, cast

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin

from .. import queries
from ..errors import Conflict, Corrupt, Invalid, NotFound, StoreBusy, TrackerError
from ..roots import DIRECTORY
from ..store import Store

if TYPE_CHECKING:
    from .app import TrackerApp

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


ROUTES: list[tuple[str, type[Handler]]] = [
    (r"/jupyter-tracker/api/status", StatusHandler),
    (r"/jupyter-tracker/api/query/([^/]+)", QueryHandler),
]
