"""The one place where an error of a capture stops.

A capture observes the user's work. Whatever goes wrong in it must end as a reason in the record, never as an
exception in the user's cell, so everything that runs foreign or unforeseeable code goes through `contained`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def reason(error: BaseException) -> str:
    """One line that says what went wrong: ``TypeError: …``, at most 300 characters."""
    text = "(its message cannot be read)"
    with contained():
        text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:300].rstrip(": ")


@contextmanager
def contained(failed: Callable[[str], None] | None = None) -> Iterator[None]:
    """Run the body; an `Exception` in it ends the body and is handed to `failed` as one line.

    `KeyboardInterrupt`, `SystemExit` and `GeneratorExit` are the user's and pass through.
    """
    try:
        yield
    except Exception as error:
        if failed is not None:
            failed(reason(error))
