"""The derived, queryable side of a root: a DuckDB database that grows from the journals and may be deleted."""

from __future__ import annotations

from .index import Store
from .ingest import IngestReport

__all__ = ["IngestReport", "Store"]
