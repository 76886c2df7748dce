"""Quantiles and histograms of files, which the engine finds in few passes whatever their size."""

from __future__ import annotations

import numpy as np

from . import _config, _ndfolio
from ._array import Array
from ._ufuncs import by_numpy

TABLE: dict = {}

#: Bytes below which NumPy is quicker.
_WORTH = 4 << 20


def _handles(function):
    def add(ours):
        TABLE[function] = ours
        return ours

    return add


def _fits(a, axis, others) -> bool:
    """Whether the engine answers: all numbers of a large file, and nothing unusual."""
    if type(a) is not Array or not a._in_file or a.nbytes < _WORTH or a.dtype.kind not in "iuf":
        return False
    every = axis is None or (isinstance(axis, tuple) and sorted(one % a.ndim for one in axis) == list(range(a.ndim)))
    return every and all(other is None for other in others)


def _describe(a, quantiles, bins=None, range=None) -> dict:
    found, a._profile = _ndfolio.describe(a._node, quantiles, bins, range, _config.session())
    return found


def _quantiles(a, q, keepdims, skips_nan, scale):
    given = np.asarray(q, np.float64) / scale
    if given.size and not ((given >= 0) & (given <= 1)).all():
        what = "Percentiles must be in the range [0, 100]" if scale == 100 else "Quantiles must be in the range [0, 1]"
        raise ValueError(what)
    found = _describe(a, given.ravel().tolist())
    values = [np.nan if value is None else value for value in found["quantiles"]]
    if found["nan"] and not skips_nan:
        values = [np.nan] * len(values)
    # A number is weak beside the items, an array is not.
    is_weak = a.dtype.kind == "f" and isinstance(q, (int, float))
    dtype = a.dtype.newbyteorder("=") if is_weak else np.dtype(np.float64)
    result = np.asarray(values, dtype).reshape(given.shape)
    if keepdims is True:
        result = result.reshape(given.shape + (1,) * a.ndim)
    return result[()]


def _of_quantile(function, scale, skips_nan):
    @_handles(function)
    def ours(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=np._NoValue, **others):
        plain = method == "linear" and _fits(a, axis, (out, *others.values()))
        if not plain:
            given = {"axis": axis, "out": out, "method": method} | others
            if keepdims is not np._NoValue:
                given["keepdims"] = keepdims
            return by_numpy(function, f"numpy.{function.__name__}", (a, q), given)
        return _quantiles(a, q, keepdims, skips_nan, scale)


def _of_median(function, skips_nan):
    @_handles(function)
    def ours(a, axis=None, out=None, overwrite_input=False, keepdims=np._NoValue):
        if not _fits(a, axis, (out,)):
            given = {"axis": axis, "out": out} | ({} if keepdims is np._NoValue else {"keepdims": keepdims})
            return by_numpy(function, f"numpy.{function.__name__}", (a,), given)
        return _quantiles(a, 0.5, keepdims, skips_nan, 1)


_of_quantile(np.quantile, 1, False)
_of_quantile(np.percentile, 100, False)
_of_quantile(np.nanquantile, 1, True)
_of_quantile(np.nanpercentile, 100, True)
_of_median(np.median, False)
_of_median(np.nanmedian, True)


def answers_histogram(a, bins, range) -> bool:
    """Whether the engine counts the items of a histogram."""
    is_count = isinstance(bins, (int, np.integer)) and bins > 0
    return bool(is_count and _fits(a, None, ()) and (range is None or range[0] < range[1]))


@_handles(np.histogram)
def _histogram(a, bins=10, range=None, density=None, weights=None):
    if weights is not None or not answers_histogram(a, bins, range):
        given = {"bins": bins, "range": range, "density": density, "weights": weights}
        return by_numpy(np.histogram, "numpy.histogram", (a,), given)
    range = None if range is None else (float(range[0]), float(range[1]))
    found = _describe(a, [], int(bins), range)
    if found["nan"] and range is None:
        raise ValueError("autodetected range of [nan, nan] is not finite")
    counts, edges = found["histogram"]
    counts, edges = np.asarray(counts, np.intp), np.asarray(edges)
    if a.dtype.kind == "f":
        edges = edges.astype(a.dtype.newbyteorder("="))
    if density:
        return counts / np.diff(edges) / counts.sum(), edges
    return counts, edges
