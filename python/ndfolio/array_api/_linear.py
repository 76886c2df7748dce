"""Products: those that are sums of products of items stay lazy, the others are NumPy's within the budget."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._array import Array
from ._manipulation import matrix_transpose
from ._support import by_numpy, lazy, numpy


def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product, by NumPy within the budget."""
    return by_numpy(np.matmul, lazy(x1), lazy(x2))


def tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """The sum of products along several axes, by NumPy within the budget."""
    return by_numpy(np.tensordot, lazy(x1), lazy(x2), axes)


def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The sum of products along an axis, with the conjugate of the first; nothing is computed."""
    x1, x2 = lazy(x1), lazy(x2)
    axis = operator.index(axis)
    if axis >= 0 and x1.ndim != x2.ndim:
        raise ValueError("axis must be counted from the last one, since the arrays have not as many axes")
    x1, x2 = numpy.moveaxis(x1, axis, -1), numpy.moveaxis(x2, axis, -1)
    if x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"the arrays have {x1.shape[-1]} and {x2.shape[-1]} items along axis {axis}")
    first = x1.conj() if x1.dtype.kind == "c" else x1
    products = first * x2
    return products.sum(-1, products.dtype)


__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]
