"""The calls of a library's functions that are the user's own, and who records them.

A call is the user's when no other observed call is at work in its thread and the library did not
make it: what a pipeline, a search or an ensemble fits inside is left alone, in its own thread, in
joblib's threads and in worker processes.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from ..fluent import active_run
from ..run import Run
from . import switch
from .trainings import Training

LIBRARIES = frozenset({"sklearn", "xgboost", "lightgbm", "joblib", __name__.partition(".")[0]})

Finish = Callable[[Any], None]
Observer = Callable[["Call"], "Finish | None"]
observers: dict[str, Observer] = {}
on = switch.on


@dataclass(slots=True)
class Call:
    """One call of the user's while it is recorded.

    An observer may add to `options`; they go to the library as they are then. `follows` names the
    function whose calls inside this one are observed as well.
    """

    run: Run
    function: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    frame: FrameType | None
    outer: Call | None
    follows: str = ""
    training: Training | None = None
    finish: Finish | None = None

    def argument(self, place: int, *names: str) -> Any:
        """Return the argument at a place or under one of its names, None when it was not given."""
        if len(self.args) > place:
            return self.args[place]
        return next((self.options[name] for name in names if name in self.options), None)

    def is_of(self, args: tuple[Any, ...]) -> bool:
        """Return whether a call with `args` is for the same object."""
        return bool(args and self.args) and args[0] is self.args[0]


@dataclass
class _Thread(threading.local):
    calls: list[Call | None] = field(default_factory=list)


_thread = _Thread()


def observed(observer: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what `original` does and lets an observer record it.

    The function looks the tracker up when called: a class of the user's that is sent to a process
    without the tracker takes this wrapper along and works there.
    """

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        calls = sys.modules.get("jupyter_tracker.frameworks.calls")
        if calls is None or not calls.on():
            return original(*args, **options)
        seen = calls.enter(observer, original.__name__, args, options)
        try:
            result = original(*args, **options)
        finally:
            calls.leave()
        if seen is not None:
            calls.finish(seen, result)
        return result

    return call


def enter(observer: str, function: str, args: tuple[Any, ...], options: dict[str, Any]) -> Call | None:
    """Begin an observed call; returns None when nothing of it is recorded. Raises nothing. `leave` must follow."""
    calls = _thread.calls
    outer = calls[-1] if calls else None
    if outer is not None and outer.is_of(args):
        calls.append(outer)  # what a method inherits: the same training goes on
        return None
    frame = sys._getframe(2)  # noqa: SLF001  (the documented way to the caller)
    followed = outer is not None and outer.follows == observer
    call = None
    if followed or (not calls and _is_users(frame)):
        run = active_run()
        if run is not None:
            call = Call(run, function, args, options, frame, outer if followed else None)
            call.finish = _observe(observer, call)
            call.frame = None
    calls.append(call if call is not None and call.finish is not None else None)
    return calls[-1]


def _observe(observer: str, call: Call) -> Finish | None:
    with call.run.contained(f"the beginning of {call.function}", misuse=True):
        return observers[observer](call)
    return None  # type: ignore[unreachable]  # contained ends the block on an error


def leave() -> None:
    """End the innermost observed call of this thread."""
    if _thread.calls:
        _thread.calls.pop()


def finish(call: Call, result: Any) -> None:
    """Record what the call gave. Raises nothing; the library's functions called meanwhile are not the user's."""
    _thread.calls.append(None)
    try:
        with call.run.contained(f"the result of {call.function}", misuse=True):
            if call.finish is not None:
                call.finish(result)
    finally:
        _thread.calls.pop()


def forget() -> None:
    """Forget calls of this thread that an interrupt tore out of their `leave`."""
    _thread.calls.clear()


def _is_users(frame: FrameType) -> bool:
    return _package(frame) not in LIBRARIES and not _in_worker(frame)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _in_worker(frame: FrameType | None) -> bool:
    """Whether joblib started what runs here, in a thread or process of its own."""
    if threading.current_thread() is threading.main_thread() and _process_is_main():
        return False
    while frame is not None:
        if _package(frame) == "joblib":
            return True
        frame = frame.f_back
    return False


def _process_is_main() -> bool:
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is None or multiprocessing.parent_process() is None
