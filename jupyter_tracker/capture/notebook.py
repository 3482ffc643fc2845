"""Which notebook and which of its cells is being executed.

A kernel is not told its notebook by the protocol. Front ends leave traces in different places; the functions
here read them from values that are handed in, in order of trust. Only `ask_servers` goes over the network: it
asks the Jupyter servers of this machine, which takes time and therefore runs on a thread (`Locator`).
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_KERNEL_ID = re.compile(r"kernel-([0-9a-f][0-9a-f-]{20,50})\.json$")
# VS Code opens its session on a remote server under the notebook's name with a made-up id in it.
_VSCODE_SUFFIX = re.compile(r"-jvsc-[0-9a-f-]{32,36}(?=\.ipynb$|$)")


@dataclass(frozen=True)
class Notebook:
    """A notebook file as far as it is known.

    `path` is absolute where the file is on this machine, otherwise what the front end says (None when it only
    tells a name); `name` is the file's name; `source` says from where it is known.
    """

    name: str
    path: str | None
    source: str


def _from_path(path: str, source: str, base: str | None = None) -> Notebook:
    path = _VSCODE_SUFFIX.sub("", path)
    if base is not None and not os.path.isabs(path) and "://" not in path:
        path = os.path.normpath(os.path.join(base, path))
    return Notebook(re.split(r"[/\\]", path.rstrip("/\\"))[-1], path, source)


def find_notebook(
    environ: Mapping[str, str], namespace: Mapping[str, Any], parent: Mapping[str, Any], cwd: str
) -> Notebook | None:
    """The notebook from what front ends leave behind; None when nothing is there.

    `namespace` is the user's, `parent` the execute request being answered (IPython's parent message).
    """
    for candidate in (
        _from_vscode(namespace, parent),
        _from_papermill(environ, namespace, cwd),
        _from_colab(environ, namespace),
        _from_session(environ, namespace, cwd),
    ):
        if candidate is not None:
            return candidate
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _from_vscode(namespace: Mapping[str, Any], parent: Mapping[str, Any]) -> Notebook | None:
    if path := _text(namespace.get("__vsc_ipynb_file__")):
        return _from_path(path, "vscode")
    uri = urlsplit(_metadata_cell_id(parent))
    if uri.scheme.startswith("vscode-notebook-cell") and uri.path:
        return _from_path(_file_path(unquote(uri.path)), "vscode")
    return None


def _file_path(path: str) -> str:
    """``/c:/x`` of a Windows URI is ``c:/x``."""
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _from_papermill(environ: Mapping[str, str], namespace: Mapping[str, Any], cwd: str) -> Notebook | None:
    """Papermill injects the paths when asked to; quarto and nbclient users set a variable."""
    for name in (
        "PAPERMILL_INPUT_PATH",
        "PAPERMILL_OUTPUT_PATH",
        "NBCLIENT_NOTEBOOK_PATH",
        "QUARTO_DOCUMENT_FILE",
    ):
        if path := _text(namespace.get(name)) or environ.get(name, ""):
            return _from_path(path, name.partition("_")[0].lower(), cwd)
    return None


def _from_colab(environ: Mapping[str, str], namespace: Mapping[str, Any]) -> Notebook | None:
    """On Colab the notebook is a Drive file: its id stands in for the path."""
    if "COLAB_RELEASE_TAG" not in environ and "COLAB_GPU" not in environ:
        return None
    session = _text(namespace.get("__session__")) or environ.get("JPY_SESSION_NAME", "")
    _, known, tail = unquote(session).rpartition("fileId=")
    file_id = environ.get("COLAB_NOTEBOOK_ID", "") or (unquote(tail).rpartition("/")[2] if known else "")
    if not file_id:
        return None
    return Notebook(file_id, f"https://colab.research.google.com/drive/{file_id}", "colab")


def _from_session(environ: Mapping[str, str], namespace: Mapping[str, Any], cwd: str) -> Notebook | None:
    """Jupyter Server tells a kernel the path of its session, which for a console is no file."""
    path = environ.get("JPY_SESSION_NAME", "") or _text(namespace.get("__session__"))
    if not path or re.match(r"console-\d", os.path.basename(path)):
        return None
    # A path relative to the server's root: the kernel was started in the folder of the notebook.
    relative = not os.path.isabs(path) and not os.path.exists(os.path.join(cwd, path))
    return _from_path(os.path.basename(path) if relative else path, "session", cwd)


def find_cell_id(parent: Mapping[str, Any], info: Any = None) -> str | None:
    """The id of the cell being executed: stable while the notebook is edited where the front end keeps ids.

    JupyterLab and Notebook send it in the request's metadata, VS Code sends a URI whose fragment names the
    cell, Colab has its own key; `info` is IPython's ``ExecutionInfo``, which carries the same since IPython
    8.
    """
    cell_id = _metadata_cell_id(parent) or _text(getattr(info, "cell_id", None))
    if cell_id.startswith("vscode-notebook-cell"):
        cell_id = urlsplit(cell_id).fragment or cell_id
    return cell_id or None


def _metadata_cell_id(parent: Mapping[str, Any]) -> str:
    metadata = parent.get("metadata")
    if not isinstance(metadata, Mapping):
        return ""
    colab = metadata.get("colab")
    nested = _text(colab.get("cell_id")) if isinstance(colab, Mapping) else ""
    return _text(metadata.get("cellId")) or nested or _text(metadata.get("cell_id"))


def parent_message(shell: Any) -> Mapping[str, Any]:
    """The message the kernel behind `shell` is answering; empty in a terminal."""
    get_parent = getattr(shell, "get_parent", None)
    parent = get_parent() if callable(get_parent) else None
    return parent if isinstance(parent, Mapping) else {}


def kernel_id(connection_file: str) -> str | None:
    """The server's id of a kernel, which is in the name of its connection file."""
    match = _KERNEL_ID.search(connection_file)
    return match[1] if match else None


