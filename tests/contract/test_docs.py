"""What the documentation shows is executed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import jupyter_tracker as jt

DOCS = Path(__file__).parents[2] / "docs"


def examples(page: str, heading: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}")[2]
    block = re.search(r"```\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].strip().splitlines()


@pytest.mark.parametrize("filter_", examples("search.md", "Examples"))
def test_every_filter_of_the_search_page_works(filter_: str, tmp_path: Path) -> None:
    jt.set_root(tmp_path)
    with jt.start_run("baseline", log_system_metrics=False) as run:
        run.log_params({"max_depth": 12, "booster": "dart"})
        run.log(rmse=0.3, acc=0.9)
    assert len(jt.runs(where=filter_)) in (0, 1)
    assert len(jt.runs()) == 1
