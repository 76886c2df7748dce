"""NumPy's functions of lanes, which know nothing of each other: some lanes at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _blocks
from ._blocks import axis_of, empty, handles, operand, read, storage_order

_GONE = object()

#: Not as overloads that know of other arguments.
_np_gradient: Any = np.gradient

#: Functions whose results have the byte order of the items.
_KEEP_ORDER = frozenset(("sort", "partition", "gradient"))


def _lanes(name: str, x: Any, axis: int, act: Callable[[np.ndarray], np.ndarray], before: int = 0, kept: bool = True) -> Any:
    """A function of lanes along an axis, which comes out `kept` or not, behind `before` new ones."""
    order = storage_order(x)
    others = [one for one in order if one != axis]
    if not others or x.size == 0 or x.dtype.kind not in "biufc":
        return NotImplemented
    # Lanes that lie across the file are read from all over it.
    most = _blocks.size() if order[0] != axis else _blocks.wide()
    places = {one: before + one - (not kept and axis < one) for one in others}
    out: Any = None
    for key in _blocks.boxes(x, others, most // x.shape[axis]):
        result = act(read(x[key]))
        if out is None:
            shape = list(result.shape)
            for one, place in places.items():
                shape[place] = x.shape[one]
            out = empty(name, tuple(shape), _result_dtype(name, x, result))
        to = [slice(None)] * out.ndim
        for one, place in places.items():
            to[place] = key[one]
        out[tuple(to)] = result
    return out


def _result_dtype(name: str, x: Any, part: np.ndarray) -> np.dtype:
    same = name in _KEEP_ORDER and part.dtype == x.dtype.newbyteorder("=")
    return x.dtype if same else part.dtype


def _same_axes(function: Any) -> None:
    """A function whose second argument, or `axis`, is the axis, which stays."""
    name = function.__name__

    def ours(a: Any, *args: Any, axis: Any = -1, **kwargs: Any) -> Any:
        x = operand(a)
        along = axis_of(x, args[0] if args else axis)
        if along is None or len(args) > 1 or kwargs.get("out") is not None:
            return NotImplemented
        return _lanes(name, x, along, lambda part: function(part, axis=along, **kwargs))

    handles(function)(ours)


_function: Any
for _function in (np.sort, np.argsort):
    _same_axes(_function)


def _with_argument(function: Any) -> None:
    """A function whose second argument is something else, and the third is the axis, which stays."""
    name = function.__name__

    def ours(a: Any, second: Any = _GONE, axis: Any = -1, *args: Any, **kwargs: Any) -> Any:
        x = operand(a)
        along = axis_of(x, axis)
        if along is None or args or kwargs.get("out") is not None:
            return NotImplemented
        given = () if second is _GONE else (second,)
        return _lanes(name, x, along, lambda part: function(part, *given, axis=along, **kwargs))

    handles(function)(ours)


for _function in (np.partition, np.argpartition):
    _with_argument(_function)
for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _with_argument(getattr(np.fft, _name))


def _of_median(function: Any) -> None:
    def ours(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
        x = operand(a)
        along = axis_of(x, axis)
        if along is None or out is not None:
            return NotImplemented
        kept = keepdims is True
        return _lanes(function.__name__, x, along, lambda part: function(part, along, keepdims=kept), kept=kept)

    handles(function)(ours)


def _of_quantile(function: Any) -> None:
    def ours(
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Any:
        x = operand(a)
        along = axis_of(x, axis)
        if along is None or out is not None or weights is not None:
            return NotImplemented
        kept = keepdims is True

        def act(part: np.ndarray) -> np.ndarray:
            return function(part, q, along, method=method, keepdims=kept)

        return _lanes(function.__name__, x, along, act, np.ndim(q), kept)

    handles(function)(ours)


for _function in (np.median, np.nanmedian):
    _of_median(_function)
for _function in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile):
    _of_quantile(_function)


@handles(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    y = operand(y)
    along = axis_of(y, axis)
    # Sums of halves depend on how they lie in memory.
    if along is None or np.ndim(x) > 1 or y.dtype == np.float16:
        return NotImplemented
    return _lanes("trapezoid", y, along, lambda part: np.trapezoid(part, x, dx, along), kept=False)


@handles(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    x = operand(f)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    found = [axis_of(x, one) for one in axes]
    spacings = varargs * len(found) if len(varargs) == 1 and np.ndim(varargs[0]) == 0 else varargs or (1.0,) * len(found)
    if None in found or len(spacings) != len(found) or edge_order not in (1, 2):
        return NotImplemented
    results = [_slope(x, one, along, edge_order) for one, along in zip(spacings, found, strict=True)]
    if any(one is NotImplemented for one in results):
        return NotImplemented
    return results[0] if len(results) == 1 else tuple(results)


def _slope(x: Any, spacing: Any, axis: Any, edge_order: int) -> Any:
    if storage_order(x)[0] != axis:
        return _lanes("gradient", x, axis, lambda part: _np_gradient(part, spacing, axis=axis, edge_order=edge_order))
    # Distances that differ are looked at all together.
    if np.ndim(spacing) or x.dtype.kind not in "biufc":
        return NotImplemented
    out: Any = None
    length = x.shape[axis]
    before = (slice(None),) * axis
    for start, stop in _blocks.spans(x, axis):
        # With the neighbours on both sides; at the ends of the array there are as many as its edges need.
        low = max(0, min(start - 1, length - 3))
        high = min(length, max(stop + 1, 3))
        part = _np_gradient(read(x[(*before, slice(low, high))]), spacing, axis=axis, edge_order=edge_order)
        if out is None:
            out = empty("gradient", x.shape, _result_dtype("gradient", x, part))
        out[(*before, slice(start, stop))] = part[(*before, slice(start - low, stop - low))]
    return out
