"""Names of parametrized cases that are the same in every process."""

from __future__ import annotations

import re


def case(value: object) -> str:
    """A short name for a test's parameter, without the address that `repr` may show."""
    return re.sub(r"( object)? at 0x[0-9a-f]+", "", repr(value))[:40]
