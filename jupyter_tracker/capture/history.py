"""The cells this kernel has executed: what a run stands on besides its own cell."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from jupyter_tracker.capture.guard import contained
from jupyter_tracker.capture.notebook import find_cell_id, parent_message
from jupyter_tracker.capture.secrets import mask

CELLS = 500
CHARACTERS = 1_000_000

Entry = dict[str, Any]


class History:
    """Follows one IPython shell. Cells that are not stored in IPython's history (silent ones) are not kept
    either.

    At most `cells` entries and `characters` of code are kept; the oldest go first and `dropped` counts them.
    """

    def __init__(self, shell: Any, cells: int = CELLS, characters: int = CHARACTERS) -> None:
        self._shell = shell
        self._cells = cells
        self._characters = characters
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._open: tuple[Entry, float, object] | None = None
        self._inner = 0
        self.dropped = 0

    def start(self) -> None:
        """Follow the shell from now on; calling it again changes nothing."""
        callbacks = self._shell.events.callbacks
        if self._began not in callbacks["pre_run_cell"]:
            self._shell.events.register("pre_run_cell", self._began)
            self._shell.events.register("post_run_cell", self._ended)

    def stop(self) -> None:
        """Follow the shell no longer. What was seen stays."""
        for event, callback in (("pre_run_cell", self._began), ("post_run_cell", self._ended)):
            if callback in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, callback)

    def entries(self) -> list[Entry]:
        """The cells, oldest first, as JSON values with secrets masked.

        ``execution_count``, ``cell_id``, ``code`` as executed (cut to a third of the limit), ``outcome``
        ("finished", "failed", "interrupted", or "running" for the cell being executed), ``started`` (UTC
        microseconds) and ``duration`` (seconds, None while running).
        """
        return [entry | {"code": mask(entry["code"])[0]} for entry in tuple(self._entries)]

    def _began(self, info: Any) -> None:
        with contained():
            parent = parent_message(self._shell)
            request = parent["header"]["msg_id"] if "header" in parent else None
            if self._open is not None and self._open[2] == request:
                self._inner += 1  # a cell within a cell: it is part of the code of the outer one
                return
            self._close("interrupted")  # a cell whose end was never told
            if not info.store_history:
                return
            entry = {
                "execution_count": _number(self._shell),
                "cell_id": find_cell_id(parent, info),
                "code": _shortened(info.raw_cell, self._characters // 3),
                "outcome": "running",
                "started": time.time_ns() // 1000,
                "duration": None,
            }
            self._open = entry, time.monotonic(), request
            self._keep(entry)

    def _ended(self, result: Any) -> None:
        with contained():
            if self._inner:
                self._inner -= 1
            elif result is None:  # the kernel was interrupted while it waited for an asynchronous cell
                self._close("interrupted")
            else:
                self._close(outcome(result), result.execution_count)

    def _close(self, how: str, count: int | None = None) -> None:
        if self._open is not None:
            entry, began, _ = self._open
            self._open, self._inner = None, 0
            entry["duration"] = round(time.monotonic() - began, 6)
            entry["outcome"] = how
            entry["execution_count"] = count or entry["execution_count"]

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._size += len(entry["code"])
        while len(self._entries) > self._cells or self._size > self._characters:
            self._size -= len(self._entries.popleft()["code"])
            self.dropped += 1


def _number(shell: Any) -> int:
    """The number a cell that is about to run will have.

    IPython 9 counts before the event of its beginning, earlier versions after the cell; the list of inputs,
    which starts with an empty one, has not been appended to in either.
    """
    inputs = getattr(shell.history_manager, "input_hist_parsed", None)
    return len(inputs) if inputs else int(shell.execution_count)


def outcome(result: Any) -> str:
    """How a cell ended, from IPython's ``ExecutionResult``."""
    from asyncio import CancelledError

    error = result.error_in_exec or result.error_before_exec
    if error is None:
        return "finished"
    # An interrupt while a cell awaits reaches it as a cancellation.
    return "interrupted" if isinstance(error, (KeyboardInterrupt, CancelledError)) else "failed"


def _shortened(code: str, limit: int) -> str:
    return code if len(code) <= limit else f"{code[:limit]}\n# … {len(code) - limit:,} characters left out"
