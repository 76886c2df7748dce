"""Other shapes: views stay lazy; arrays put together are made by NumPy within the budget."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import _picking
from .._array import Array
from ._support import axes_of, by_numpy, check_result, lazy, numpy


def broadcast_to(x: Array, /, shape: tuple[int, ...]) -> Array:
    """Items repeated along axes of one item and before the first; a view."""
    return numpy.broadcast_to(lazy(x), shape)


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """Arrays broadcast to what they have in common; views."""
    return list(numpy.broadcast_arrays(*map(lazy, arrays)))


def expand_dims(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """New axes of one item; a view."""
    return numpy.expand_dims(lazy(x), axis)


def squeeze(x: Array, /, axis: int | tuple[int, ...]) -> Array:
    """Without axes of one item; a view."""
    return lazy(x).squeeze(axis)


def flip(x: Array, /, *, axis: int | tuple[int, ...] | None = None) -> Array:
    """Axes the other way round; a view."""
    return numpy.flip(lazy(x), axis)


def moveaxis(x: Array, source: Any, destination: Any, /) -> Array:
    """Axes moved to other places; a view."""
    return numpy.moveaxis(lazy(x), source, destination)


def permute_dims(x: Array, /, axes: tuple[int, ...]) -> Array:
    """The axes in another order; a view."""
    x = lazy(x)
    return x.transpose(axes) if len(axes) or x.ndim else x


def matrix_transpose(x: Array, /) -> Array:
    """The last two axes swapped; a view."""
    return lazy(x).mT


def reshape(x: Array, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Array:
    """The same items in a new shape: a view where strides can express it, else made in memory within the budget."""
    x = lazy(x)
    result = x.reshape(shape, copy=copy)
    return result.copy() if copy else result


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The parts along an axis, without it; views."""
    x = lazy(x)
    if x.ndim == 0:
        raise ValueError("an array without axes cannot be taken apart")
    before = (slice(None),) * x._axis(axis)
    return tuple(x[(*before, i)] for i in range(x.shape[axis]))


def tile(x: Array, repetitions: tuple[int, ...], /) -> Array:
    """An array repeated along its axes, in memory as far as the budget allows where no view can express it."""
    x = lazy(x)
    repetitions = (1,) * (x.ndim - len(repetitions)) + tuple(repetitions)
    shape = (1,) * (len(repetitions) - x.ndim) + x.shape
    between = [extent for one in shape for extent in (1, one)]
    wide = [extent for times, one in zip(repetitions, shape, strict=True) for extent in (times, one)]
    spread = numpy.broadcast_to(x.reshape(between), wide)
    return spread.reshape([times * one for times, one in zip(repetitions, shape, strict=True)])


def repeat(x: Array, repeats: int | Array, /, *, axis: int | None = None) -> Array:
    """Each item repeated; in memory, as far as the budget allows."""
    x = lazy(x)
    times = np.asarray(repeats)
    along = x.size if axis is None else x.shape[x._axis(axis)]
    count = int(times.sum()) if times.size > 1 else along * int(times.sum())
    check_result("repeat", (x.size // max(1, along), count), x.dtype)
    return by_numpy(np.repeat, x, times, axis)


def roll(x: Array, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Array:
    """Items moved along axes, the last ones to the front; in memory, as far as the budget allows."""
    return by_numpy(np.roll, lazy(x), shift, axis)


def concat(arrays: Any, /, *, axis: int | None = 0) -> Array:
    """Arrays one behind the other; in memory, as far as the budget allows."""
    return by_numpy(np.concat, [lazy(x) for x in arrays], axis=axis)


def stack(arrays: Any, /, *, axis: int = 0) -> Array:
    """Arrays one behind the other along a new axis; in memory, as far as the budget allows."""
    return by_numpy(np.stack, [lazy(x) for x in arrays], axis=operator.index(axis))


def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Array:
    """Items at places along an axis: of a file, those alone are read."""
    x = lazy(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take() of an array with {x.ndim} axes needs one to be named by axis=")
        axis = 0
    return x.take(lazy(indices), axis)


def take_along_axis(x: Array, indices: Array, /, *, axis: int = -1) -> Array:
    """Items at places that differ from row to row: of a file, those alone are read."""
    return _picking.take_along_axis(lazy(x), lazy(indices), axis)


__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "concat",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "take",
    "take_along_axis",
    "tile",
    "unstack",
]
