"""The extension that a Jupyter server loads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp

from ..roots import SERVER_ENVIRONMENT, Root, choose
from .handlers import ROUTES
from .watcher import Watcher


class TrackerApp(ExtensionApp):
    """Answers under /jupyter-tracker/ for the root that the server's directory leads to.

    Kernels learn the server's directory from the environment, so that notebooks and server agree on a root.
    """

    name = "jupyter_tracker"
    extension_url = "/jupyter-tracker"

    def initialize_settings(self) -> None:
        """Tell the kernels that this server will start where it keeps runs."""
        os.environ[SERVER_ENVIRONMENT] = str(self.directory)
        self.watcher = Watcher(lambda: self.place()[0])

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """Leave no task behind."""
        self.watcher.stop()

    @property
    def directory(self) -> Path:
        """The directory that the server serves."""
        server = cast("ServerApp", self.serverapp)
        return Path(server.root_dir).expanduser().resolve()

    def place(self) -> tuple[Path, str]:
        """Where the runs of this server's notebooks are kept, and why there; it need not exist yet."""
        path, why = choose(start=self.directory)
        return Path(path), why

    def root(self) -> Root:
        """The root, never made by looking at it; NotFound while nothing was recorded."""
        return Root.open(*self.place())
