"""Displayed figures of real libraries, in a shell and in a kernel."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import plotly.graph_objects as go
import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from jupyter_tracker.capture.displays import WRITES, DisplayTap, figure_files

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


class Files:
    """A sink that keeps the files and how often each was written."""

    def __init__(self) -> None:
        self.content: dict[str, tuple[bytes, str]] = {}
        self.writes = 0

    def __call__(self, name: str, content: bytes, mime: str) -> None:
        self.content[name] = content, mime
        self.writes += 1


@pytest.fixture
def shell() -> Iterator[Any]:
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def files() -> Files:
    return Files()


def publish(shell: Any, bundle: dict[str, Any], **kwargs: Any) -> None:
    shell.display_pub.publish(bundle, **kwargs)


def test_bundles() -> None:
    spec = {"$schema": "s", "mark": "bar"}
    assert figure_files({"text/plain": "x", "text/html": "<svg>"}) == []
    assert figure_files({"image/png": PNG}) == [(".png", PNG, "image/png")]
    assert figure_files({"image/png": base64.b64encode(PNG).decode() + "\n"}) == [(".png", PNG, "image/png")]
    assert figure_files({"image/png": PNG, "image/svg+xml": "<svg/>"}) == [
        (".svg", b"<svg/>", "image/svg+xml")
    ]
    mime = "application/vnd.vegalite.v6+json"
    assert figure_files({mime: spec, "image/png": PNG}) == [
        (".vl.json", json.dumps(spec).encode(), mime),
        (".png", PNG, "image/png"),
    ]


def test_published_and_returned_figures(shell: Any, files: Files) -> None:
    before = dict(vars(shell.display_pub)), dict(vars(shell.displayhook))
    tap = DisplayTap(shell, files)
    tap.start()
    publish(shell, {"image/png": PNG, "text/plain": "<Figure>"})
    publish(shell, {"text/html": "<b>no figure</b>"})
    chart = alt.Chart(pd.DataFrame({"x": [1], "y": [2]})).mark_point().encode(x="x", y="y")
    fig = go.Figure(go.Scatter(x=[1], y=[2]))
    shell.user_ns.update(chart=chart, fig=fig)
    shell.run_cell("chart")
    shell.run_cell("from IPython.display import display\ndisplay(chart)")
    shell.run_cell("import plotly.io; plotly.io.renderers.default = 'plotly_mimetype'\nfig.show()")
    shell.run_cell("from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>')")
    tap.stop()
    tap.stop()
    publish(shell, {"image/png": PNG})
    names = ["001.png", "002.vl.json", "003.vl.json", "004.plotly.json", "005.svg"]
    assert list(files.content) == [f"figures/{name}" for name in names]
    assert json.loads(files.content["figures/002.vl.json"][0])["mark"]["type"] == "point"
    assert json.loads(files.content["figures/004.plotly.json"][0])["data"][0]["type"] == "scatter"
    assert "publish" not in vars(shell.display_pub)
    assert before[0].keys() == vars(shell.display_pub).keys()
    assert "write_format_data" not in vars(shell.displayhook)
    assert "format" not in vars(shell.display_formatter)


@pytest.mark.parametrize("renderer", ["html", "mimetype", "png", "jupyterlab"])
def test_a_chart_under_each_renderer(shell: Any, files: Files, renderer: str) -> None:
    tap = DisplayTap(shell, files)
    shell.user_ns["chart"] = alt.Chart(pd.DataFrame({"x": [1], "y": [2]})).mark_point().encode(x="x", y="y")
    with alt.renderers.enable(renderer):
        tap.start()
        shell.run_cell("chart")
        tap.stop()
    assert list(files.content) == ["figures/001.png" if renderer == "png" else "figures/001.vl.json"]


def test_captured_displays_are_left_to_their_capture(shell: Any, files: Files) -> None:
    tap = DisplayTap(shell, files)
    tap.start()
    shell.run_cell("%%capture kept\nfrom IPython.display import SVG, display\ndisplay(SVG('<svg></svg>'))")
    tap.stop()
    assert files.content == {}
    assert len(shell.user_ns["kept"].outputs) == 1


def test_updates_and_cleared_outputs_replace(shell: Any, files: Files) -> None:
    tap = DisplayTap(shell, files)
    tap.start()
    publish(shell, {"image/png": PNG + b"1"}, transient={"display_id": "a"})
    publish(shell, {"image/png": PNG + b"2"})
    publish(shell, {"image/png": PNG + b"3"}, transient={"display_id": "a"}, update=True)
    assert [content[-1:] for content, _ in files.content.values()] == [b"3", b"2"]
    shell.display_pub.clear_output(wait=True)
    publish(shell, {"image/png": PNG + b"4"})
    tap.stop()
    assert {name: content[-1:] for name, (content, _) in files.content.items()} == {
        "figures/001.png": b"4",
        "figures/002.png": b"2",
    }


def test_an_animation_is_written_a_limited_number_of_times(shell: Any, files: Files) -> None:
    tap = DisplayTap(shell, files)
    tap.start()
    for frame in range(1000):
        shell.display_pub.clear_output(wait=True)
        publish(shell, {"image/png": PNG + str(frame).encode()})
    tap.stop()
    assert files.writes == WRITES + 1
    assert files.content["figures/001.png"][0].endswith(b"999")


def test_limits(shell: Any, files: Files) -> None:
    tap = DisplayTap(shell, files, count=2, size=1000)
    tap.start()
    publish(shell, {"image/png": PNG + bytes(2000)})
    for _ in range(3):
        publish(shell, {"image/png": PNG})
    tap.stop()
    assert list(files.content) == ["figures/002.png"]
    assert tap.left_out == 3


def test_a_broken_sink_or_bundle_disturbs_nothing(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def sink(name: str, content: bytes, mime: str) -> None:
        raise OSError("disk full")

    tap = DisplayTap(shell, sink)
    tap.start()
    publish(shell, {"image/png": PNG, "text/plain": "shown"})
    publish(shell, {"image/png": "not base64 ö", "text/plain": "shown too"})
    tap.stop()
    assert capsys.readouterr().out.split() == ["shown", "shown", "too"]


KERNEL = """
%matplotlib inline
import matplotlib.pyplot as plt
from jupyter_tracker.capture.displays import DisplayTap
files = []
"""
TAPPED = """
tap = DisplayTap(get_ipython(), lambda name, content, mime: files.append((name, content[:4], mime)))
tap.start()
plt.plot([1, 2, 3])
plt.show()
plt.plot([3, 2, 1])
tap.stop(flush=FLUSH)
print(files)
"""


@pytest.mark.parametrize("flush", [True, False])
def test_inline_figures_of_a_real_kernel(tmp_path: Path, flush: bool) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "IPYTHONDIR": str(tmp_path)}
    env.pop("MPLBACKEND", None)
    manager, client = start_new_kernel(env=env, cwd=str(tmp_path))
    shown: list[str] = []
    errors: list[str] = []

    def hook(message: Any) -> None:
        if message["msg_type"] == "display_data":
            shown.append(message["content"]["data"]["text/plain"])
        elif message["msg_type"] == "stream":
            shown.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            errors.extend(message["content"]["traceback"])

    try:
        client.execute_interactive(KERNEL, timeout=60, output_hook=hook)
        client.execute_interactive(TAPPED.replace("FLUSH", str(flush)), timeout=60, output_hook=hook)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert errors == []
    figure, printed = (
        "<Figure size 640x480 with 1 Axes>",
        str([(f"figures/{n:03}.png", b"\x89PNG", "image/png") for n in (1, 2)]),
    )
    expected = [figure, figure, printed] if flush else [figure, printed, figure]
    assert [text.strip() for text in shown] == expected
