"""Reductions and running sums, with NumPy's arguments."""

from __future__ import annotations

import math
import operator
import warnings

import numpy as np

from . import _compute


class _NotGiven:
    """What stands for an argument that was not given, as `numpy._NoValue` does."""

    def __repr__(self):
        return "<no value>"


NOT_GIVEN = _NotGiven()

#: What an item that is left out by `where` becomes.
_NEUTRAL = {"sum": 0, "prod": 1, "any": False, "all": True, "nansum": 0, "nanprod": 1, "count_nonzero": 0}
_COMBINE = {"sum": "add", "prod": "multiply", "min": "minimum", "max": "maximum"}
_COMBINE |= {"nansum": "add", "nanprod": "multiply", "nanmin": "fmin", "nanmax": "fmax"}


def axes_of(axis):
    """The axes as a list; None for all."""
    if axis is None:
        return None
    if isinstance(axis, (tuple, list)):
        return [operator.index(one) for one in axis]
    return [operator.index(axis)]


def _given(value) -> bool:
    return value is not NOT_GIVEN and value is not np._NoValue


def reduce(
    x,
    name,
    axis=None,
    dtype=None,
    out=None,
    keepdims=False,
    *,
    ddof=0,
    initial=NOT_GIVEN,
    where=True,
):
    """A reduction of an array by its name, as NumPy's function of that name."""
    keepdims = bool(keepdims) if _given(keepdims) else False
    if where is not True and _given(where) and not (isinstance(where, np.bool) and where):
        result = _masked(x, name, axis, dtype, keepdims, ddof, initial, where)
    else:
        result = _plain(x, name, axis, dtype, keepdims, ddof)
        if _given(initial) and initial is not None:
            result = _with_initial(x, name, axis, dtype, keepdims, initial, result)
    return x._into(result, out)


def _plain(x, name, axis, dtype, keepdims, ddof):
    source = x if dtype is None or _adds_up_to(x.dtype, name, dtype) else x.astype(dtype)
    result = x._make("reduce", source, name, axes_of(axis), keepdims, float(ddof))
    if name in _OF_TOO_FEW:
        _warn_of_too_few(x, name, axis, ddof, result)
    # A sum of a small integer type is taken in a large one, and comes out as was asked for.
    return result if dtype is None or result.dtype == np.dtype(dtype) else result.astype(dtype)


def _adds_up_to(own, name, dtype) -> bool:
    """Whether sums and products of integers are those of the dtype as they are: in 64 bits, of which it has the last."""
    return name in _SUMS and own.kind in "biu" and np.dtype(dtype).kind in "iu"


_SUMS = ("sum", "prod", "nansum", "nanprod")

#: What NumPy says of means of nothing, which is known before anything is read.
_OF_TOO_FEW = {"mean": "Mean of empty slice", "nanmean": "Mean of empty slice"}
_OF_TOO_FEW |= dict.fromkeys(("var", "std"), "Degrees of freedom <= 0 for slice")
_OF_TOO_FEW |= dict.fromkeys(("nanvar", "nanstd"), "Degrees of freedom <= 0 for slice.")


def _warn_of_too_few(x, name, axis, ddof, result):
    axes = axes_of(axis)
    counts = x.shape if axes is None else [x.shape[one] for one in axes]
    if math.prod(counts) <= (0 if "mean" in name else ddof) and result.size:
        warnings.warn(_OF_TOO_FEW[name], RuntimeWarning, stacklevel=_compute.outside())


def _with_initial(x, name, axis, dtype, keepdims, initial, result):
    if name not in _COMBINE:
        raise TypeError(f"{name}() has no initial value")
    return x._make("map", _COMBINE[name], result, x._operand(initial))


def _masked(x, name, axis, dtype, keepdims, ddof, initial, where):
    """Reductions of the items that a condition chooses."""
    where = x._operand(where)
    if name in ("mean", "var", "std"):
        return _masked_moments(x, name, axis, dtype, keepdims, ddof, where)
    if name in ("min", "max"):
        if not _given(initial) or initial is None:
            raise ValueError(
                f"reduction operation '{name}imum' does not have an identity, so to use a where mask one has to "
                "specify 'initial'"
            )
        neutral = x._operand(x.dtype.type(initial))
    elif name in _NEUTRAL:
        neutral = x._operand(x.dtype.type(_NEUTRAL[name]))
    else:
        raise TypeError(f"{name}() has no where here; compute it of a selection, or of numpy.where(...)")
    chosen = x._make("map", "where", where, x, neutral)
    result = _plain(chosen, name, axis, dtype, keepdims, ddof)
    if _given(initial) and initial is not None:
        result = _with_initial(x, name, axis, dtype, keepdims, initial, result)
    return result


