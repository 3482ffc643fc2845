"""Tells listeners that a root has changed, looking only while somebody listens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from pathlib import Path

from ..roots import DIRECTORY

INTERVAL = 1.0

Listener = Callable[[int], None]


class Watcher:
    """Calls every listener with a growing epoch, at most once a second, after events were written in a root.

    `place` says where the root is; it may come into being, move and go. Changes are seen in sizes and names of files, so writers on other hosts of a shared directory count too;
    a process that died without a word leaves no trace here. Belongs to one event loop.
    """

    def __init__(self, place: Callable[[], Path], interval: float = INTERVAL) -> None:
        self._place = place
        self.epoch = 0
        self._interval = interval
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def watching(self) -> bool:
        """Whether anybody listens."""
        return self._task is not None

    def add(self, listener: Listener) -> None:
        """Call `listener` from now on; the first one starts the watch."""
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def remove(self, listener: Listener) -> None:
        """Call `listener` no more; the last one ends the watch."""
        self._listeners.discard(listener)
        if not self._listeners:
            self.stop()

    def stop(self) -> None:
        """End the watch, whoever listens."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        seen = await asyncio.to_thread(self._look)
        while True:
            await asyncio.sleep(self._interval)
            now = await asyncio.to_thread(self._look)
            if now == seen:
                continue
            seen = now
            self.epoch += 1
            for listener in list(self._listeners):
                listener(self.epoch)

    def _look(self) -> Hashable:
        return fingerprint(self._place())


def fingerprint(path: Path) -> Hashable:
    """Return something that differs when a journal being written has grown or a commit was published.

    Costs one listing per journal that is marked as active, however many runs there are.
    """
    home = path / DIRECTORY
    markers = sorted(entry.name for entry in _entries(home / "active"))
    journals = tuple(_sizes(home / "runs" / Path(*marker.split(".", 1))) for marker in markers)
    return (*markers, *journals, _sizes(home / "catalog")[-1:])


def _sizes(directory: Path) -> tuple[tuple[str, int], ...]:
    """Return (name, size) of the files of a directory, by name; nothing where there is none."""
    found = []
    for entry in _entries(directory):
        try:
            found.append((entry.name, entry.stat().st_size))
        except FileNotFoundError:
            continue
    return tuple(sorted(found))


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
