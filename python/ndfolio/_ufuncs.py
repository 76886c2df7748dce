"""NumPy's ufuncs on arrays: what the engine has stays lazy, the rest is done by NumPy within the budget."""

from __future__ import annotations

import numpy as np

from . import _build, _compute
from ._array import Array, asarray
from ._reductions import NOT_GIVEN, reduce, scan

#: What the engine knows under NumPy's names.
NAMES = frozenset(
    """add subtract multiply divide floor_divide remainder fmod power float_power negative positive absolute fabs sign
    reciprocal sqrt cbrt square exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan
    arctan2 sinh cosh tanh arcsinh arccosh arctanh hypot degrees radians deg2rad rad2deg floor ceil trunc rint minimum
    maximum fmin fmax clip equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor
    logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift bitwise_count isnan isinf isfinite isnat
    signbit copysign nextafter spacing heaviside ldexp gcd lcm conjugate""".split()
)

_REDUCTIONS = {
    "add": "sum",
    "multiply": "prod",
    "minimum": "min",
    "maximum": "max",
    "logical_and": "all",
    "logical_or": "any",
}
_SCANS = {"add": "cumsum", "multiply": "cumprod"}


def call(ufunc, method, inputs, kwargs):
    """What `__array_ufunc__` answers."""
    out = kwargs.pop("out", None)
    if out is not None and len(out) != 1:
        return _by_numpy(ufunc, method, inputs, {**kwargs, "out": out})
    (out,) = out or (None,)
    if not all(_is_operand(x) for x in (*inputs, out)):
        return NotImplemented
    if method == "__call__" and ufunc is np.divmod:
        return tuple(call(one, method, inputs, kwargs) for one in (np.floor_divide, np.remainder))
    name = ufunc.__name__
    if method == "__call__" and name in NAMES:
        return _items(name, inputs, out, **kwargs)
    if method == "reduce" and name in _REDUCTIONS:
        return _reduce(name, inputs[0], out, *inputs[1:], **kwargs)
    if method == "accumulate" and name in _SCANS:
        return _accumulate(name, inputs[0], out, *inputs[1:], **kwargs)
    if method == "at":
        raise TypeError(f"ufunc {name!r}.at() changes items in place, which an array that is computed later has not")
    if ufunc is np.matmul and out is None:
        from .array_api._linear import check_matmul

        check_matmul(*inputs)
    return _by_numpy(ufunc, method, inputs, kwargs if out is None else {**kwargs, "out": (out,)})


def _is_operand(x) -> bool:
    """Whether it is for this class to answer: others may know better what to do with their own."""
    kind = type(x)
    if kind is Array or kind in _build.WEAK or x is None:
        return True
    if isinstance(x, (np.ndarray, np.generic)):
        return kind.__array_ufunc__ is np.ndarray.__array_ufunc__ if isinstance(x, np.ndarray) else True
    return not hasattr(kind, "__array_ufunc__")


def _items(name, inputs, out, *, where=True, casting="same_kind", order="K", dtype=None, subok=True, signature=None):
    if signature is not None:
        raise TypeError(f"{name}() of arrays on disk has no signature argument; cast the operands with astype")
    args = [Array._operand(x) for x in inputs]
    if dtype is not None:
        args = [arg.astype(dtype, casting=casting) if type(arg) is Array else arg for arg in args]
    result = Array._make("map", name, *args)
    if where is not True:
        if out is None:
            raise TypeError(f"{name}() with where= needs out=, or use numpy.where(condition, {name}(...), otherwise)")
        result = Array._make("map", "where", Array._operand(where), result, Array._operand(out))
        # Items that nobody asked for warn of nothing.
        with np.errstate(all="ignore"):
            return result._into(result, out)
    if out is None:
        return result
    if not np.can_cast(result.dtype, out.dtype, casting):
        raise np._core._exceptions._UFuncOutputCastingError(getattr(np, name), casting, result.dtype, out.dtype, 0)
    return result._into(result, out)


def _reduce(name, x, out, axis=0, dtype=None, _out=None, keepdims=False, initial=NOT_GIVEN, where=True):
    name = _REDUCTIONS[name]
    dtype = None if name in ("min", "max", "any", "all") else dtype
    # A ufunc reduces the first axis where NumPy's function of that name reduces all.
    return reduce(asarray(x), name, axis, dtype, out, keepdims, initial=initial, where=where)


def _accumulate(name, x, out, axis=0, dtype=None):
    return scan(asarray(x), _SCANS[name], axis, dtype, out)


def _by_numpy(ufunc, method, inputs, kwargs):
    """NumPy's own, of values in memory."""
    return by_numpy(ufunc if method == "__call__" else getattr(ufunc, method), f"numpy.{ufunc.__name__}", inputs, kwargs)


def by_numpy(function, name, args, kwargs):
    """A function of NumPy's, of values in memory: block by block where that can be, or where they fit the budget.

    Results stay NumPy's.
    """
    from . import _inblocks

    found = {}
    collect(args, found)
    collect(kwargs, found)
    arrays = list(found.values())
    total = sum(array.nbytes for array in arrays)
    result = _inblocks.call(function, total, args, kwargs)
    if result is not NotImplemented:
        return result
    _build.check_budget(
        f"{name}, which is done by NumPy, with the values of {'its array' if len(arrays) == 1 else 'its arrays'}",
        total,
        "use a part of the array",
    )
    shared = {id(array): array._shared() for array in arrays}
    # What is in a file as NumPy wants it is not copied; the rest is computed in one pass.
    missing = [array for array in arrays if shared[id(array)] is None]
    if missing:
        values = _compute.compute(*missing)
        values = values if len(missing) > 1 else (values,)
        shared.update((id(array), value) for array, value in zip(missing, values, strict=True))
    return function(*replaced(args, shared), **replaced(kwargs, shared))


def collect(value, found) -> None:
    """The arrays in arguments, in lists and dictionaries too."""
    if type(value) is Array:
        found[id(value)] = value
    elif isinstance(value, (tuple, list)):
        for one in value:
            collect(one, found)
    elif isinstance(value, dict):
        for one in value.values():
            collect(one, found)


def replaced(value, by):
    """Arguments with values in the place of arrays."""
    if type(value) is Array:
        return by[id(value)]
    if isinstance(value, (tuple, list)):
        return type(value)(replaced(one, by) for one in value)
    if isinstance(value, dict):
        return {name: replaced(one, by) for name, one in value.items()}
    return value
