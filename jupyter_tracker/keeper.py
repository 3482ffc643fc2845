"""The keeper: one thread per process that looks after every open journal once a second."""

from __future__ import annotations

import threading
from typing import Protocol

PERIOD = 1.0


class Kept(Protocol):
    def tick(self) -> None: ...


class _Keeper:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watched: set[Kept] = set()
        self.thread: threading.Thread | None = None
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(PERIOD):
            with self.lock:
                watched = list(self.watched)
                if not watched:
                    self.thread = None
                    return
            for one in watched:
                one.tick()


_keeper = _Keeper()


def watch(one: Kept) -> None:
    """Call `one.tick()` about once a second from now on, in a daemon thread."""
    with _keeper.lock:
        _keeper.watched.add(one)
        if _keeper.thread is None:
            _keeper.thread = threading.Thread(target=_keeper.run, name="jupyter_tracker-keeper", daemon=True)
            _keeper.thread.start()


def forget(one: Kept) -> None:
    """Stop looking after `one`."""
    with _keeper.lock:
        _keeper.watched.discard(one)


def after_fork() -> None:
    """Start afresh in a forked child, which has none of its parent's threads."""
    global _keeper
    _keeper = _Keeper()
