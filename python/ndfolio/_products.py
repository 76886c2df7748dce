"""NumPy's products of matrices, and what is made of them, block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import _blocks, _compute, _config
from ._array import Array
from ._blocks import along, empty, handles, operand, read, spans, storage_order, whole


def _sums(dtype: np.dtype) -> np.dtype:
    """What sums of blocks are added in: halves as single numbers, as NumPy does within a product."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """A view in another shape: `ValueError` where strides cannot express it."""
    return x._make("reshape", x, list(shape)) if type(x) is Array else np.reshape(x, shape, copy=False)


def _as_it_is(x: Any, dtype: np.dtype) -> bool:
    """Whether NumPy multiplies items where they lie: `x` is a view of a map, or it is none."""
    if type(x) is Array:
        shared = x._shared() if _config.session().allows(x.nbytes) else None
        return shared is not None and _as_it_is(shared, dtype)
    return x.dtype == dtype and x.flags.aligned and (x.flags.c_contiguous or x.flags.f_contiguous)


def _matrices(name: str, a: Any, b: Any, out: Any = None) -> Any:
    """The product of two matrices."""
    (m, k), (k_, n) = a.shape, b.shape
    dtype = np.result_type(a.dtype, b.dtype)
    if k != k_ or dtype.kind not in "iufc":
        return NotImplemented
    if out is None:
        out = empty(name, (m, n), dtype)
    elif out.shape != (m, n) or out.dtype != dtype:
        return NotImplemented
    if a.nbytes >= b.nbytes:
        return _by_rows(a, b, out)
    turned = _by_rows(b.T, a.T, out.T)
    return NotImplemented if turned is NotImplemented else out


def _by_rows(a: Any, b: Any, out: Any) -> Any:
    """The same where the first is the large one."""
    if storage_order(a)[0] == 0:
        # Rows of the result, each of which needs all of the other one.
        b = whole(b)
        if b is NotImplemented:
            return NotImplemented
        for start, stop, rows in along(a, 0):
            out[start:stop] = rows @ b
        return out
    # Sums over what both have in common.
    total = np.zeros(out.shape, _sums(out.dtype))
    wider = a if a.shape[0] >= b.shape[1] else b.T
    for start, stop in spans(wider, 1):
        total += (read(a[:, start:stop]) @ read(b[start:stop])).astype(total.dtype, copy=False)
    out[...] = total.astype(out.dtype, copy=False)
    return out


def _product(name: str, a: Any, b: Any, out: Any = None) -> Any:
    """As `numpy.dot` and `numpy.matmul` of vectors and matrices, and of a stack of them with one matrix."""
    a, b = operand(a), operand(b)
    dtype = np.result_type(a.dtype, b.dtype)
    if not a.ndim or not b.ndim or b.ndim > 2 or (_as_it_is(a, dtype) and _as_it_is(b, dtype)):
        return NotImplemented
    shape = (*a.shape[:-1], *b.shape[1:])
    rows = math.prod(a.shape[:-1])
    if out is not None:
        if out.shape != shape or (a.ndim, b.ndim) != (2, 2):
            return NotImplemented
        return _matrices(name, a, b, out)
    try:
        left, right = _reshaped(a, (rows, a.shape[-1])), b if b.ndim == 2 else _reshaped(b, (b.shape[0], 1))
    except ValueError:
        return NotImplemented
    result = _matrices(name, left, right)
    return NotImplemented if result is NotImplemented else result.reshape(shape)[()]


@handles(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    return _product("dot", a, b, out)


@handles(np.matmul)
def _matmul(x1: Any, x2: Any, /, out: Any = None, **kwargs: Any) -> Any:
    if isinstance(out, tuple):
        (out,) = out
    return NotImplemented if kwargs else _product("matmul", x1, x2, out)


@handles(np.inner)
def _inner(a: Any, b: Any, /) -> Any:
    b = operand(b)
    return _product("inner", a, b.T) if b.ndim <= 2 else NotImplemented


@handles(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = operand(a), operand(b)
    if isinstance(axes, (int, np.integer)):
        count = int(axes)
    else:
        first, second = ([one] if np.ndim(one) == 0 else list(one) for one in axes)
        count = len(first)
        # The last ones of the first array and the first ones of the second lie together.
        if [one % a.ndim for one in first] != list(range(a.ndim - count, a.ndim)):
            return NotImplemented
        if [one % b.ndim for one in second] != list(range(count)):
            return NotImplemented
    if count < 1 or count > min(a.ndim, b.ndim) or a.shape[a.ndim - count :] != b.shape[:count]:
        return NotImplemented
    kept, gone, new = a.shape[: a.ndim - count], b.shape[:count], b.shape[count:]
    try:
        left = _reshaped(a, (math.prod(kept), math.prod(gone)))
        right = _reshaped(b, (math.prod(gone), math.prod(new)))
    except ValueError:
        return NotImplemented
    result = _product("tensordot", left, right)
    return NotImplemented if result is NotImplemented else np.asarray(result).reshape(kept + new)


@handles(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    a, b = operand(a), operand(b)
    dtype = np.result_type(a.dtype, b.dtype)
    if a.shape != b.shape or dtype.kind not in "iufc" or (_as_it_is(a, dtype) and _as_it_is(b, dtype)):
        return NotImplemented
    total = np.zeros((), _sums(dtype))
    for key in _blocks.boxes(a, storage_order(a)):
        total += np.vdot(read(a[key]), read(b[key]))
    return total.astype(dtype)[()]


# Statistics of pairs.


@handles(np.cov)
def _cov(
    m: Any,
    y: Any = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if fweights is not None or aweights is not None or (ddof is not None and ddof != int(ddof)):
        return NotImplemented
    parts = [operand(m)] if y is None else [operand(m), operand(y)]
    if any(part.ndim not in (1, 2) or part.dtype.kind not in "biufc" for part in parts):
        return NotImplemented
    dtype = np.result_type(*(part.dtype for part in parts), np.float64) if dtype is None else np.dtype(dtype)
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    # A variable in each row.
    rows = [part[None] if part.ndim == 1 else part if rowvar else part.T for part in parts]
    count = rows[0].shape[1]
    if count <= ddof or any(part.shape[1] != count for part in rows) or dtype.kind not in "fc":
        return NotImplemented
    means = np.concatenate([_means(part, dtype) for part in rows])[:, None]
    total = empty("cov", (len(means),) * 2, dtype)
    total[...] = 0
    for start, stop in spans(max(rows, key=lambda part: part.nbytes), 1, _blocks.size() // len(rows)):
        block = np.concatenate([read(part[:, start:stop]).astype(dtype, copy=False) for part in rows]) - means
        total += block @ block.T.conj()
    total *= np.true_divide(1, count - ddof)
    return total.squeeze()


def _means(x: Any, dtype: np.dtype) -> np.ndarray:
    """The mean of each row."""
    return _compute.compute(x.astype(dtype).mean(1)) if type(x) is Array else x.mean(1, dtype)


@handles(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Any:
    result = _cov(x, y, rowvar, dtype=dtype)
    if result is NotImplemented or np.ndim(result) == 0:
        return result if result is NotImplemented else result / result
    deviations = np.sqrt(np.diag(result).real)
    result /= deviations[:, None]
    result /= deviations[None, :]
    # What is rounded could be beyond the ends.
    np.clip(result.real, -1, 1, out=result.real)
    if np.iscomplexobj(result):
        np.clip(result.imag, -1, 1, out=result.imag)
    return result


# Tall matrices.

#: Numbers of a part of a block, so few that they stay in the cache, and that no library has threads for them.
_PART = 1 << 12


def _triangle(parts: list[Any]) -> Any:
    """The triangle R of a tall matrix, whose columns are those of the parts: the blocks' own, put together by further ones.

    Every step is an orthogonal transformation, so it is as exact as that of the whole matrix.
    """
    rows, columns = parts[0].shape[0], sum(part.shape[1] for part in parts)
    kinds = np.result_type(*(part.dtype for part in parts), np.float64)
    each = 16 * columns * columns
    # Blocks are taller than wide, or nothing is gained.
    if rows < 4 * columns or each > _blocks.size() or kinds.kind not in "fc" or kinds.itemsize > 16:
        return NotImplemented
    triangle: Any = np.empty((0, columns), kinds)
    most = max(each, _blocks.size() // 2)
    for start, stop in spans(max(parts, key=lambda part: part.nbytes), 0, most):
        block = np.concatenate([read(part[start:stop]).astype(kinds, copy=False) for part in parts], axis=1)
        triangle = np.linalg.qr(np.concatenate([triangle, _shorter(block)]), mode="r")
    return triangle


def _shorter(block: np.ndarray) -> np.ndarray:
    """A few rows that have the same triangle as a block, in whose place are those of its parts."""
    columns = block.shape[1]
    each = max(4 * columns, _PART // columns)
    while (count := len(block) // each) > 1:
        triangles: Any = np.linalg.qr(block[: count * each].reshape(count, each, columns), mode="r")
        block = np.concatenate([triangles.reshape(-1, columns), block[count * each :]])
    return block


def _small(*arrays: Any) -> Any:
    """The dtype that NumPy's linear algebra gives."""
    dtypes = [one.dtype if one.dtype.kind in "fc" else np.dtype(float) for one in arrays]
    return NotImplemented if np.float16 in dtypes else np.result_type(*dtypes)


