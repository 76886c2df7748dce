"""Where values are read, computed and written: every pass of the lazy face begins here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _build, _config, _ndfolio

_KINDS = (("divide", "divide by zero"), ("over", "overflow"), ("invalid", "invalid value"))


def open_node(path, mode, key, raw, io):
    """The node of a file's array."""
    return _ndfolio.open(path, mode, key, raw, io)


def create_node(path, shape, dtype, order, item, growable, overwrite):
    """The node of a new file's array."""
    if any(extent < 0 for extent in shape):
        raise ValueError("negative dimensions are not allowed")
    session = _config.session()
    return _ndfolio.create(path, shape, dtype, order, item, growable, overwrite, session)


def compute(*arrays: Any) -> Any:
    """Computes arrays in memory, together: what they have in common is read and computed once.

    Arrays of one shape that are made of the same files, and reductions of them along any axes, share a pass over
    those, if the memory has room for all at once; :func:`explain` says it. Results are the same to the bit as of each
    alone.

    Parameters
    ----------
    *arrays : Array
        What is wanted; anything else is handed back as it is.

    Returns
    -------
    numpy.ndarray or scalar, or a tuple of them
        One value for one argument, a tuple for several.

    Raises
    ------
    MemoryError
        Results that do not fit the memory that was allowed, with their size and the way out.

    Examples
    --------
    >>> x = nf.asarray([1.0, 2.0, 6.0])
    >>> low, high = nf.compute(x.min(), x.max())
    >>> float(low), float(high)
    (1.0, 6.0)
    >>> twice, total = nf.compute(x * 2, x.sum())
    >>> twice.tolist(), float(total)
    ([2.0, 4.0, 12.0], 9.0)
    """
    from ._array import Array

    if len(arrays) == 1 and type(arrays[0]) is Array and arrays[0]._picks is not None:
        return _picked(arrays[0])
    lazy = [array for array in arrays if type(array) is Array]
    if any(array._picks is not None for array in lazy):
        return _with_picks(arrays)
    results, report = _ndfolio.compute([array._node for array in lazy], _config.session())
    values = iter([ndarray(*result)[()] for result in results])
    for array in lazy:
        array._profile = report
    warn(report)
    found = tuple(next(values) if type(array) is Array else array for array in arrays)
    return found[0] if len(found) == 1 else found


def _with_picks(arrays):
    """Computes arrays some of which wait for what is picked of a file."""
    picked = {id(array): _picked(array) for array in arrays if getattr(array, "_picks", None) is not None}
    rest = [array for array in arrays if id(array) not in picked]
    values = iter(compute(*rest) if len(rest) > 1 else [compute(*rest)] if rest else [])
    found = tuple(picked[id(array)] if id(array) in picked else next(values) for array in arrays)
    return found[0] if len(found) == 1 else found


def _picked(array):
    """The items of an array that waits for what is picked."""
    buffer, array._profile = array._picks.compute(array._dtype, _config.session())
    return ndarray(buffer, array._dtype, array._shape)[()]


def picked_node(array):
    """The items of such an array as a node, for other arrays to be made of."""
    node, array._profile = array._picks.node(array._dtype, _config.session())
    array._picks, array._recipe = None, ("memory", ())
    return node


def casts_as_it_picks(found, dtype, casting) -> bool:
    """Whether what is picked can be cast on its way."""
    return dtype.isnative and {found.kind, dtype.kind} <= set("biufc") and np.can_cast(found, dtype, casting)


def picked_as(array, dtype):
    """An array of the same picks, which are cast on their way."""
    from ._array import _new
    from ._picking import waiting

    return waiting(array._picks, dtype, array._recipe, _new(type(array)))


def ndarray(buffer, dtype, shape) -> np.ndarray:
    """The array of a result, without a copy."""
    return np.ndarray(shape, dtype, buffer) if len(buffer) else np.empty(shape, dtype)


