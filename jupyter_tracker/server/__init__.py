"""The door for browsers: an extension of the Jupyter server, thin, without state of its own."""

from __future__ import annotations