@handles(np.linalg.svdvals)
def _svdvals(x: Any, /) -> Any:
    x = operand(x)
    if x.ndim != 2 or x.dtype.kind not in "biufc" or _small(x) is NotImplemented:
        return NotImplemented
    triangle = _triangle([x if x.shape[0] >= x.shape[1] else x.T])
    if triangle is NotImplemented:
        return NotImplemented
    values = np.linalg.svdvals(triangle)
    return values.astype(np.empty(0, _small(x)).real.dtype)


@handles(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    # Vectors have signs that NumPy may have the other way round.
    return NotImplemented if compute_uv or hermitian else _svdvals(a)


@handles(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = operand(a), operand(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0] or a.dtype.kind + b.dtype.kind not in _PAIRS:
        return NotImplemented
    dtype = _small(a, b)
    right = b[:, None] if b.ndim == 1 else b
    if dtype is NotImplemented or not right.shape[1]:
        return NotImplemented
    triangle = _triangle([a, right])
    if triangle is NotImplemented:
        return NotImplemented
    (rows, columns), count = a.shape, a.shape[1]
    if rcond is None:
        rcond = np.finfo(float).eps * max(rows, columns)
    x, _, rank, values = np.linalg.lstsq(triangle[:count, :count], triangle[:count, count:], rcond)
    # What the columns of `b` have beside the space of those of `a`.
    rest = (np.abs(triangle[count:, count:]) ** 2).sum(0) if rank == columns else np.empty(0)
    real = np.empty(0, dtype).real.dtype
    x = x[:, 0] if b.ndim == 1 else x
    return x.astype(dtype), rest.astype(real), rank, values.astype(real)


_PAIRS = {a + b for a in "biufc" for b in "biufc"}
