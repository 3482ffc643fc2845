"""Every error that jupyter_tracker raises on purpose, each also the builtin a caller would expect."""

from __future__ import annotations


class TrackerError(Exception):
    """Root of all errors of this package.

    `message` says what is wrong, `hint` how to mend it. Both are written for the user:
    doors (magics, CLI, server) show them as they are and never show a traceback of ours.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), self.message, self.hint))


def _restore(kind: type[TrackerError], message: str, hint: str) -> TrackerError:
    return kind(message, hint=hint)


class NotFound(TrackerError, KeyError):
    """A run, experiment, model or file of that name does not exist."""


class Invalid(TrackerError, ValueError):
    """The input is wrong; nothing was recorded because of it."""


class Conflict(TrackerError, RuntimeError):
    """The change contradicts what is already there, for example a name in use."""


class StoreBusy(TrackerError, OSError):
    """Another process held the store for longer than the caller would wait."""


class Corrupt(TrackerError, ValueError):
    """Bytes on disk are not what was written: a bad checksum, a torn or foreign line."""
