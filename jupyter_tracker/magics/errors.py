"""An error of this package in a notebook: a red line and a hint, never a traceback of ours."""

from __future__ import annotations

from html import escape
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display

from ..errors import TrackerError


class _Shown:
    def __init__(self, error: TrackerError) -> None:
        self.error = error

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        message, hint = escape(self.error.message), escape(self.error.hint)
        red, muted = "var(--jp-error-color1, #c62828)", "var(--jp-ui-font-color2, #666)"
        return {
            "text/plain": str(self.error),
            "text/html": (
                f'<div style="font-size:13px;white-space:pre-wrap"><span style="color:{red}">{message}</span>'
                f'<br><span style="color:{muted}">{hint}</span></div>'
            ),
        }


def show(error: TrackerError) -> None:
    """Show an error where the cell's output is; the cell goes on."""
    display(_Shown(error))


def usage(error: TrackerError) -> UsageError:
    """Return the error that stops a cell with one line instead of a traceback."""
    return UsageError(str(error))
