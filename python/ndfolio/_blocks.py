"""Arrays in blocks: what NumPy's functions on arrays larger than memory are made of.

A block is read by the engine, or is a view of a map that the engine cannot see, and is there for a moment. It takes a few
megabytes, or less where the budget is small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import _build, _compute, _config
from ._array import Array

#: NumPy's functions that are done in blocks: of each the function that does it, with NumPy's arguments, which gives
#: `NotImplemented` where NumPy has to see the whole array.
TABLE: dict[Any, Callable[..., Any]] = {}

#: Bytes of a block that are enough for speed.
_ENOUGH = 8 << 20
_LEAST = 1 << 16

#: Of a block that is read from all over the file, so many times as much.
_WIDE = 32

Key = tuple[Any, ...]


def handles(*functions: Any) -> Callable[[Any], Any]:
    """Says which of NumPy's functions one of ours answers."""

    def add(ours: Any) -> Any:
        for function in functions:
            TABLE[function] = ours
        return ours

    return add


def size() -> int:
    """Bytes of a block: NumPy makes several temporary arrays of its size."""
    return max(_LEAST, min(_ENOUGH, _config.session().budget // 16))


def wide() -> int:
    """Bytes of a block where each one is read from all over the file, so that there should be few of them."""
    return max(size(), min(_WIDE * _ENOUGH, _config.session().budget // 8))


def width(x: Any) -> int:
    """Bytes of an item as it counts in blocks: smaller ones become indices or numbers of eight bytes on the way."""
    return max(8, x.dtype.itemsize)


def operand(given: Any) -> Any:
    """What blocks are taken of: an array on disk, or one of NumPy's."""
    if type(given) is not Array:
        return np.asarray(given)
    if given._node.has_barrier:
        # Each block would begin with all of the passes that come before the first item.
        _build.check_budget("an expression with reductions, block by block,", given.nbytes, "save it first")
        return np.asarray(_compute.compute(given))
    return given


def read(part: Any) -> np.ndarray:
    """The items of a part."""
    return np.asarray(_compute.compute(part)) if type(part) is Array else part


def whole(given: Any) -> Any:
    """All items of an operand that is needed again and again: `NotImplemented` if it is too large for that."""
    if type(given) is not Array:
        return np.asarray(given)
    if given.nbytes > max(size(), _config.session().budget // 4):
        return NotImplemented
    return read(given)


def empty(name: str, shape: Any, dtype: Any) -> np.ndarray:
    """Memory for a result, if the budget allows it."""
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    _build.check_budget(f"the result of numpy.{name}", nbytes, "ask for a smaller one")
    return np.empty(shape, dtype)


def storage_order(x: Any) -> list[int]:
    """The axes from the one that moves farthest in the file to the one that moves least."""
    if type(x) is Array:
        if not x._in_file:
            return list(range(x.ndim))
        strides = x._node.strides
    else:
        strides = x.strides
    return sorted(range(x.ndim), key=lambda axis: (-abs(strides[axis]), axis))


def boxes(x: Any, order: list[int] | None = None, most: int | None = None) -> Iterator[Key]:
    """Parts of an array of a few megabytes each, as keys; in C order, or along other axes first.

    Axes that are not in `order` are not cut; `most` is bytes without those.
    """
    left = max(1, (size() if most is None else most) // width(x))
    order = list(range(x.ndim)) if order is None else order
    steps = [1] * x.ndim
    for axis in reversed(order):
        steps[axis] = max(1, min(x.shape[axis], left))
        # An axis that is cut has all before it taken one by one.
        left = left // x.shape[axis] if x.shape[axis] else 0
    return _boxes(x.shape, order, steps)


def _boxes(shape: tuple[int, ...], order: list[int], steps: list[int]) -> Iterator[Key]:
    counts = [-(-shape[axis] // steps[axis]) for axis in order]
    for places in np.ndindex(*counts):
        key: list[Any] = [slice(None)] * len(shape)
        for place, axis in zip(places, order, strict=True):
            start = place * steps[axis]
            key[axis] = slice(start, min(start + steps[axis], shape[axis]))
        yield tuple(key)


def along(x: Any, axis: int, most: int | None = None) -> Iterator[tuple[int, int, np.ndarray]]:
    """Blocks along one axis that have all of the others: where each begins and ends, and its items."""
    for start, stop in spans(x, axis, most):
        yield start, stop, read(x[(slice(None),) * axis + (slice(start, stop),)])


def spans(x: Any, axis: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Where blocks along an axis begin and end."""
    length = x.shape[axis]
    each = max(1, x.size // max(1, length) * width(x))
    step = max(1, (size() if most is None else most) // each)
    for start in range(0, length, step):
        yield start, min(start + step, length)


def flat(x: Any) -> Iterator[tuple[int, np.ndarray]]:
    """All items in C order, with the place of the first in each block."""
    place = 0
    for key in boxes(x):
        items = read(x[key]).reshape(-1)
        yield place, items
        place += items.size


def items(name: str, x: Any, dtype: Any, act: Callable[[np.ndarray], Any]) -> np.ndarray:
    """A result each of whose items depends on one item."""
    out = empty(name, x.shape, dtype)
    for key in boxes(x, storage_order(x)):
        out[key] = act(read(x[key]))
    return out


def axis_of(x: Any, axis: Any) -> int | None:
    """An axis that is a number and is there, not negative; else None."""
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool) or not -x.ndim <= axis < x.ndim:
        return None
    return int(axis) % x.ndim
