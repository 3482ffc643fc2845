"""A real kernel, driven as a notebook drives it."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

WAIT = 60


@dataclass
class Cell:
    """What one execution sent: `texts` of streams, `data` of displays and results in order, the error if there was one."""

    ename: str | None = None
    traceback: str = ""
    stream: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)

    @property
    def plain(self) -> str:
        return "\n".join(shown.get("text/plain", "") for shown in self.data)

    @property
    def html(self) -> str:
        return "\n".join(shown.get("text/html", "") for shown in self.data)


class Kernel:
    """Started in `directory`, whose runs it keeps."""

    def __init__(self, directory: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(directory), extra_arguments=["--log-level=ERROR"])
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT)

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def send(self, code: str, cell_id: str | None = None) -> str:
        """Ask for an execution as JupyterLab does, with the cell's id in the metadata; return the message's id."""
        message = self.client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
            metadata={"cellId": cell_id} if cell_id else {},
        )
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def run(self, code: str, cell_id: str | None = None) -> Cell:
        """Execute and wait for all that it sends."""
        return self.collect(self.send(code, cell_id))

    def collect(self, message_id: str) -> Cell:
        cell = Cell()
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != message_id:
                continue
            if self._take(cell, message["msg_type"], message["content"]):
                return cell
        raise TimeoutError(f"no answer to {message_id}")

    @staticmethod
    def _take(cell: Cell, kind: str, content: dict[str, Any]) -> bool:
        if kind == "stream":
            cell.stream += content["text"]
        elif kind in ("display_data", "execute_result"):
            cell.data.append(content["data"])
        elif kind == "error":
            cell.ename, cell.traceback = content["ename"], "\n".join(content["traceback"])
        return kind == "status" and content["execution_state"] == "idle"

    def stop(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
