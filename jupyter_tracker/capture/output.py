"""Keeps a copy of what a cell or script writes to stdout and stderr.

The streams stay the objects they are: only the `write` of each is wrapped for the time of the capture, so
handlers and libraries that took hold of the stream earlier are heard as well, and whatever the user puts into
`sys.stdout` meanwhile is neither noticed nor disturbed. What reaches the user is written first and is never
changed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from jupyter_tracker.capture.guard import contained
from jupyter_tracker.capture.secrets import mask

LIMIT = 1_000_000
BATCH = 32_768
DELAY = 1.0

Sink = Callable[[str, str], object]


class Lines:
    """Turns written pieces into text as it would stand on a screen: a line rewritten by ``\\r`` counts once.

    Of a progress bar the last state is kept. Colours and other escape sequences stay in the text.
    """

    _LONGEST = 65_536

    def __init__(self) -> None:
        self._line = ""

    def feed(self, text: str) -> str:
        """The text that is finished by `text`: whole lines, or a very long line as it comes."""
        if "\r" not in text and "\r" not in self._line:
            if len(self._line) + len(text) > self._LONGEST or text.endswith("\n"):
                done, self._line = self._line + text, ""
                return done
            head, newline, tail = text.rpartition("\n")
            done, self._line = (self._line + head + newline, tail) if newline else ("", self._line + text)
            return done
        head, newline, self._line = (self._line + text).rpartition("\n")
        if len(self._line) > self._LONGEST or self._line.count("\r") > 1:
            self._line = self._compact(self._line)
        done = "".join(_last_state(line) + "\n" for line in head.split("\n")) if newline else ""
        if len(self._line) > self._LONGEST:
            done, self._line = done + self._line, ""
        return done

    def rest(self) -> str:
        """The line that has not ended; it is forgotten."""
        line, self._line = _last_state(self._line), ""
        return line

    @staticmethod
    def _compact(line: str) -> str:
        """Drop the states that were overwritten, but keep a carriage return that is still to take effect."""
        return _last_state(line) + ("\r" if line.endswith("\r") else "")


def _last_state(line: str) -> str:
    return next((state for state in reversed(line.split("\r")) if state), "") if "\r" in line else line


class Kept:
    """At most `limit` characters of a stream: the first half, and the last half of all that came after.

    `add` returns what of the text belongs to the first half; `tail` gives the rest, with a marker where
    something was left out.
    """

    def __init__(self, limit: int) -> None:
        self._head = limit - limit // 2
        self._room = limit // 2
        self._tail: deque[str] = deque()
        self._size = 0
        self.left_out = 0

    def add(self, text: str) -> str:
        """Take in `text`, return the part of it that is within the first half."""
        head, rest = text[: self._head], text[self._head :]
        self._head -= len(head)
        if rest:
            self._tail.append(rest)
            self._size += len(rest)
            self._trim()
        return head

    def _trim(self) -> None:
        while self._size > self._room:
            over = self._size - self._room
            first = self._tail.popleft()
            cut = min(over, len(first))
            if cut < len(first):
                self._tail.appendleft(first[cut:])
            self._size -= cut
            self.left_out += cut

    def tail(self) -> str:
        """The last half, the marker before it; empty when the first half was enough. It is forgotten."""
        text = "".join(self._tail)
        self._tail.clear()
        self._size = 0
        if not self.left_out:
            return text
        return f"\n[… {self.left_out:,} characters left out …]\n{text}"


class _Stream:
    """The wrapped write of one stream."""

    def __init__(self, name: str, stream: Any, limit: int, heard: Callable[[], None]) -> None:
        self.name = name
        self._stream = stream
        self._heard = heard
        self._lock = threading.RLock()  # a signal handler that prints may interrupt the thread that holds it
        self._lines = Lines()
        self._kept = Kept(limit)
        self._ready: list[str] = []
        self._pid = os.getpid()
        self._open = True
        self.waiting = 0
        self._write = stream.write
        self._replaced = vars(stream).get("write")
        self._installed = stream.write = self._heard_write

    def _heard_write(self, text: str) -> Any:
        written = self._write(text)
        if self._open and isinstance(text, str) and os.getpid() == self._pid:
            with self._lock:
                self._take(self._lines.feed(text))
            self._heard()
        return written

    def _take(self, text: str) -> None:
        if text:
            head = self._kept.add(text)
            self._ready.append(head)
            self.waiting += len(head)

    def batch(self) -> str:
        """What is to be handed on now."""
        with self._lock:
            text, self._ready, self.waiting = "".join(self._ready), [], 0
        return text

    def mute(self) -> None:
        """Let writes pass without listening."""
        self._open = False

    def close(self) -> str:
        """Give the stream its write back and return all that is left."""
        self.mute()
        if vars(self._stream).get("write") is self._installed:
            if self._replaced is None:
                del self._stream.write
            else:
                self._stream.write = self._replaced
        with self._lock:
            self._take(self._lines.rest())
            self._ready.append(self._kept.tail())
        return self.batch()


class Tee:
    """Copies stdout and stderr to ``sink("stdout" | "stderr", text)`` from `start` to `stop`.

    Per stream at most `limit` characters are handed on, the first half while it is written and the last half
    at the end, with a marker of how much was left out in between. Texts are masked and handed on in batches:
    when one has `BATCH` characters, at the latest `DELAY` seconds after a write, and at `stop`. The order
    within a stream is kept. Writes of other threads count too, those of forked children do not. Errors of the
    sink stop nothing.
    """

    def __init__(self, sink: Sink, limit: int = LIMIT) -> None:
        self._sink = sink
        self._limit = limit
        self._streams: list[_Stream] = []
        self._timer: threading.Timer | None = None
        self._handing = threading.Lock()

    def start(self) -> None:
        """Begin to listen. A stream that cannot be wrapped (None, or without attributes) is left out."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if hasattr(stream, "__dict__") and callable(getattr(stream, "write", None)):
                with contained():
                    self._streams.append(_Stream(name, stream, self._limit, self._heard))

    def stop(self) -> None:
        """Give the streams back and hand on what is left. May be called again."""
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.mute()
        left = [(stream.name, stream.close()) for stream in streams]
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        handing = self._handing.acquire(timeout=5)  # a batch under way goes first
        try:
            for name, text in left:
                self._hand(name, text)
        finally:
            if handing:
                self._handing.release()

    def _heard(self) -> None:
        if any(stream.waiting >= BATCH for stream in self._streams):
            self.flush()
        elif self._timer is None and any(stream.waiting for stream in self._streams):
            timer = self._timer = threading.Timer(DELAY, self._late)
            timer.daemon = True
            with contained():
                timer.start()

    def _late(self) -> None:
        self._timer = None
        self.flush()

    def flush(self) -> None:
        """Hand on what is waiting. Returns at once while another thread, or the sink itself, is doing so."""
        if self._handing.locked():
            return
        with self._handing:  # unlike a call of acquire, no interrupt can come between taking and releasing
            for stream in self._streams:
                self._hand(stream.name, stream.batch())

    def _hand(self, name: str, text: str) -> None:
        if text:
            with contained():
                self._sink(name, mask(text)[0])

    def __enter__(self) -> Tee:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
