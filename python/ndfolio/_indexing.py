"""Indexing that is not basic, and iteration: NumPy's, on the parts that are needed."""

from __future__ import annotations

import operator

import numpy as np

from . import _build, _compute
from ._array import Array, asarray

# Bytes of the windows in which rows are read.
_WINDOW = 4 << 20


def get(x: Array, key) -> Array:
    """What is behind the brackets where they hold more than integers, slices, None and dots."""
    if isinstance(key, str):
        return x._make("field", x, key)
    if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
        return _fields(x, key)
    parts = tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    if not any(isinstance(part, np.ndarray) for part in parts):
        return x._make("slice", x, parts)
    nbytes = selected(x.shape, parts) * x.itemsize
    _build.check_budget("an index of arrays", nbytes, "take fewer items, or numpy.where for a condition")
    shared = x._shared()
    if shared is not None:
        return asarray(shared[parts])
    source, parts = _within(x, parts)
    _build.check_budget("an index of arrays into an expression", source.nbytes, "save the expression first")
    return asarray(np.asarray(_compute.compute(source))[parts])


def put(x: Array, key, value) -> None:
    """Assignment behind such brackets, to an array of a file."""
    if isinstance(key, str):
        x._make("field", x, key)._assign(value, "unsafe", x)
        return
    parts = tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    if not any(isinstance(part, np.ndarray) for part in parts):
        x._make("slice", x, parts)._assign(value, "unsafe", x)
        return
    if not x._node.is_file:
        raise TypeError("items of an expression cannot be assigned to; use numpy.where(condition, value, x)")
    value = value if type(value) is Array else asarray(value, x.dtype) if np.ndim(value) else asarray(x.dtype.type(value))
    if len(parts) == 1 and parts[0].dtype == bool and parts[0].shape == x.shape and value.ndim == 0:
        # One pass, whatever the size.
        x._assign(x._make("map", "where", asarray(parts[0]), value, x), "unsafe")
        return
    if not x._node.is_writable:
        # Says which mode would allow it.
        x._make("slice", x, (slice(0, 0),) * min(x.ndim, 1))._assign(0, "unsafe")
        raise ValueError("assignment destination is read-only")
    _build.check_budget("values for an index of arrays", value.nbytes, "assign them in parts")
    np.asarray(x)[parts] = np.asarray(value)


def put_in_memory(x: Array, key, value) -> None:
    """Assignment to an array that is in no file."""
    from . import _memory

    names = isinstance(key, str) or isinstance(key, list) and any(isinstance(name, str) for name in key)
    parts = key if names else tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    _memory.put(x, parts, _compute.compute(value) if type(value) is Array else value)


def _part(part):
    """A part of an index as NumPy sees it: arrays are arrays, and what is lazy is computed."""
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return part
    if isinstance(part, (bool, np.bool)):
        return np.asarray(part)
    if type(part) is Array:
        if part.ndim == 0 and part.dtype.kind in "iu":
            return int(part)
        _build.check_budget("an index that is computed", part.nbytes, "take a part of it")
        return np.asarray(part.compute())
    if isinstance(part, (list, tuple, np.ndarray)):
        array = np.asarray(part)
        if array.size == 0 and not isinstance(part, np.ndarray):
            array = array.astype(np.intp)
        if array.dtype.kind not in "iub":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return array
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are "
            "valid indices"
        ) from None


def _expanded(shape, parts):
    """The parts with the axis that each begins at, and slices for what is not named."""
    used = sum(_axes(part) for part in parts)
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed"
        )
    rest = len(shape) - used
    if not any(part is Ellipsis for part in parts):
        parts = (*parts, Ellipsis)
    found, axis = [], 0
    for part in parts:
        if part is Ellipsis:
            found.extend((axis + i, slice(None)) for i in range(rest))
            axis += rest
        else:
            found.append((axis, part))
            axis += _axes(part)
    return found


def _axes(part) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def selected(shape, parts) -> int:
    """How many items an index takes."""
    count, arrays = 1, []
    for axis, part in _expanded(shape, parts):
        if isinstance(part, slice):
            count *= len(range(*part.indices(shape[axis])))
        elif isinstance(part, np.ndarray):
            arrays.append((int(np.count_nonzero(part)),) if part.dtype == bool else part.shape)
    together = np.broadcast_shapes(*arrays) if arrays else ()
    for extent in together:
        count *= extent
    return count


def _within(x: Array, parts):
    """The least part of an expression that an index needs, and the index into that part."""
    key: list[slice] = []
    inner: list = []
    for axis, part in _expanded(x.shape, parts):
        if part is None:
            inner.append(None)
        elif isinstance(part, np.ndarray) and part.dtype != bool and part.size:
            extent = x.shape[axis]
            if part.min() < -extent or part.max() >= extent:
                bad = part.min() if part.min() < -extent else part.max()
                raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {extent}")
            places = np.where(part < 0, part.astype(np.intp) + extent, part)
            low, high = int(places.min()), int(places.max())
            key.append(slice(low, high + 1))
            inner.append(places - low)
        else:
            key.extend([slice(None)] * _axes(part))
            inner.append(part)
    return x._make("slice", x, tuple(key)), tuple(inner)


def _fields(x: Array, names):
    """Several fields of records, which NumPy reads through the file."""
    shared = x._shared()
    if shared is None:
        raise TypeError("several fields of an expression; take them one by one")
    part = shared[names]
    _build.check_budget("several fields of records", part.size * part.dtype.itemsize, "take them one by one")
    return asarray(part)


def rows(x: Array):
    """The rows one after the other, as NumPy's arrays or scalars, read in windows of a few megabytes."""
    length = x.shape[0]
    if x._node.has_barrier:
        # Each window would begin with all of the passes that come before the first item.
        _build.check_budget("iterating over an expression with reductions", x.nbytes, "save it first")
        yield from np.asarray(_compute.compute(x))
        return
    row = max(1, x.nbytes // max(1, length))
    step = max(1, _WINDOW // row)
    for start in range(0, length, step):
        window = np.asarray(_compute.compute(x[start : start + step]))
        yield from window
