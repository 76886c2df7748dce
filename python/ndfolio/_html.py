"""What a notebook shows: what the array is, and a small picture of it, made of a sample."""

from __future__ import annotations

import base64
import html as _escape
import struct
import zlib

import numpy as np

from . import _compute
from ._ndfolio import size_text

# Pixels along the longer side of a picture, at most.
_SIDE = 96
_LOOK = 64 << 20


def html(x) -> str:
    """A table, with a picture for numbers of one axis or more."""
    rows = [
        ("shape", str(x.shape)),
        ("dtype", str(x.dtype)),
        ("size", size_text(x.nbytes)),
    ]
    if x._in_file:
        rows.append(("file", f"{x.filename} ({x.mode})"))
    cells = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{_escape.escape(value)}</td></tr>"
        for name, value in rows
    )
    table = f"<table>{cells}</table>"
    picture = thumbnail(x)
    if picture is None:
        return table
    data = base64.b64encode(picture).decode()
    image = f"<img alt='a sample of the array' style='image-rendering:pixelated' src='data:image/png;base64,{data}'>"
    return f"<table><tr><td>{table}</td><td>{image}</td></tr></table>"


def thumbnail(x) -> bytes | None:
    """A PNG of a sample of the last two axes, the first items of the others; None where there is nothing to show."""
    if x.ndim == 0 or x.size == 0 or x.dtype.kind not in "biufc" or (x._node.has_barrier and x._node.weight > _LOOK):
        return None
    plane = x[(0,) * (x.ndim - 2)] if x.ndim > 2 else x
    steps = tuple(slice(None, None, -(-extent // _SIDE)) for extent in plane.shape)
    with np.errstate(all="ignore"):
        sample = np.asarray(_compute.compute(plane[steps]))
        sample = np.abs(sample) if sample.dtype.kind == "c" else sample
        return png(grey(np.atleast_2d(sample).astype(np.float64)))


def grey(values: np.ndarray) -> np.ndarray:
    """Values as shades: the least dark, the greatest light, what is not finite darkest."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = values[finite].min(), values[finite].max()
    share = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return np.where(finite, 32 + np.nan_to_num(share, nan=0.0) * 223, 0).astype(np.uint8)


def png(shades: np.ndarray) -> bytes:
    """A grey PNG, each item at least four pixels wide if there are few."""
    scale = max(1, _SIDE // max(shades.shape))
    shades = np.repeat(np.repeat(shades, scale, 0), scale, 1)
    height, width = shades.shape
    lines = b"".join(b"\0" + line.tobytes() for line in shades)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
