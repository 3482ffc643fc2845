"""What the user calls a value: the name in the calling code, for the name of a metric."""

from __future__ import annotations

from types import FrameType
from typing import Any


def suffix(frame: FrameType | None, value: Any) -> str:
    """Return "_" and the variable that holds this very object where a call was made; "" when there is none.

    The notebook's or module's names are asked first, so that `y_test` is `y_test` also inside a function.
    """
    if frame is None or value is None or isinstance(value, (bool, int, float, str)):
        return ""
    for names in (frame.f_globals, frame.f_locals):
        for name, held in list(names.items()):
            if held is value and not name.startswith("_"):
                return f"_{name}"
    return ""
