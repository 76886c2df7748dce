"""NumPy's functions on large maps, by the engine: several threads, one pass, and no copy of the file in memory.

What the engine has no way for, or says differently, is left to NumPy: each function here gives `NotImplemented` then.
"""

import numpy as np

from . import _config, _described, _functions, _memmap, _ndfolio
from ._array import Array
from ._compute import compute
from ._memmap import memmap

#: What NumPy does without a copy, as fast as one thread reads memory; so it is left to it in maps of fewer bytes.
_BOUNDED = {"sum", "prod", "mean", "min", "max", "any", "all", "argmin", "argmax", "nanmin", "nanmax", "ptp"}
_BOUNDED |= {"count_nonzero"}
_VERY_LARGE = 32 << 20

#: Functions whose results NumPy can warn of.
_WARNED = {"sum", "prod", "mean", "var", "std", "nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax"}
_WARNED |= {"average"}

_FUNCTIONS = {
    function: function.__name__
    for function in (
        np.nansum,
        np.nanprod,
        np.nanmean,
        np.nanvar,
        np.nanstd,
        np.nanmin,
        np.nanmax,
        np.nanargmin,
        np.nanargmax,
        np.count_nonzero,
        np.ptp,
        np.allclose,
        np.array_equal,
        np.array_equiv,
        np.average,
        np.linalg.norm,
    )
}


def method(array, name, args, kwargs):
    """A method of an array that is a reduction."""
    # An axis at most.
    if len(args) > 1 or not _plain(kwargs) or (name in _BOUNDED and array.nbytes < _VERY_LARGE):
        return NotImplemented
    lazy = _lazy(array)
    if lazy is None:
        return NotImplemented
    return _computed(name, getattr(np, name), (lazy, *args), kwargs)


def function(function, args, kwargs):
    """A function of NumPy with arrays among its arguments."""
    quantiles = _QUANTILES.get(function)
    if quantiles is not None and args and type(args[0]) is memmap:
        result = quantiles(*args, **kwargs)
        if result is not NotImplemented:
            return result
    name = _FUNCTIONS.get(function)
    if name is None:
        return by_blocks(function, args, kwargs)
    if not args or not _plain(kwargs) or (len(args) > 2 and name in _WARNED):
        return NotImplemented
    if name in _BOUNDED and getattr(args[0], "nbytes", 0) < _VERY_LARGE:
        return NotImplemented
    lazies = [_lazy(arg) if type(arg) is memmap else arg for arg in args]
    # One that the engine does not see is NumPy's, and so is all of it then.
    if any(lazy is None and arg is not None for lazy, arg in zip(lazies, args, strict=True)):
        return NotImplemented
    return _computed(name, function, lazies, kwargs)


def by_blocks(function, args, kwargs):
    """A function that NumPy would copy whole maps for, block by block."""
    from . import _inblocks

    ours = _inblocks.OF_MAPS.get(function)
    out = kwargs.get("out")
    maps = [arg for arg in (*args, *kwargs.values()) if type(arg) is memmap and arg is not out]
    if ours is None or not any(map(large, maps)):
        return NotImplemented
    # What is overwritten while it is read, NumPy copies first.
    if out is not None and any(np.may_share_memory(_plainly(out), _plainly(one)) for one in maps):
        return NotImplemented
    seen = {name: _seen(arg) if name != "out" else arg for name, arg in kwargs.items()}
    try:
        result = ours(*map(_seen, args), **seen)
    except (TypeError, ValueError, NotImplementedError, MemoryError):
        # NumPy's own words for what is wrong, or its way to do it.
        return NotImplemented
    for one in (*maps, out):
        if type(one) is memmap:
            one.check()
    return result


def _seen(arg):
    """A large map as the engine sees it, where it does; else the items where they lie."""
    if type(arg) is not memmap:
        return arg
    lazy = _lazy(arg)
    return _plainly(arg) if lazy is None else lazy


def _plainly(array):
    """The same items without what the class adds."""
    return array.view(np.ndarray) if isinstance(array, np.ndarray) else array


def _plain(kwargs):
    """Whether there is nothing among the arguments that NumPy alone knows exactly."""
    return not any(
        name in kwargs and kwargs[name] is not None and kwargs[name] is not np._NoValue
        for name in ("out", "where", "initial", "dtype", "mean")
    )


