"""Figures a cell displays, kept as files of its run.

IPython's formatter, publisher and display hook stay the objects they are; a method of each is wrapped for the
time of the capture. What is displayed goes its way first and unchanged.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_tracker.capture.figures import figure_bytes, is_altair
from jupyter_tracker.capture.guard import contained

COUNT = 50
SIZE = 20_000_000
WRITES = 200

Sink = Callable[[str, bytes, str], object]

_IMAGES = {"image/svg+xml": ".svg", "image/png": ".png", "image/jpeg": ".jpg"}
_SPECS = {
    "application/vnd.vegalite.": ".vl.json",
    "application/vnd.vega.": ".vg.json",
    "application/vnd.plotly.": ".plotly.json",
}


def figure_files(bundle: Mapping[str, Any]) -> list[tuple[str, bytes, str]]:
    """(suffix, content, MIME type) of the figure in a MIME bundle: a specification and one image, if any."""
    files = []
    for mime, content in bundle.items():
        suffix = next((ending for start, ending in _SPECS.items() if mime.startswith(start)), None)
        if suffix is not None:
            text = (
                content if isinstance(content, str) else json.dumps(content, default=str, ensure_ascii=False)
            )
            files.append((suffix, text.encode(), mime))
    image = next((mime for mime in _IMAGES if mime in bundle), None)
    if image is not None:
        files.append((_IMAGES[image], _image(image, bundle[image]), image))
    return files


def _image(mime: str, content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode() if mime == "image/svg+xml" else base64.b64decode(content)
    return bytes(content)


class DisplayTap:
    """Hands the figures displayed from `start` to `stop` to ``sink("figures/001.png", content, mime)``.

    At most `count` figures of at most `size` bytes each; `left_out` counts the others. A display that is
    updated, or that follows a `clear_output`, is written under the name of what it replaces; after `WRITES`
    writes only the last state of each is written, at `stop`.
    """

    def __init__(self, shell: Any, sink: Sink, *, count: int = COUNT, size: int = SIZE) -> None:
        self._shell = shell
        self._sink = sink
        self._count = count
        self._size = size
        self._lock = threading.RLock()
        self._wrapped: list[tuple[Any, str, Any, Any]] = []
        self._open = False
        self._formatted: tuple[Any, Any] = None, None
        self._next = 1
        self._names: dict[str, int] = {}
        self._writes = 0
        self._held: dict[str, tuple[bytes, str]] = {}
        self.left_out = 0

    def start(self) -> None:
        """Begin to watch the shell's formatter, publisher and display hook."""
        self._open = True
        publisher, hook = self._shell.display_pub, self._shell.displayhook
        self._wrap(publisher, "publish", self._published)
        self._wrap(publisher, "clear_output", self._cleared)
        self._wrap(hook, "write_format_data", self._published)
        self._wrap(self._shell.display_formatter, "format", self._format)

    def stop(self, *, flush: bool = True) -> None:
        """Take the figures matplotlib still holds, stop watching and write what was held back. May be called
        again.

        The inline backend shows open figures after a cell has ended. With `flush` it is asked to show them
        now; with ``flush=False`` (the cell failed: its traceback comes first) they are only written.
        """
        if not self._open:
            return
        with contained():
            self._take_pending(flush)
        self._open = False
        for owner, name, ours, before in reversed(self._wrapped):
            if vars(owner).get(name) is ours:
                delattr(owner, name) if before is None else setattr(owner, name, before)
        self._wrapped.clear()
        with self._lock:
            held, self._held = self._held, {}
        for name, (content, mime) in held.items():
            with contained():
                self._sink(name, content, mime)

    def _wrap(self, owner: Any, name: str, then: Callable[..., None]) -> None:
        original = getattr(owner, name, None)
        if original is None or not hasattr(owner, "__dict__"):
            return

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if self._open:
                with contained():
                    then(result, *args, **kwargs)
            return result

        before = vars(owner).get(name)
        setattr(owner, name, wrapped)
        self._wrapped.append((owner, name, wrapped, before))

    def _format(self, result: Any, shown: Any = None, *args: Any, **kwargs: Any) -> None:
        """Remember of what a bundle was made: Altair shows HTML by default, its chart has to be asked."""
        self._formatted = result[0], shown

    def _published(self, result: Any, *args: Any, **kwargs: Any) -> None:
        bundle = args[0] if args else kwargs.get("data", kwargs.get("format_dict"))
        files = figure_files(bundle) if isinstance(bundle, Mapping) else []
        made, shown = self._formatted
        if not files and made is bundle and is_altair(shown):
            content, mime = figure_bytes(shown, ".json")
            files = [(".vl.json", content, mime)]
        self._formatted = None, None
        if files:
            transient = kwargs.get("transient") or {}
            with self._lock:
                self._write(self._number(transient.get("display_id")), files)

    def _cleared(self, result: Any, *args: Any, **kwargs: Any) -> None:
        with self._lock:
            self._next = 1
            self._names.clear()

    def _number(self, display_id: str | None) -> int:
        if display_id is not None and display_id in self._names:
            return self._names[display_id]
        number, self._next = self._next, self._next + 1
        if display_id is not None:
            self._names[display_id] = number
        return number

    def _write(self, number: int, files: list[tuple[str, bytes, str]]) -> None:
        for suffix, content, mime in files:
            name = f"figures/{number:03}{suffix}"
            if number > self._count or len(content) > self._size:
                self.left_out += 1
            elif self._writes >= WRITES:
                self._held[name] = (content, mime)
            else:
                self._writes += 1
                self._sink(name, content, mime)

    def _take_pending(self, flush: bool) -> None:
        inline = sys.modules.get("matplotlib_inline.backend_inline")
        if inline is None or inline.flush_figures not in self._shell.events.callbacks.get("post_execute", ()):
            return
        if flush:
            inline.flush_figures()
        elif inline.show._draw_called:
            for manager in inline.Gcf.get_all_fig_managers():
                content, mime = figure_bytes(manager.canvas.figure)
                with self._lock:
                    self._write(self._number(None), [(".png", content, mime)])
