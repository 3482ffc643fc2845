"""JupyterLab as a person uses it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

SIDEBAR = "jupyter-tracker-experiments"
IDLE = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return context?.isReady && context.session?.kernel?.status === 'idle';
}"""
START = 60_000


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    notebooks: Path


@dataclass
class Lab:
    """One page with JupyterLab; `name` keeps its workspace and screenshots apart from those of others."""

    page: Page
    server: Server
    name: str
    screenshots: Path

    def write(self, name: str, *cells: str) -> None:
        """Put a notebook of these code cells into the server's directory."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, self.server.notebooks / name)

    def open(self, notebook: str) -> None:
        """Open a notebook and wait until its kernel can work."""
        address = (
            f"{self.server.url}/lab/workspaces/{self.name}/tree/{notebook}?token={self.server.token}&reset"
        )
        self.page.goto(address)
        self.page.wait_for_function(IDLE, timeout=START)

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def command(self, name: str, **arguments: str) -> None:
        self.page.evaluate(
            "([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments]
        )

    def sidebar(self) -> Locator:
        """Show the sidebar as a click on its icon does."""
        sidebar = self.page.locator(f"#{SIDEBAR}")
        if not sidebar.is_visible():
            self.page.locator(f'.jp-SideBar li[data-id="{SIDEBAR}"]').click()
        expect(sidebar).to_be_visible()
        return sidebar

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=name)
        light = "true" if name == "JupyterLab Light" else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def photograph(self, what: str) -> None:
        """Keep a picture for people to look at; the folder is ignored by git."""
        self.page.screenshot(path=self.screenshots / f"{what}.png")
