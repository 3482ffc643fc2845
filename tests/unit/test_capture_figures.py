"""Figures and images of real libraries as bytes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import altair as alt
import matplotlib
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from jupyter_tracker.capture.figures import figure_bytes, image_bytes, png, vega_mime
from jupyter_tracker.errors import Invalid

matplotlib.use("agg")
from matplotlib import pyplot as plt

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def figure() -> Any:
    fig, axes = plt.subplots(1, 2)
    axes[0].plot([1, 2, 3])
    yield fig
    plt.close("all")


@pytest.fixture
def chart() -> alt.Chart:
    return alt.Chart(pd.DataFrame({"x": [1, 2], "y": [3, 4]})).mark_line().encode(x="x", y="y")


@pytest.mark.parametrize(
    ("suffix", "begin", "mime"),
    [
        (".png", PNG, "image/png"),
        ("PNG", PNG, "image/png"),
        (".svg", b"<?xml", "image/svg+xml"),
        (".pdf", b"%PDF", "application/pdf"),
        (".jpg", b"\xff\xd8", "image/jpeg"),
    ],
)
def test_matplotlib(figure: Any, suffix: str, begin: bytes, mime: str) -> None:
    content, told = figure_bytes(figure, suffix)
    assert content.startswith(begin)
    assert told == mime


def test_axes_arrays_of_axes_and_pyplot_stand_for_their_figure(figure: Any) -> None:
    size = Image.open(io.BytesIO(figure_bytes(figure)[0])).size
    for other in (figure.axes[0], np.array(figure.axes), plt):
        assert Image.open(io.BytesIO(figure_bytes(other)[0])).size == size


def test_altair(chart: alt.Chart) -> None:
    content, mime = figure_bytes(chart, ".json")
    assert json.loads(content)["mark"]["type"] == "line"
    assert mime.startswith("application/vnd.vegalite.v")
    assert b"<script" in figure_bytes(chart, ".html")[0]
    assert figure_bytes(chart, ".png")[0].startswith(PNG)
    assert b"<svg" in figure_bytes(chart, ".svg")[0][:500]


def test_altair_without_a_converter(chart: alt.Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(Invalid, match="vl-convert-python"):
        figure_bytes(chart, ".png")
    assert figure_bytes(chart, ".json")


def test_plotly() -> None:
    fig = go.Figure(go.Scatter(x=[1, 2], y=np.array([3, 4])))
    content, mime = figure_bytes(fig, ".json")
    assert json.loads(content)["data"][0]["type"] == "scatter"
    assert mime == "application/vnd.plotly.v1+json"
    assert b"<html" in figure_bytes(fig, ".html")[0]


def test_plotly_without_kaleido(monkeypatch: pytest.MonkeyPatch) -> None:
    import plotly.io._kaleido as kaleido

    if kaleido.kaleido_available():
        pytest.skip("kaleido is installed")
    with pytest.raises(Invalid, match="kaleido"):
        figure_bytes(go.Figure(), ".png")


@pytest.mark.parametrize("suffix", [".xyz", ".docx", ""])
def test_an_unknown_format_names_the_known(figure: Any, chart: alt.Chart, suffix: str) -> None:
    for fig in (figure, chart, go.Figure(), Image.new("L", (2, 2))):
        with pytest.raises(Invalid, match=r"\.png"):
            figure_bytes(fig, suffix)


def decoded(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)))


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
RGB = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)
RGBA = np.concatenate([RGB, np.full((3, 4, 1), 128, np.uint8)], axis=2)


@pytest.mark.parametrize("pixels", [GREY, RGB, RGBA, GREY[:, :, None]], ids=["grey", "rgb", "rgba", "one"])
def test_arrays_come_back_as_they_were(pixels: Any) -> None:
    content, mime = image_bytes(pixels)
    assert mime == "image/png"
    assert (decoded(content) == pixels.squeeze()).all()
    three = pixels if pixels.ndim == 3 else pixels[:, :, None]
    assert (decoded(png(np.ascontiguousarray(three))) == pixels.squeeze()).all()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0.0, 0.5, 1.0]]), [[0, 128, 255]]),
        (np.array([[0.0, 127.6, 255.0]]), [[0, 128, 255]]),
        (np.array([[0.0, np.nan]]), [[0, 0]]),
        (np.array([[0, 255]], dtype=np.int64), [[0, 255]]),
        (np.array([[0.25, 0.75]], dtype=np.float16), [[64, 191]]),
        ([[0, 1], [2, 3]], [[0, 1], [2, 3]]),
    ],
)
def test_brightness(array: Any, expected: list[list[int]]) -> None:
    assert decoded(image_bytes(array)[0]).tolist() == expected


def test_channels_first_as_tensors_are() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        def cpu(self) -> Any:
            return RGB.transpose(2, 0, 1)

    assert (decoded(image_bytes(Tensor())[0]) == RGB).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 2, 2, 2)), "shape"),
        (np.zeros((0, 2)), "shape"),
        (np.zeros((5, 5, 7)), "shape"),
        (np.array([[300]]), "300"),
        (np.array([[-1.0, 0.5]]), "-1"),
        (np.array([["a"]]), "type"),
        (object(), "object"),
        ("text", "shape"),
        (b"not an image", "PNG"),
    ],
)
def test_what_is_no_image_is_said(value: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        image_bytes(value)


def test_pil_images_and_encoded_bytes() -> None:
    image = Image.fromarray(RGBA)
    assert (decoded(image_bytes(image)[0]) == RGBA).all()
    assert image_bytes(image, ".jpg")[1] == "image/jpeg"
    assert image_bytes(RGB, ".webp")[0].startswith(b"RIFF")
    encoded = image_bytes(GREY)[0]
    assert image_bytes(encoded) == (encoded, "image/png")


def test_without_pillow_a_png_is_written_all_the_same() -> None:
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy as np\n"
        "from jupyter_tracker.capture.figures import image_bytes\n"
        "from jupyter_tracker.errors import Invalid\n"
        "a = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)\n"
        "sys.stdout.buffer.write(image_bytes(a)[0])\n"
        "try: image_bytes(a, '.jpg')\n"
        "except Invalid as e: sys.stderr.write(str(e))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, timeout=60
    )
    assert (decoded(done.stdout) == np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).all()
    assert b"pip install pillow" in done.stderr


@pytest.mark.parametrize(
    ("schema", "mime"),
    [
        ("https://vega.github.io/schema/vega-lite/v6.1.0.json", "application/vnd.vegalite.v6+json"),
        ("https://vega.github.io/schema/vega-lite/v5.json", "application/vnd.vegalite.v5+json"),
        ("https://vega.github.io/schema/vega/v5.json", "application/vnd.vega.v5+json"),
        ("", "application/json"),
    ],
)
def test_vega_mime(schema: str, mime: str) -> None:
    assert vega_mime({"$schema": schema}) == mime
