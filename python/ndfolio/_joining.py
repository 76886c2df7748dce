"""Arrays put together: in memory, or block by block in what `out` is."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _blocks, _compute
from ._array import Array, asarray
from ._blocks import handles


@handles(np.concatenate)
def _concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    parts = [one if type(one) is Array else np.asarray(one) for one in arrays]
    if axis is None:
        parts, axis = [one.reshape(-1) for one in parts], 0
    if not parts or any(one.ndim != parts[0].ndim for one in parts) or (out is not None and dtype is not None):
        return NotImplemented
    along = _blocks.axis_of(parts[0], axis)
    if along is None:
        return NotImplemented
    shape = _joined_shape([one.shape for one in parts], along)
    if out is None:
        kind = np.result_type(*(one.dtype for one in parts)) if dtype is None else np.dtype(dtype)
        out = _blocks.empty("concatenate; give `out`, an array that ndfolio.create made, and it", shape, kind)
    elif tuple(out.shape) != shape:
        raise ValueError("Output array is the wrong shape")
    start = 0
    for part in parts:
        stop = start + part.shape[along]
        _put(part, out, (slice(None),) * along + (slice(start, stop),), casting)
        start = stop
    return out


def _put(part: Any, out: Any, key: Any, casting: Any) -> None:
    if not np.can_cast(part.dtype, out.dtype, casting):
        raise TypeError(f"Cannot cast array data from {part.dtype!r} to {out.dtype!r} according to the rule {casting!r}")
    if type(out) is Array:
        out[key]._assign(part, casting, out)
    elif type(part) is Array:
        _compute.into(part.astype(out.dtype, casting=casting), out[key])
    else:
        np.copyto(out[key], part, casting)


def _joined_shape(shapes: list[tuple[int, ...]], axis: int) -> tuple[int, ...]:
    for number, shape in enumerate(shapes):
        for i, (first, extent) in enumerate(zip(shapes[0], shape, strict=True)):
            if i != axis and first != extent:
                raise ValueError(
                    "all the input array dimensions except for the concatenation axis must match exactly, but along "
                    f"dimension {i}, the array at index 0 has size {first} and the array at index {number} has size {extent}"
                )
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


@handles(np.stack)
def _stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    parts = [asarray(one) for one in arrays]
    if not parts or any(one.shape != parts[0].shape for one in parts):
        return NotImplemented
    new: Any = np.expand_dims
    return _concatenate([new(one, axis) for one in parts], axis, out, dtype=dtype, casting=casting)


def _of_many(function: Any, prepare: Any, axis: int | None) -> None:
    @handles(function)
    def ours(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
        parts = [prepare(asarray(one)) for one in tup]
        if not parts:
            return NotImplemented
        # Rows of numbers have one axis alone.
        along = (0 if parts[0].ndim == 1 else 1) if axis is None else axis
        return _concatenate(parts, along, dtype=dtype, casting=casting)


def _third(x: Any) -> Any:
    """With three axes, as `numpy.atleast_3d`."""
    return x[(slice(None), slice(None), None)] if x.ndim == 2 else x[None, :, None] if x.ndim == 1 else x


_of_many(np.vstack, lambda x: x if x.ndim > 1 else x.reshape(1, -1), 0)
_of_many(np.hstack, lambda x: x if x.ndim else x.reshape(1), None)
_of_many(np.dstack, lambda x: _third(x if x.ndim else x.reshape(1)), 2)


@handles(np.column_stack)
def _column_stack(tup: Any) -> Any:
    parts = [asarray(one) for one in tup]
    return _concatenate([x if x.ndim > 1 else x.reshape(-1, 1) for x in parts], 1) if parts else NotImplemented


@handles(np.append)
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate((asarray(arr), asarray(values)), axis)
