"""Reductions and running sums: lazy, but for those with values before the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _reductions
from .._array import Array
from ._support import by_numpy, lazy, numpy


def sum(x: Array, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """The sum along axes; small integers are added in 64 bits."""
    return lazy(x).sum(axis, dtype, keepdims=keepdims)


def prod(x: Array, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """The product along axes; small integers are multiplied in 64 bits."""
    return lazy(x).prod(axis, dtype, keepdims=keepdims)


def mean(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean along axes."""
    return lazy(x).mean(axis, keepdims=keepdims)


def var(x: Array, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance along axes, with `correction` taken from the number of items."""
    return lazy(x).var(axis, ddof=correction, keepdims=keepdims)


def std(x: Array, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The standard deviation along axes, with `correction` taken from the number of items."""
    return lazy(x).std(axis, ddof=correction, keepdims=keepdims)


def min(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The minimum along axes: NaN where there is one."""
    return lazy(x).min(axis, keepdims=keepdims)


def max(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """The maximum along axes: NaN where there is one."""
    return lazy(x).max(axis, keepdims=keepdims)


def any(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether any item is true, along axes."""
    return lazy(x).any(axis, keepdims=keepdims)


def all(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether all items are true, along axes."""
    return lazy(x).all(axis, keepdims=keepdims)


def argmin(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first minimum along an axis, or in C order."""
    return lazy(x).argmin(axis, keepdims=keepdims)


def argmax(x: Array, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the first maximum along an axis, or in C order."""
    return lazy(x).argmax(axis, keepdims=keepdims)


def count_nonzero(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    """How many items are not zero, along axes."""
    return _reductions.reduce(lazy(x), "count_nonzero", axis, None, None, keepdims)


def _cumulative(name: str, function: Any, x: Array, axis: int | None, dtype: Any, include_initial: bool) -> Array:
    x = lazy(x)
    if axis is None:
        if x.ndim > 1:
            raise ValueError(f"cumulative functions of an array with {x.ndim} axes need one to be named by axis=")
        x, axis = x.reshape(-1), 0
    if include_initial:
        return by_numpy(function, x, axis=axis, dtype=dtype, include_initial=True)
    return _reductions.scan(x, name, axis, dtype)


def cumulative_sum(
    x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """The running sum along an axis. With the value before the first it is done by NumPy within the budget."""
    return _cumulative("cumsum", np.cumulative_sum, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Array:
    """The running product along an axis. With the value before the first it is done by NumPy within the budget."""
    return _cumulative("cumprod", np.cumulative_prod, x, axis, dtype, include_initial)


def diff(x: Array, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Array:
    """Differences of neighbours along an axis. With values around them it is done by NumPy within the budget."""
    x = lazy(x)
    ends = {name: end for name, end in (("prepend", prepend), ("append", append)) if end is not None}
    return by_numpy(np.diff, x, n, axis, **ends) if ends else numpy.diff(x, n, axis)


__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
]
