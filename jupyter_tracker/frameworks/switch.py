"""Whether training is recorded here and now, and how much of it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What `autolog` was told.

    `everywhere` is True: in any active run; None: in tracked cells; False: nowhere.
    """

    everywhere: bool | None = None
    excluded: frozenset[str] = frozenset()
    rows: int = 20_000
    candidates: int = 50


settings = Settings()
depth = 0


def on() -> bool:
    """Return whether training is recorded if there is an active run."""
    return settings.everywhere is not False and (depth > 0 or settings.everywhere is True)
