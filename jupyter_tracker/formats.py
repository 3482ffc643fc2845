"""How numbers, durations and ages are written for people; one way everywhere."""

from __future__ import annotations

import json
import math
from typing import Any


def number(value: float) -> str:
    """Return a number in at most five significant digits: 0.42132, 12,345, 1.2e-07."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if not math.isfinite(value):
        return "NaN" if value != value else "∞" if value > 0 else "−∞"
    return f"{value:.5g}"


def duration(seconds: float | None) -> str:
    """Return a span of time: 85 ms, 2.3 s, 4 min 05 s, 3 h 07 min, 2 d 04 h."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    return f"{int(seconds // 86_400)} d {int(seconds % 86_400 // 3600):02d} h"


def age(seconds: float) -> str:
    """Return how long ago something was: just now, 5 min ago, 3 h ago, 2 d ago."""
    if seconds < 45:
        return "just now"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "1 min ago"


def size(count: int) -> str:
    """Return a number of bytes: 512 B, 1.5 kB, 20 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def value(shown: Any, limit: int = 60) -> str:
    """Return a param's value in one short line."""
    text = json.dumps(shown, ensure_ascii=False) if isinstance(shown, (list, dict)) else str(shown)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
