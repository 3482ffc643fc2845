"""What stands under a tracked cell, in a real JupyterLab."""

from __future__ import annotations

from lab import START, Lab
from playwright.sync_api import expect

LOAD = "%load_ext jupyter_tracker"
FAILING = """%%track broken --experiment failing
rate = 0.1
loss = min([1.5, 2.5])
raise RuntimeError("the data ran out")"""
AFTER = "print('not reached')"


def test_a_failing_cell_shows_its_traceback_and_its_summary(lab: Lab) -> None:
    lab.write("failing.ipynb", LOAD, FAILING, AFTER)
    lab.open("failing.ipynb")
    lab.run_all()

    cell = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(1)
    traceback = cell.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    expect(traceback).to_contain_text("RuntimeError: the data ran out", timeout=START)
    expect(traceback).not_to_contain_text("jupyter_tracker")
    summary = cell.locator(".jp-OutputArea-output .jupyter-tracker-summary")
    expect(summary).to_have_count(1)
    expect(summary).to_contain_text("failed")
    expect(summary).to_contain_text("loss")

    after = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(2)
    expect(after.locator(".jp-OutputArea-output")).to_have_count(0)

    run = lab.sidebar().get_by_role("treeitem", name="broken")
    expect(run).to_contain_text("1.5", timeout=15_000)
    lab.photograph("failed-light")
    lab.theme("JupyterLab Dark")
    lab.photograph("failed-dark")
