"""What an array looks like: a few corners are read, and no large pass is begun to be looked at."""

from __future__ import annotations

import itertools

import numpy as np

from . import _compute

# Bytes that may be gone through for a look.
_LOOK = 64 << 20


def text(x) -> str:
    """`repr`: the values, or those of the corners, and what the array is."""
    try:
        about = _about(x)
    except (ValueError, OSError) as error:
        return f"<ndfolio.Array: {error}>"
    values = _values(x, prefix="ndfolio.Array(")
    return f"ndfolio.Array({values}, {about})" if values is not None else f"<ndfolio.Array {about}>"


def plain(x) -> str:
    """`str`: the values as NumPy prints them. A single value is computed, whatever it takes."""
    if x.size == 1 or x.nbytes <= _LOOK >> 10:
        return str(_compute.compute(x))
    values = _values(x)
    return values if values is not None else text(x)


def _about(x) -> str:
    parts = [f"shape={x.shape}", f"dtype={x.dtype}"]
    if x._in_file:
        parts.append(f"file={x.filename!r}, mode={x.mode!r}")
    return ", ".join(parts)


def _values(x, prefix="") -> str | None:
    """The values as NumPy prints them; None where they would take a large pass."""
    options = np.get_printoptions()
    small = x.size <= options["threshold"]
    if x._picks is not None and x.nbytes > _LOOK:
        return None
    if x._node.has_barrier and x._node.weight > _LOOK:
        return None
    if small:
        # Few values of a large array can still be much to compute.
        return np.array2string(np.asarray(_compute.compute(x)), separator=_separator(prefix), prefix=prefix)
    edge = options["edgeitems"] if x.ndim <= 4 else 1
    shown = corners(x, edge)
    return np.array2string(shown, separator=_separator(prefix), prefix=prefix, threshold=0, edgeitems=edge)


def _separator(prefix: str) -> str:
    return ", " if prefix else " "


def corners(x, edge: int) -> np.ndarray:
    """A small array whose corners are those of a large one; what lies between is never shown."""
    places = []
    for extent in x.shape:
        if extent <= 2 * edge + 1:
            places.append([(slice(0, extent), slice(0, extent))])
        else:
            ends = slice(extent - edge, extent)
            places.append([(slice(0, edge + 1), slice(0, edge + 1)), (ends, slice(edge + 1, 2 * edge + 1))])
    shape = [sides[-1][1].stop for sides in places]
    shown = np.zeros(shape, x.dtype.newbyteorder("="))
    sides = list(itertools.product(*places))
    parts = [x[tuple(source for source, _ in side)] for side in sides]
    with np.errstate(all="ignore"):
        found = _compute.compute(*parts)
    found = found if len(parts) > 1 else (found,)
    for side, values in zip(sides, found, strict=True):
        shown[tuple(target for _, target in side)] = values
    return shown
