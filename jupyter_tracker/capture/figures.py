"""Figures and images of the usual libraries as bytes for a file.

A library is recognised by what its objects can do; none is imported that the user has not imported.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from jupyter_tracker.errors import Invalid

MIME = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".pdf": "application/pdf",
    ".eps": "application/postscript",
    ".ps": "application/postscript",
    ".html": "text/html",
}
PLOTLY = "application/vnd.plotly.v1+json"
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}


def figure_bytes(fig: Any, suffix: str = ".png") -> tuple[bytes, str]:
    """`fig` in the format named by `suffix` (".png", "svg", ".json" …), and its MIME type.

    `fig` is a matplotlib figure, axes or pyplot itself, anything with `savefig` (seaborn), an Altair chart, a
    Plotly figure, a PIL image or an array. Raises Invalid, naming what to install or which suffix to use,
    when that kind of figure cannot be written in that format.
    """
    suffix = "." + suffix.lower().lstrip(".")
    if (figure := _matplotlib(fig)) is not None:
        return _from_matplotlib(figure, suffix)
    if hasattr(fig, "to_plotly_json"):
        return _from_plotly(fig, suffix)
    if is_altair(fig):
        return _from_altair(fig, suffix)
    return image_bytes(fig, suffix)


def is_altair(value: Any) -> bool:
    """Whether `value` is a chart of Altair."""
    return hasattr(value, "to_dict") and hasattr(value, "to_html") and "altair" in _roots(value)


def _roots(value: Any) -> set[str]:
    """The top-level packages the classes of `value` come from."""
    return {str(cls.__module__).partition(".")[0] for cls in type(value).__mro__}


def _matplotlib(fig: Any) -> Any:
    """The object to call `savefig` on: of axes their figure, of an array of axes the figure of the first."""
    if hasattr(fig, "savefig"):
        return fig.gcf() if hasattr(fig, "gcf") else fig
    first = next(iter(fig.flat), fig) if hasattr(fig, "flat") else fig
    owner = first.get_figure() if hasattr(first, "get_figure") else None
    return owner if hasattr(owner, "savefig") else None


def _from_matplotlib(figure: Any, suffix: str) -> tuple[bytes, str]:
    canvas = getattr(getattr(figure, "figure", figure), "canvas", None)
    known = sorted(canvas.get_supported_filetypes()) if canvas is not None else list(MIME)
    if suffix[1:] not in known:
        raise _unknown("matplotlib", suffix, [f".{name}" for name in known])
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:])
    return buffer.getvalue(), MIME.get(suffix, "application/octet-stream")


def _from_altair(chart: Any, suffix: str) -> tuple[bytes, str]:
    if suffix == ".json":
        return chart.to_json().encode(), vega_mime(chart.to_dict())
    if suffix == ".html":
        return chart.to_html().encode(), MIME[suffix]
    if suffix not in (".png", ".svg", ".pdf"):
        raise _unknown("Altair", suffix, [".json", ".html", ".png", ".svg", ".pdf"])
    buffer: io.BytesIO | io.StringIO = io.StringIO() if suffix == ".svg" else io.BytesIO()
    try:
        chart.save(buffer, format=suffix[1:])
    except (ImportError, ValueError) as error:
        hint = 'pip install vl-convert-python, or log it as ".json" or ".html"'
        raise Invalid(f"Altair cannot write {suffix} here: {_line(error)}", hint=hint) from error
    text = buffer.getvalue()
    return text.encode() if isinstance(text, str) else text, MIME[suffix]


def vega_mime(spec: dict[str, Any]) -> str:
    """The MIME type notebooks use for a Vega or Vega-Lite specification, told from its ``$schema``."""
    kind, _, version = (
        str(spec.get("$schema", "")).removesuffix(".json").rpartition("/schema/")[2].partition("/v")
    )
    major = version.partition(".")[0]
    if not major.isdigit():
        return "application/json"
    return f"application/vnd.{'vega' if kind == 'vega' else 'vegalite'}.v{major}+json"


def _from_plotly(fig: Any, suffix: str) -> tuple[bytes, str]:
    if suffix == ".json":
        return fig.to_json().encode(), PLOTLY
    if suffix == ".html":
        return fig.to_html(include_plotlyjs="cdn").encode(), MIME[suffix]
    if suffix not in (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp"):
        raise _unknown("Plotly", suffix, [".json", ".html", ".png", ".svg", ".pdf", ".jpg", ".webp"])
    try:
        return bytes(fig.to_image(format=suffix[1:])), MIME[suffix]
    except (ImportError, ValueError, RuntimeError) as error:
        hint = 'pip install kaleido (it also needs Chrome), or log it as ".json" or ".html"'
        raise Invalid(f"Plotly cannot write {suffix} here: {_line(error)}", hint=hint) from error


def image_bytes(image: Any, suffix: str = ".png") -> tuple[bytes, str]:
    """`image` in the format named by `suffix`, and its MIME type.

    `image` is a PIL image, encoded bytes (kept as they are), or an array or tensor of height x width, x 1, 3
    or 4 channels last or first. Booleans, integers of 0 to 255 and floats of 0 to 1 or 0 to 255 are
    brightness. Raises Invalid for anything else.
    """
    suffix = "." + suffix.lower().lstrip(".")
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _encoded(bytes(image))
    if hasattr(image, "save") and "PIL" in _roots(image):
        return _from_pil(image, suffix)
    pixels = _pixels(image)
    try:
        from PIL import Image
    except ImportError:
        if suffix != ".png":
            hint = 'pip install pillow, or log it as ".png"'
            raise Invalid(f"An array cannot be written as {suffix} without Pillow.", hint=hint) from None
        return png(pixels), MIME[suffix]
    return _from_pil(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels), suffix)


def _encoded(data: bytes) -> tuple[bytes, str]:
    for magic, mime in _MAGIC.items():
        if data.startswith(magic):
            return data, mime
    raise Invalid(
        "These bytes are no PNG, JPEG, GIF or WebP image.", hint="Log them as a file: run.log_bytes(…)."
    )


def _from_pil(image: Any, suffix: str) -> tuple[bytes, str]:
    if suffix not in MIME or suffix in (".svg", ".html"):
        raise _unknown("Pillow", suffix, [".png", ".jpg", ".gif", ".webp", ".tif", ".bmp", ".pdf"])
    if suffix in (".jpg", ".jpeg", ".eps") and image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    kind = {".jpg": "jpeg", ".tif": "tiff", ".ps": "eps"}.get(suffix, suffix[1:])
    try:
        image.save(buffer, format=kind)
    except (OSError, KeyError, ValueError) as error:
        raise Invalid(
            f"Pillow cannot write this image as {suffix}: {_line(error)}", hint='Use ".png".'
        ) from error
    return buffer.getvalue(), MIME[suffix]


def _pixels(image: Any) -> Any:
    """A uint8 array of height x width x channels."""
    tensor = hasattr(image, "detach")
    if tensor:
        image = image.detach().cpu()
    try:
        import numpy as np

        array = np.asarray(image)
    except (ImportError, TypeError, ValueError, RuntimeError) as error:
        raise _no_image(type(image).__name__) from error
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and (tensor or array.shape[2] not in (1, 3, 4)):
        array = array.transpose(1, 2, 0)
    if (
        array.ndim != 3
        or array.shape[2] not in (1, 3, 4)
        or array.size == 0
        or array.dtype.kind not in "biuf"
    ):
        raise _no_image(f"{type(image).__name__} of shape {array.shape} and type {array.dtype}")
    return np.ascontiguousarray(_brightness(np, array))


def _brightness(np: Any, array: Any) -> Any:
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "f":
        array = np.nan_to_num(array.astype(np.float64))
    if array.min() < 0 or array.max() > 255:
        found = f"The values of the image are {array.min():g} to {array.max():g}."
        raise Invalid(found, hint="Scale them to 0 … 1 (float) or 0 … 255 (integer).")
    if array.dtype.kind == "f":
        array = np.rint(array * 255 if array.max() <= 1 else array)
    return array.astype(np.uint8)


def png(pixels: Any) -> bytes:
    """A uint8 array of height x width x 1, 3 or 4 channels as a PNG file."""
    height, width, channels = pixels.shape
    colour = {1: 0, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 6)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _unknown(library: str, suffix: str, known: list[str]) -> Invalid:
    return Invalid(f"{library} cannot write {suffix!r} files.", hint=f"Use one of {', '.join(known)}.")


def _no_image(found: str) -> Invalid:
    hint = (
        "Give a matplotlib, Altair or Plotly figure, a PIL image, or an array (height, width[, 1, 3 or 4])."
    )
    return Invalid(f"This is no figure or image: {found}.", hint=hint)
