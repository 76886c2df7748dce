"""NumPy's functions on arrays: one table of what stays lazy; the rest is done by NumPy within the budget."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from . import _compute, _described, _picking, _reductions, _shapes
from ._array import Array, asarray
from ._reductions import NOT_GIVEN
from ._ufuncs import by_numpy

_TABLE: dict = {}


def handles(*functions):
    """Says which of NumPy's functions one of ours answers."""

    def add(ours):
        for function in functions:
            _TABLE[function] = ours
        return ours

    return add


def call(function, args, kwargs):
    """What `__array_function__` answers."""
    ours = _TABLE.get(function)
    if ours is not None:
        return ours(*args, **kwargs)
    return by_numpy(function, _name(function), args, kwargs)


def by_name(name, args, kwargs):
    """A function that is a method too."""
    return call(getattr(np, name), args, kwargs)


def _name(function) -> str:
    return f"{getattr(function, '__module__', 'numpy')}.{getattr(function, '__name__', function)}"


def _lazy(value) -> Array:
    return value if type(value) is Array else asarray(value)


# Reductions.


def _sum_like(function, name):
    @handles(function)
    def ours(a, axis=None, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
        return _reductions.reduce(_lazy(a), name, axis, dtype, out, keepdims, initial=initial, where=where)


def _mean_like(function, name):
    @handles(function)
    def ours(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
        return _reductions.reduce(_lazy(a), name, axis, dtype, out, keepdims, where=where)


def _var_like(function, name):
    @handles(function)
    def ours(
        a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=NOT_GIVEN, correction=NOT_GIVEN
    ):
        # A mean that is known already makes nothing faster here: it comes in the same pass.
        ddof = correction if _reductions._given(correction) else ddof
        return _reductions.reduce(_lazy(a), name, axis, dtype, out, keepdims, ddof=ddof, where=where)


def _min_like(function, name):
    @handles(function)
    def ours(a, axis=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
        return _reductions.reduce(_lazy(a), name, axis, None, out, keepdims, initial=initial, where=where)


def _any_like(function, name):
    @handles(function)
    def ours(a, axis=None, out=None, keepdims=False, *, where=True):
        return _reductions.reduce(_lazy(a), name, axis, None, out, keepdims, where=where)


def _place_like(function, name):
    @handles(function)
    def ours(a, axis=None, out=None, *, keepdims=False):
        return _reductions.reduce(_lazy(a), name, axis, None, out, keepdims)


_function: Any
for _function in (np.sum, np.prod, np.nansum, np.nanprod):
    _sum_like(_function, _function.__name__)
for _function in (np.mean, np.nanmean):
    _mean_like(_function, _function.__name__)
for _function in (np.var, np.std, np.nanvar, np.nanstd):
    _var_like(_function, _function.__name__)
for _function, _named in ((np.min, "min"), (np.max, "max"), (np.nanmin, "nanmin"), (np.nanmax, "nanmax")):
    _min_like(_function, _named)
for _function in (np.any, np.all):
    _any_like(_function, _function.__name__)
for _function in (np.argmin, np.argmax, np.nanargmin, np.nanargmax):
    _place_like(_function, _function.__name__)


@handles(np.ptp)
def _ptp(a, axis=None, out=None, keepdims=False):
    return _reductions.reduce(_lazy(a), "ptp", axis, None, out, keepdims)


@handles(np.count_nonzero)
def _count_nonzero(a, axis=None, *, keepdims=False):
    return _reductions.reduce(_lazy(a), "count_nonzero", axis, None, None, keepdims)


@handles(np.linalg.norm)
def _norm(x, ord=None, axis=None, keepdims=False):
    plain = ord is None or (ord == 2 and (np.ndim(x) == 1 or isinstance(axis, int)))
    if not plain:
        return by_numpy(np.linalg.norm, "numpy.linalg.norm", (x,), {"ord": ord, "axis": axis, "keepdims": keepdims})
    return _reductions.reduce(_lazy(x), "norm", axis, None, None, keepdims)


@handles(np.average)
def _average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = _lazy(a)
    if weights is None:
        if returned:
            return by_numpy(np.average, "numpy.average", (a, axis, weights, returned), {})
        return a.mean(axis, keepdims=bool(keepdims) if _reductions._given(keepdims) else False)
    weights = _lazy(weights)
    if weights.shape != a.shape:
        if weights.ndim != 1 or not isinstance(axis, int) or weights.shape[0] != a.shape[axis]:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        shape = [1] * a.ndim
        shape[axis] = weights.shape[0]
        weights = np.broadcast_to(weights.reshape(shape), a.shape)
    keepdims = bool(keepdims) if _reductions._given(keepdims) else False
    total = weights.sum(axis, keepdims=keepdims)
    result = (a * weights).sum(axis, keepdims=keepdims) / total
    return (result, total) if returned else result


@handles(np.cumsum)
def _cumsum(a, axis=None, dtype=None, out=None):
    return _reductions.scan(_lazy(a), "cumsum", axis, dtype, out)


@handles(np.cumprod)
def _cumprod(a, axis=None, dtype=None, out=None):
    return _reductions.scan(_lazy(a), "cumprod", axis, dtype, out)


@handles(np.diff)
def _diff(a, n=1, axis=-1, prepend=NOT_GIVEN, append=NOT_GIVEN):
    if _reductions._given(prepend) or _reductions._given(append):
        ends = {"prepend": prepend, "append": append}
        given = {name: end for name, end in ends.items() if _reductions._given(end)}
        return by_numpy(np.diff, "numpy.diff", (a, n, axis), given)
    n = operator.index(n)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    a = _lazy(a)
    return a._make("diff", a, n, operator.index(axis))


# Functions of items.


@handles(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Items of `x` where a condition is true, of `y` elsewhere; nothing is computed.

    Examples
    --------
    >>> x = nf.asarray([1.0, -2.0, 3.0])
    >>> nf.where(x > 0, x, 0.0).compute()
    array([1., 0., 3.])
    """
    if x is None and y is None:
        return by_numpy(np.where, "numpy.where", (condition,), {})
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return Array._make("map", "where", _lazy(condition), Array._operand(x), Array._operand(y))


@handles(np.clip)
def _clip(a, a_min=NOT_GIVEN, a_max=NOT_GIVEN, out=None, *, min=NOT_GIVEN, max=NOT_GIVEN, **kwargs):
    if kwargs:
        raise TypeError(f"clip() of arrays on disk has no argument {next(iter(kwargs))!r}")
    low = next((x for x in (a_min, min) if _reductions._given(x) and x is not None), None)
    high = next((x for x in (a_max, max) if _reductions._given(x) and x is not None), None)
    a = _lazy(a)
    if low is not None and high is not None:
        result = a._make("map", "clip", a, a._operand(low), a._operand(high))
    elif low is not None:
        result = a._make("map", "maximum", a, a._operand(low))
    elif high is not None:
        result = a._make("map", "minimum", a, a._operand(high))
    else:
        result = a
    return a._into(result, out)


@handles(np.round, np.around)
def _round(a, decimals=0, out=None):
    a = _lazy(a)
    return a._into(a._make("round", a, operator.index(decimals)), out)


@handles(np.nan_to_num)
def _nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    x = _lazy(x)
    result = x._make("nan_to_num", x, float(nan), posinf, neginf)
    return result if copy else x._replace(result, "same_kind")


@handles(np.real)
def _real(val):
    return _lazy(val).real


@handles(np.imag)
def _imag(val):
    return _lazy(val).imag


@handles(np.angle)
def _angle(z, deg=False):
    z = _lazy(z)
    result = z._make("map", "angle", z)
    return np.degrees(result) if deg else result


@handles(np.fix)
def _fix(x, out=None):
    x = _lazy(x)
    return x._into(x._make("map", "trunc", x), out)


@handles(np.isclose)
def _isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    a, b = Array._operand(a), Array._operand(b)
    with np.errstate(invalid="ignore"):
        close = (abs(a - b) <= atol + rtol * abs(b)) & np.isfinite(b)
    result = close | (a == b)
    return result | (np.isnan(a) & np.isnan(b)) if equal_nan else result


@handles(np.allclose)
def _allclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    with np.errstate(invalid="ignore"):
        return bool(_isclose(a, b, rtol, atol, equal_nan).all())


@handles(np.array_equal)
def _array_equal(a1, a2, equal_nan=False):
    a1, a2 = _lazy(a1), _lazy(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    if equal_nan:
        same = same | (np.isnan(a1) & np.isnan(a2))
    return bool(same.all())


@handles(np.array_equiv)
def _array_equiv(a1, a2):
    a1, a2 = _lazy(a1), _lazy(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return bool((a1 == a2).all())


# What is known without reading.


@handles(np.shape)
def _shape(a):
    return a.shape


@handles(np.ndim)
def _ndim(a):
    return a.ndim


@handles(np.size)
def _size(a, axis=None):
    return a.size if axis is None else a.shape[axis]


@handles(np.result_type)
def _result_type(*arrays_and_dtypes):
    return np.result_type(*(a.dtype if type(a) is Array else a for a in arrays_and_dtypes))


@handles(np.can_cast)
def _can_cast(from_, to, casting="safe"):
    return np.can_cast(from_.dtype if type(from_) is Array else from_, to, casting)


@handles(np.iscomplexobj)
def _iscomplexobj(x):
    return x.dtype.kind == "c"


@handles(np.isrealobj)
def _isrealobj(x):
    return x.dtype.kind != "c"


# Making and writing.


def _like(function, value):
    @handles(function)
    def ours(prototype, dtype=None, order="K", subok=True, shape=None, *, device=None):
        dtype = prototype.dtype if dtype is None else np.dtype(dtype)
        return _shapes.constant(prototype.shape if shape is None else shape, value, dtype)


_like(np.zeros_like, 0)
_like(np.ones_like, 1)
# Nobody may rely on what is in there.
_like(np.empty_like, 0)


@handles(np.full_like)
def _full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    return _shapes.constant(a.shape if shape is None else shape, fill_value, dtype)


@handles(np.copy)
def _copy(a, order="K", subok=False):
    return a.copy()


@handles(np.copyto)
def _copyto(dst, src, casting="same_kind", where=True):
    if where is not True:
        src = Array._make("map", "where", _lazy(where), Array._operand(src), Array._operand(dst))
    if type(dst) is Array:
        dst._assign(src, casting)
        return
    if casting != "same_kind":
        src = src.astype(dst.dtype, casting=casting)
    _compute.into(src, dst)


@handles(np.save)
def _save(file, arr, allow_pickle=True):
    import os

    if hasattr(file, "write"):
        return by_numpy(np.save, "numpy.save", (file, arr), {})
    path = os.fspath(file)
    arr.save(path if path.endswith(".npy") else path + ".npy").close()
    return None


@handles(np.array_repr)
def _array_repr(arr, max_line_width=None, precision=None, suppress_small=None):
    return repr(arr)


@handles(np.array_str)
def _array_str(a, max_line_width=None, precision=None, suppress_small=None):
    return str(a)


for _function, _ours in (_shapes.TABLE | _described.TABLE | _picking.TABLE).items():
    _TABLE[_function] = _ours