def warn(report: dict) -> None:
    """Warns of what NumPy would have warned of, as `numpy.errstate` says."""
    counts = report["conditions"]
    if counts == (0, 0, 0):
        return
    how: Mapping[str, object] = np.geterr()
    for count, (name, text) in zip(counts, _KINDS, strict=True):
        if not count or how[name] == "ignore":
            continue
        message = f"{text} encountered in {count} item{'s' if count > 1 else ''}"
        if how[name] == "raise":
            raise FloatingPointError(message)
        warnings.warn(message, RuntimeWarning, stacklevel=outside())


def outside() -> int:
    """How many frames away the user's code is."""
    import sys

    folder = os.path.dirname(__file__)
    # The frame that calls `warn` of the warnings module counts as the first.
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(folder):
        level, frame = level + 1, frame.f_back
    return level


def into(array, out) -> None:
    """Computes an array into NumPy's, block by block."""
    if not isinstance(out, np.ndarray):
        raise TypeError("return arrays must be of ArrayType")
    if not np.can_cast(array.dtype, out.dtype, "same_kind"):
        message = f"Cannot cast array data from {array.dtype!r} to {out.dtype!r} according to the rule 'same_kind'"
        raise TypeError(message)
    if out.shape != array.shape:
        array = array._make("broadcast_to", array, out.shape)
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    dtype = array.dtype.newbyteorder("=")

    def put(place, items, shape):
        out[place] = np.frombuffer(items, dtype).reshape(shape)

    report = _ndfolio.blocks(array._node, put, _config.session())
    array._profile = report
    warn(report)


def save(array, path, dtype, order, casting, overwrite):
    """Saves an array as a new file, and opens that."""
    from ._array import Array

    session = _config.session()
    dtype = None if dtype is None else np.dtype(dtype)
    if array._picks is not None and order in (None, "C"):
        dtype = array._dtype if dtype is None else dtype
        node, array._profile = array._picks.save(path, dtype, casting, overwrite, session)
        return Array._of(node, profile=array._profile)
    node, report = _ndfolio.save(array._node, path, dtype, order, casting, overwrite, session)
    array._profile = report
    warn(report)
    return Array._of(node, profile=report)


def assign(array, value, casting) -> None:
    """Writes values to an array of a file."""
    report = _ndfolio.assign(array._node, value._node, casting, _config.session())
    array._profile = report
    warn(report)


def flush(array) -> None:
    """Brings what was written to stable storage."""
    _ndfolio.flush(array._node, _config.session())


def explain(*arrays: Any) -> str:
    """What ``compute(*arrays)`` would do: passes, files and how they are read, memory. Reads no items.

    Parameters
    ----------
    *arrays : Array
        What would be computed; anything else takes nothing.

    Returns
    -------
    str
        A line for each thing, as ``x.explain()`` has them for one array.

    Raises
    ------
    MemoryError
        Results that do not fit the memory that was allowed.

    Examples
    --------
    >>> x = nf.asarray([1.0, 2.0, 6.0])
    >>> print(nf.explain(x.min(), x.max()))  # doctest: +ELLIPSIS
    passes   0
    ...
    """
    from ._array import Array

    session, lazy = _config.session(), [array for array in arrays if type(array) is Array]
    picked = [array._picks.explain(session) for array in lazy if array._picks is not None]
    nodes = [array._node for array in lazy if array._picks is None]
    return "\n".join([*picked, *([_ndfolio.explain(nodes, session)] if nodes else [])])


class Map:
    """The bytes of a file's array in memory, which all views of it share."""

    __slots__ = ("_buffer", "_node", "_start")

    def __init__(self, node):
        self._node = node
        self._buffer = None
        self._start = 0

    def view(self, array) -> np.ndarray:
        """The items of a view as they lie in the file."""
        node = array._node
        if array.size == 0:
            empty = np.empty(array.shape, array.dtype)
            empty.flags.writeable = False
            return empty
        if self._buffer is None:
            self._buffer, first = self._node.map_file()
            self._start = self._node.offset - first
        return np.ndarray(array.shape, array.dtype, self._buffer, node.offset - self._start, node.strides)

    def check(self) -> None:
        """Raises `OSError` if something that was read was not the file's."""
        if self._buffer is not None:
            self._buffer.check()


__all__ = ["compute", "explain"]
