"""The standard's linear algebra: norms, products of items and triangles stay lazy; what decomposes or solves is NumPy's.

What NumPy does gets values in memory, where they fit the budget, and its results are arrays in memory.
"""

from __future__ import annotations

import operator
from typing import Any, Literal

import numpy as np

from .. import _reductions
from .._array import Array
from ._linear import matmul, matrix_transpose, tensordot, vecdot
from ._support import axes_of, by_numpy, check_result, lazy


def cholesky(x: Array, /, *, upper: bool = False) -> Array:
    """The triangle whose product with itself, transposed, is the matrix."""
    return by_numpy(np.linalg.cholesky, lazy(x), upper=upper)


def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """The cross product of vectors of three items."""
    return by_numpy(np.linalg.cross, lazy(x1), lazy(x2), axis=axis)


def det(x: Array, /) -> Array:
    """The determinant."""
    return by_numpy(np.linalg.det, lazy(x))


def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """The items of a diagonal of the last two axes."""
    return by_numpy(np.linalg.diagonal, lazy(x), offset=offset)


def eigh(x: Array, /) -> Any:
    """Eigenvalues and eigenvectors of a symmetric matrix."""
    return by_numpy(np.linalg.eigh, lazy(x))


def eigvalsh(x: Array, /) -> Array:
    """Eigenvalues of a symmetric matrix."""
    return by_numpy(np.linalg.eigvalsh, lazy(x))


def inv(x: Array, /) -> Array:
    """The inverse."""
    return by_numpy(np.linalg.inv, lazy(x))


def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """A norm of matrices; that of Frobenius is computed by the engine."""
    x = lazy(x)
    if ord == "fro":
        return _reductions.reduce(x, "norm", (-2, -1), None, None, keepdims)
    return by_numpy(np.linalg.matrix_norm, x, keepdims=keepdims, ord=ord)


def matrix_power(x: Array, n: int, /) -> Array:
    """A matrix multiplied by itself."""
    return by_numpy(np.linalg.matrix_power, lazy(x), n)


def matrix_rank(x: Array, /, *, rtol: Any = None) -> Array:
    """How many singular values are not nearly zero."""
    return lazy(by_numpy(np.linalg.matrix_rank, lazy(x), rtol=rtol))


def outer(x1: Array, x2: Array, /) -> Array:
    """The products of all items of one vector with all of another; nothing is computed."""
    x1, x2 = lazy(x1), lazy(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"outer() takes vectors, and got arrays with {x1.ndim} and {x2.ndim} axes")
    return x1[:, None] * x2[None, :]


def pinv(x: Array, /, *, rtol: Any = None) -> Array:
    """The pseudo-inverse."""
    return by_numpy(np.linalg.pinv, lazy(x), rtol=rtol)


def qr(x: Array, /, *, mode: Literal["reduced", "complete"] = "reduced") -> Any:
    """A matrix as the product of an orthogonal one and a triangle."""
    x = lazy(x)
    if mode == "complete":
        check_result("qr", (*x.shape[:-2], x.shape[-2], x.shape[-2]), x.dtype)
    return by_numpy(np.linalg.qr, x, mode)


def slogdet(x: Array, /) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return by_numpy(np.linalg.slogdet, lazy(x))


def solve(x1: Array, x2: Array, /) -> Array:
    """What a matrix has to be multiplied with to give another, or a vector."""
    x1, x2 = lazy(x1), lazy(x2)
    if x2.ndim == 1:
        return by_numpy(np.linalg.solve, x1, x2[:, None])[..., 0]
    return by_numpy(np.linalg.solve, x1, x2)


def svd(x: Array, /, *, full_matrices: bool = True) -> Any:
    """The singular values, with the vectors that belong to them."""
    x = lazy(x)
    if full_matrices:
        most = max(x.shape[-2:])
        check_result("svd, whose full_matrices have as many columns as rows,", (*x.shape[:-2], most, most), x.dtype)
    return by_numpy(np.linalg.svd, x, full_matrices=full_matrices)


def svdvals(x: Array, /) -> Array:
    """The singular values."""
    return by_numpy(np.linalg.svdvals, lazy(x))


def trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sum of a diagonal of the last two axes."""
    return diagonal(x, offset=operator.index(offset)).sum(-1, dtype)


def vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """A norm along axes; nothing is computed."""
    x = lazy(x)
    axis = tuple(axes_of(x, axis))
    if ord == 2:
        return _reductions.reduce(x, "norm", axis, None, None, keepdims)
    sizes = abs(x)
    if ord == np.inf:
        return sizes.max(axis, keepdims=keepdims)
    if ord == -np.inf:
        return sizes.min(axis, keepdims=keepdims)
    if ord == 0:
        return (x != 0).sum(axis, keepdims=keepdims).astype(sizes.dtype)
    if ord == 1:
        return sizes.sum(axis, keepdims=keepdims)
    return (sizes ** float(ord)).sum(axis, keepdims=keepdims) ** (1 / float(ord))


__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
