"""Every question a door may ask of the store, by name.

Panel, server, CLI, magics and saved snapshots all go through `dispatch`; `QUERIES` lists what there is, with
typed parameters and typed rows. In rows, times are integers (microseconds, UTC), and a number that JSON
cannot carry is one of the strings "NaN", "Infinity", "-Infinity".
"""

from __future__ import annotations

from . import details, keys, runs, series, standing
from .registry import QUERIES, Query, dispatch

__all__ = ["QUERIES", "Query", "details", "dispatch", "keys", "runs", "series", "standing"]
