"""A notebook that tracks a cell, in a real JupyterLab."""

from __future__ import annotations

from lab import START, Lab
from playwright.sync_api import expect

LOAD = "%load_ext jupyter_tracker"
CELL = """%%track baseline --experiment churn
depth = 3
losses = [1 / (step + depth) for step in range(20)]
loss = min(losses)"""


def test_a_tracked_cell_has_a_summary_and_appears_in_the_sidebar_without_reload(lab: Lab) -> None:
    lab.write("churn.ipynb", LOAD, CELL)
    lab.open("churn.ipynb")
    sidebar = lab.sidebar()
    expect(sidebar).to_contain_text("%load_ext jupyter_tracker")
    lab.photograph("empty-light")

    lab.run_all()
    summary = lab.page.locator(".jp-OutputArea-output .jupyter-tracker-summary")
    expect(summary).to_contain_text("baseline", timeout=START)
    expect(summary).to_contain_text("loss")
    expect(summary).to_contain_text("depth")

    expect(sidebar.get_by_role("treeitem", name="churn")).to_be_visible(timeout=15_000)
    run = sidebar.get_by_role("treeitem", name="baseline")
    expect(run).to_be_visible(timeout=15_000)
    expect(run).to_contain_text("0.045")
    run.click()
    expect(sidebar).to_contain_text("depth")
    lab.photograph("run-light")
    lab.theme("JupyterLab Dark")
    lab.photograph("run-dark")
