"""The magics: `%%track`, `%track`, `%runs`, `%compare` and `%%tracker_sql`.

`%load_ext jupyter_tracker` registers them; `%track?` and the others show their help.
"""

from __future__ import annotations

from typing import Any

from .commands import TrackerMagics
from .completion import complete
from .session import Session

_sessions: dict[int, Session] = {}


def load(shell: Any) -> None:
    """Register the magics with `shell` and follow its cells; doing it again changes nothing."""
    if id(shell) in _sessions:
        return
    session = _sessions[id(shell)] = Session(shell)
    session.start()
    shell.register_magics(TrackerMagics(shell, session))
    for command in ("track", "%track", "%%track", "%runs", "%compare"):
        shell.set_hook("complete_command", complete, str_key=command)


def unload(shell: Any) -> None:
    """Stop following `shell` and take the magics away."""
    session = _sessions.pop(id(shell), None)
    if session is None:
        return
    session.stop()
    for kind, names in {"line": ("track", "runs", "compare"), "cell": ("track", "tracker_sql")}.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
