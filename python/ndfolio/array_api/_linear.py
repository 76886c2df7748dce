"""Products: those that are sums of products of items stay lazy, the others are NumPy's within the budget."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._array import Array
from ._manipulation import matrix_transpose
from ._support import by_numpy, check_result, lazy, numpy


def matmul(x1: Array, x2: Array, /) -> Array:
    """The matrix product, by NumPy within the budget."""
    x1, x2 = lazy(x1), lazy(x2)
    check_matmul(x1, x2)
    return by_numpy(np.matmul, x1, x2)


def check_matmul(x1: Any, x2: Any) -> None:
    """Refuses a matrix product that does not fit the budget, before it is made."""
    (first, second), dtype = map(np.shape, (x1, x2)), np.result_type(x1, x2)
    # Vectors have no axis in the result.
    before = np.broadcast_shapes(first[:-2], second[:-2])
    check_result("matmul", (*before, *first[-2:-1], *(second[-1:] if len(second) > 1 else ())), dtype)


def tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """The sum of products along several axes, by NumPy within the budget."""
    x1, x2 = lazy(x1), lazy(x2)
    if isinstance(axes, int):
        shape = x1.shape[: x1.ndim - axes] + x2.shape[axes:]
    else:
        kept = ((x, {one % x.ndim for one in gone}) for x, gone in zip((x1, x2), axes, strict=True))
        shape = tuple(n for x, gone in kept for i, n in enumerate(x.shape) if i not in gone)
    check_result("tensordot", shape, np.result_type(x1.dtype, x2.dtype))
    return by_numpy(np.tensordot, x1, x2, axes)


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
