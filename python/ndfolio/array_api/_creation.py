"""Making arrays: constants take no memory, whatever their shape."""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np

from .. import _array, _dlpack, _shapes
from .._array import Array
from ._support import check_device, check_result, lazy, numpy, of_numpy


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Array:
    """An array of what is given; see `ndfolio.asarray`."""
    check_device(device)
    return _array.asarray(obj, dtype, copy=copy)


def from_dlpack(x: Any, /, *, device: Any = None, copy: Any = None) -> Array:
    """An array of another library's, through DLPack. What is not one of ours is copied, as far as the budget allows.

    Raises
    ------
    BufferError
        Memory of another device; `copy=False` for an array of another library.
    """
    check_device(device)
    return _dlpack.receive(x, copy)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """One value at every place; no memory is taken."""
    check_device(device)
    if type(fill_value) is Array:
        fill_value = fill_value.compute()
    value = np.asarray(fill_value, dtype)
    return _shapes.constant(shape, value, value.dtype)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros; no memory is taken."""
    return full(shape, 0, dtype=np.float64 if dtype is None else dtype, device=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones; no memory is taken."""
    return full(shape, 1, dtype=np.float64 if dtype is None else dtype, device=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Items that nobody may rely on: zeros."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Array, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """One value at every place of a shape and dtype as those of `x`."""
    x = lazy(x)
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device)


def zeros_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of a shape and dtype as those of `x`."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones of a shape and dtype as those of `x`."""
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Items that nobody may rely on: zeros."""
    return full_like(x, 0, dtype=dtype, device=device)


def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None
) -> Array:
    """Evenly spaced values, by their distance; in memory, as far as the budget allows."""
    check_device(device)
    if stop is None:
        start, stop = 0, start
    # How many there are is known before they are made.
    count = max(0, int(np.ceil((stop - start) / step))) if step and np.isfinite((stop - start) / step) else 0
    check_result("arange", (count,), np.dtype(dtype or np.float64))
    return of_numpy(numpy.arange(start, stop, step, dtype))


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: Any = True,
) -> Array:
    """Evenly spaced values, by their number; in memory, as far as the budget allows."""
    check_device(device)
    check_result("linspace", (num,), np.dtype(dtype or np.complex128))
    return of_numpy(np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype))


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Array:
    """Ones along a diagonal; computed from its row and column numbers when values are wanted."""
    check_device(device)
    dtype = np.dtype(np.float64 if dtype is None else dtype)
    rows, columns = arange(n_rows), arange(n_rows if n_cols is None else n_cols)
    return (columns[None, :] - rows[:, None] == operator.index(k)).astype(dtype)


def _half(x: Array, k: int, above: Literal[True, False]) -> Array:
    x = lazy(x)
    if x.ndim < 2:
        raise ValueError(f"a triangle needs two axes or more, and there are {x.ndim}")
    # Row and column numbers are small beside what they choose from.
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])[None, :]
    distance = lazy(columns) - lazy(rows)
    chosen = distance >= operator.index(k) if above else distance <= operator.index(k)
    return Array._make("map", "where", chosen, x, lazy(x.dtype.type(0)))


def tril(x: Array, /, *, k: int = 0) -> Array:
    """What lies on and below a diagonal; zeros above it. Nothing is computed."""
    return _half(x, k, above=False)


def triu(x: Array, /, *, k: int = 0) -> Array:
    """What lies on and above a diagonal; zeros below it. Nothing is computed."""
    return _half(x, k, above=True)


def meshgrid(*arrays: Array, indexing: Literal["xy", "ij"] = "xy") -> list[Array]:
    """The coordinates of a grid, from those along its axes; views, whatever their size."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', got {indexing!r}")
    axes = [lazy(x).reshape(-1) for x in arrays]
    order = list(range(len(axes)))
    if indexing == "xy" and len(axes) > 1:
        order[:2] = [1, 0]
    shape = [axes[i].size for i in order]
    found = []
    for i, x in enumerate(axes):
        place = order.index(i)
        key = tuple(slice(None) if at == place else None for at in range(len(axes)))
        found.append(x[key]._make("broadcast_to", x[key], shape))
    return found


__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]