def _masked_moments(x, name, axis, dtype, keepdims, ddof, where):
    total = reduce(x, "sum", axis, dtype or _mean_dtype(x), None, True, where=where)
    mask = x._make("broadcast_to", where, x.shape) if where.shape != x.shape else where
    count = reduce(mask, "count_nonzero", axis, None, None, True)
    mean = total / count
    if name == "mean":
        return _drop(mean, axis, keepdims)
    distance = abs(x - mean)
    squares = reduce(distance * distance, "sum", axis, None, None, True, where=where)
    var = squares / x._make("map", "maximum", count - ddof, 0)
    return _drop(var if name == "var" else x._make("map", "sqrt", var), axis, keepdims)


def _mean_dtype(x):
    return None if x.dtype.kind in "fc" else np.dtype("f8")


def _drop(x, axis, keepdims):
    if keepdims:
        return x
    axes = axes_of(axis)
    axes = range(x.ndim) if axes is None else [one % x.ndim for one in axes]
    return x[tuple(0 if i in axes else slice(None) for i in range(x.ndim))]


def _method(name: str, doc: str, form: str):
    """A method with the arguments that NumPy's has."""
    if form == "sum":

        def method(self, axis=None, dtype=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
            return reduce(self, name, axis, dtype, out, keepdims, initial=initial, where=where)

    elif form == "mean":

        def method(self, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
            return reduce(self, name, axis, dtype, out, keepdims, where=where)

    elif form == "var":

        def method(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=NOT_GIVEN):
            ddof = correction if _given(correction) else ddof
            return reduce(self, name, axis, dtype, out, keepdims, ddof=ddof, where=where)

    elif form == "min":

        def method(self, axis=None, out=None, keepdims=False, initial=NOT_GIVEN, where=True):
            return reduce(self, name, axis, None, out, keepdims, initial=initial, where=where)

    elif form == "any":

        def method(self, axis=None, out=None, keepdims=False, *, where=True):
            return reduce(self, name, axis, None, out, keepdims, where=where)

    else:

        def method(self, axis=None, out=None, *, keepdims=False):
            return reduce(self, name, axis, None, out, keepdims)

    method.__name__ = name
    method.__qualname__ = f"Reductions.{name}"
    method.__doc__ = doc
    return method


class Reductions:
    """Reductions give arrays too, of fewer axes: nothing is computed before the values are wanted."""

    __slots__ = ()

    sum = _method("sum", "The sum along axes: an integer or a tuple of them, all of them if it is None.", "sum")
    prod = _method("prod", "The product along axes.", "sum")
    mean = _method("mean", "The mean along axes.", "mean")
    var = _method("var", "The variance along axes, with `ddof` taken from the number of items.", "var")
    std = _method("std", "The standard deviation along axes, with `ddof` taken from the number of items.", "var")
    min = _method("min", "The minimum along axes: NaN where there is one.", "min")
    max = _method("max", "The maximum along axes: NaN where there is one.", "min")
    any = _method("any", "Whether any item is true, along axes.", "any")
    all = _method("all", "Whether all items are true, along axes.", "any")
    argmin = _method("argmin", "The place of the first minimum along an axis, or in C order.", "argmin")
    argmax = _method("argmax", "The place of the first maximum along an axis, or in C order.", "argmin")
    ptp = _method("ptp", "The greatest item less the least, along axes.", "argmin")

    def cumsum(self, axis=None, dtype=None, out=None):
        """The running sum along an axis; of all items in C order if it is None."""
        return scan(self, "cumsum", axis, dtype, out)

    def cumprod(self, axis=None, dtype=None, out=None):
        """The running product along an axis; of all items in C order if it is None."""
        return scan(self, "cumprod", axis, dtype, out)


def scan(x, name, axis=None, dtype=None, out=None):
    """A running sum or product."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    source = x if dtype is None else x.astype(dtype)
    result = x._make(name, source, operator.index(axis))
    result = result if dtype is None or result.dtype == np.dtype(dtype) else result.astype(dtype)
    return x._into(result, out)