def servers(runtime: str | Path, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(url, token, root folder) of the Jupyter servers that may own this kernel; the newest first.

    Servers write a file ``jpserver-*.json`` (or ``nbserver-*.json``) into the runtime folder of their user.
    """
    files = [path for kind in ("jpserver", "nbserver") for path in Path(runtime).glob(f"{kind}-*.json")]
    for path in sorted(files, key=_modified, reverse=True):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(entry, dict) and _text(entry.get("url")):
            token = _text(entry.get("token")) or environ.get("JPY_API_TOKEN", "")
            yield entry["url"], token, _text(entry.get("root_dir")) or _text(entry.get("notebook_dir"))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def ask_servers(
    kernel: str, candidates: Iterable[tuple[str, str, str]], timeout: float = 0.5
) -> Notebook | None:
    """The notebook whose session has `kernel`, asked of each server in turn; None when none knows it."""
    for url, token, root in candidates:
        for session in _sessions(url, token, timeout):
            kernel_model = session.get("kernel")
            path = _text(session.get("path"))
            if path and isinstance(kernel_model, dict) and kernel_model.get("id") == kernel:
                return _from_path(path.lstrip("/") if root else path, "server", root or None)
    return None


def _sessions(url: str, token: str, timeout: float) -> list[dict[str, Any]]:
    from urllib.request import ProxyHandler, Request, build_opener

    if urlsplit(url).scheme not in ("http", "https"):
        return []
    request = Request(
        url.rstrip("/") + "/api/sessions", headers={"Authorization": f"token {token}"} if token else {}
    )
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=timeout) as answer:
            sessions = json.loads(answer.read(4_000_000))
    except (OSError, ValueError):
        return []
    return (
        [session for session in sessions if isinstance(session, dict)] if isinstance(sessions, list) else []
    )


class Locator:
    """Knows the notebook of one shell without ever making a cell wait.

    The first `notebook()` that finds no trace, or a trace of a file that is gone (renamed since the kernel
    started), starts a thread that asks the servers once; until it has an answer the trace, or None, is
    returned.
    """

    def __init__(self, shell: Any, *, runtime: str | None = None, timeout: float = 0.5) -> None:
        self._shell = shell
        self._runtime = runtime
        self._timeout = timeout
        self._asked: threading.Thread | None = None
        self._answer: Notebook | None = None

    def notebook(self) -> Notebook | None:
        """What is known now. Takes microseconds."""
        namespace = getattr(self._shell, "user_ns", {})
        trace = find_notebook(os.environ, namespace, parent_message(self._shell), os.getcwd())
        if trace is not None and (trace.source != "session" or os.path.exists(trace.path or "")):
            return trace
        if self._asked is None:
            self._asked = threading.Thread(target=self._ask, name="jupyter-tracker-notebook", daemon=True)
            self._asked.start()
        return self._answer or trace

    def wait(self, timeout: float) -> Notebook | None:
        """What is known once the servers have answered, or after `timeout` seconds."""
        found = self.notebook()
        if self._asked is not None:
            self._asked.join(timeout)
            found = self.notebook()
        return found

    def _ask(self) -> None:
        file = _connection_file()
        kernel = kernel_id(file)
        if kernel is not None:
            runtime = self._runtime or os.path.dirname(os.path.abspath(file))
            self._answer = ask_servers(kernel, servers(runtime, os.environ), self._timeout)


def _connection_file() -> str:
    """The connection file of the kernel in this process, "" outside of one."""
    if "ipykernel.kernelapp" not in sys.modules:
        return ""
    from ipykernel.connect import get_connection_file

    try:
        return str(get_connection_file())
    except RuntimeError:
        return ""
