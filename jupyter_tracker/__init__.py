"""jupyter_tracker: the experiment tracker that lives in the notebook.

Put `%%track` on a cell after `%load_ext jupyter_tracker`, or write
`with jupyter_tracker.start_run(): ...` anywhere. Everything below is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "errors": "TrackerError NotFound Invalid Conflict StoreBusy Corrupt",
    "entities": "Experiment",
    "run": "Run",
    "fluent": (
        "root set_root set_tracking_uri get_tracking_uri set_experiment start_run active_run last_active_run end_run"
        " log log_metric log_metrics log_param log_params set_tag set_tags delete_tag set_note log_artifact"
        " log_artifacts log_text log_dict log_figure log_image log_table log_input get_artifact_uri flush create_experiment"
        " get_experiment get_experiment_by_name rename_experiment delete_experiment restore_experiment"
        " set_experiment_tag set_experiment_tags delete_run restore_run"
    ),
    "reading": "runs get_run search_runs search_experiments sql compare",
    "frames": "Result",
    "frameworks": "autolog",
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605  (the names are loaded when first used)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("jupyter-tracker")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


def load_ipython_extension(shell: Any) -> None:
    """Register the magics with an IPython shell: `%load_ext jupyter_tracker`."""
    from .magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again: `%unload_ext jupyter_tracker`."""
    from .magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server what to load."""
    from .server.app import TrackerApp

    return [{"module": "jupyter_tracker", "app": TrackerApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell `jupyter-builder develop` where the built front end is."""
    return [{"src": "labextension", "dest": "jupyter-tracker"}]