def _computed(name, function, args, kwargs):
    if "arg" in name and isinstance(kwargs.get("axis", args[1] if len(args) > 1 else None), tuple):
        return NotImplemented
    kwargs = {key: value for key, value in kwargs.items() if value is not None and value is not np._NoValue}
    try:
        with np.errstate(all="ignore"):
            result = _functions.call(function, tuple(args), kwargs)
            if type(result) is Array:
                result = compute(result)
    except (TypeError, ValueError, NotImplementedError, MemoryError):
        # NumPy's own words for what is wrong, or its way to do it.
        return NotImplemented
    if name in _WARNED and not np.isfinite(result).all():
        return NotImplemented
    return result


def _lazy(array):
    """The array as the engine sees it; None if it cannot, or if it is not worth it."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if not large(array) or kind not in "biufc" or size > (16 if kind == "c" else 8):
        return None
    mapping = array._mmap
    # What was changed in mode 'c' is in no file.
    if mapping is None or mapping.mode == "c" or mapping.doubtful or not mapping.named:
        return None
    place = mapping.offset + array.__array_interface__["data"][0] - mapping.address
    try:
        node = _ndfolio.open_view(
            mapping.path, "r", mapping.identity, array.dtype, (array.shape, array.strides, place)
        )
    except (ValueError, TypeError, OSError):
        return None
    return Array._of(node)


def large(array):
    """Whether the engine is worth it, and wanted."""
    return array.nbytes >= _memmap._LARGE and _config.settings().accelerate


def _median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    if _given(axis) or _given(out) or _given(keepdims):
        return NotImplemented
    return _quantiles(a, np.float64(0.5), "fiu", a.dtype if a.dtype.kind == "f" else np.dtype(float))


def _histogram(a, bins=10, range=None, density=None, weights=None):
    lazy = _lazy(a)
    if lazy is None or weights is not None or not _described.answers_histogram(lazy, bins, range):
        return NotImplemented
    return _described.TABLE[np.histogram](lazy, bins, range, density)


def _quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", **kwargs):
    if _given(axis) or _given(out) or method != "linear" or any(map(_given, kwargs.values())):
        return NotImplemented
    if a.dtype.kind == "f" and a.dtype.itemsize != 8:
        # Between two items, NumPy rounds as it goes.
        return NotImplemented
    return _quantiles(a, np.asarray(q, float), "fiu", np.dtype(float))


def _percentile(a, q, *args, **kwargs):
    return _quantile(a, np.asarray(q, float) / 100, *args, **kwargs)


def _quantiles(a, shares, kinds, dtype):
    """Exact quantiles of all items."""
    lazy = _lazy(a)
    if lazy is None or a.dtype.kind not in kinds or shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        return NotImplemented
    found, _ = _ndfolio.describe(lazy._node, shares.ravel().tolist(), None, None, _config.session())
    if found["nan"]:
        return NotImplemented
    return np.array(found["quantiles"], float).reshape(shares.shape).astype(dtype.newbyteorder("="))[()]


_QUANTILES = {np.median: _median, np.quantile: _quantile, np.percentile: _percentile, np.histogram: _histogram}


def searchsorted(array, v, side="left", sorter=None):
    """Where NumPy would cast or copy the whole array, each step of the search reads the few items that it needs."""
    v = np.asarray(v)
    kinds = array.dtype.kind + v.dtype.kind
    same = array.dtype == v.dtype and array.dtype.isnative and array.flags.aligned
    if same or array.ndim != 1 or sorter is not None or side not in ("left", "right") or kinds.strip("biuf"):
        return NotImplemented
    # A few needles: of many, NumPy's copy is worth its memory.
    if v.size * 64 > array.size or not large(array):
        return NotImplemented
    dtype = np.result_type(array.dtype, v.dtype).newbyteorder("=")
    if dtype.kind not in "biuf":
        return NotImplemented
    needles = v.astype(dtype).ravel()
    low, high = np.zeros(needles.size, np.intp), np.full(needles.size, array.size, np.intp)
    plain = np.asarray(array)
    while (low < high).any():
        middle = (low + high) // 2
        items = plain[np.minimum(middle, array.size - 1)].astype(dtype)
        # NaN comes behind all numbers.
        if side == "left":
            before = (items < needles) | (np.isnan(needles) & ~np.isnan(items))
        else:
            before = ~((needles < items) | (np.isnan(items) & ~np.isnan(needles)))
        open_ = low < high
        low = np.where(open_ & before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low.reshape(v.shape)[()]


def _given(value):
    return value is not None and value is not False and value is not np._NoValue
