"""Functions of items: all of them stay lazy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._array import Array
from ._support import lazy

# The standard's names, and those of the engine where they differ.
_UNARY = """abs=absolute acos=arccos acosh=arccosh asin=arcsin asinh=arcsinh atan=arctan atanh=arctanh
    bitwise_invert=invert ceil conj=conjugate cos cosh exp expm1 floor isfinite isinf isnan log log10 log1p log2
    logical_not negative positive reciprocal sign signbit sin sinh sqrt square tan tanh trunc"""
_BINARY = """add atan2=arctan2 bitwise_and bitwise_left_shift=left_shift bitwise_or bitwise_right_shift=right_shift
    bitwise_xor copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp logical_and
    logical_or logical_xor maximum minimum multiply nextafter not_equal pow=power remainder subtract"""


def _pairs(names: str) -> list[tuple[str, str]]:
    parts = (name.partition("=") for name in names.split())
    return [(name, other or name) for name, _, other in parts]


def _unary(name: str, engine: str) -> Callable[[Array], Array]:
    def function(x: Array, /) -> Array:
        return Array._make("map", engine, lazy(x))

    return _named(function, name, engine)


def _binary(name: str, engine: str) -> Callable[[Any, Any], Array]:
    def function(x1: Any, x2: Any, /) -> Array:
        if type(x1) is not Array and type(x2) is not Array:
            x1 = lazy(x1)
        return Array._make("map", engine, Array._operand(x1), Array._operand(x2))

    return _named(function, name, engine)


def _named(function: Any, name: str, engine: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`numpy.{engine}`, item by item; nothing is computed."
    return function


for _name, _engine in _pairs(_UNARY):
    globals()[_name] = _unary(_name, _engine)
for _name, _engine in _pairs(_BINARY):
    globals()[_name] = _binary(_name, _engine)


def real(x: Array, /) -> Array:
    """The real part of each item."""
    return lazy(x).real


def imag(x: Array, /) -> Array:
    """The imaginary part of each item."""
    return lazy(x).imag


def round(x: Array, /) -> Array:
    """Items rounded half to even."""
    x = lazy(x)
    return x.round() if x.dtype.kind in "fc" else x


def clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
    """Items cut to a range, in the dtype of `x`; a bound may be None."""
    x = lazy(x)
    result = x.clip(min, max)
    return result if result.dtype == x.dtype else result.astype(x.dtype)


__all__ = [name for name, _ in _pairs(_UNARY) + _pairs(_BINARY)] + ["clip", "imag", "real", "round"]
