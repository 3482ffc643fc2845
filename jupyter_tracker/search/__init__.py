"""Searching runs: a filter grammar, an order, pages. docs/search.md is its reference for users.

A filter is text of a user and never becomes SQL: it is parsed into a checked tree whose names come
from a table of ours and whose keys and values are bound.
"""

from __future__ import annotations

from .page import Page, search
from .parse import parse
from .sql import suggest, to_sql
from .tree import Node

__all__ = ["Node", "Page", "parse", "search", "suggest", "to_sql"]
