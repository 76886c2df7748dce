"""Functions of items: all of them stay lazy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._array import Array
from ._support import lazy

def _unary(name: str, engine: str = "") -> Callable[[Array], Array]:
    engine = engine or name

    def function(x: Array, /) -> Array:
        return Array._make("map", engine, lazy(x))

    return _named(function, name, engine)


def _binary(name: str, engine: str = "") -> Callable[[Any, Any], Array]:
    engine = engine or name

    def function(x1: Any, x2: Any, /) -> Array:
        if type(x1) is not Array and type(x2) is not Array:
            x1 = lazy(x1)
        return Array._make("map", engine, Array._operand(x1), Array._operand(x2))

    return _named(function, name, engine)


def _named(function: Any, name: str, engine: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`numpy.{engine}`, item by item; nothing is computed."
    return function


abs = _unary("abs", "absolute")
acos = _unary("acos", "arccos")
acosh = _unary("acosh", "arccosh")
asin = _unary("asin", "arcsin")
asinh = _unary("asinh", "arcsinh")
atan = _unary("atan", "arctan")
atanh = _unary("atanh", "arctanh")
bitwise_invert = _unary("bitwise_invert", "invert")
ceil = _unary("ceil")
conj = _unary("conj", "conjugate")
cos = _unary("cos")
cosh = _unary("cosh")
exp = _unary("exp")
expm1 = _unary("expm1")
floor = _unary("floor")
isfinite = _unary("isfinite")
isinf = _unary("isinf")
isnan = _unary("isnan")
log = _unary("log")
log10 = _unary("log10")
log1p = _unary("log1p")
log2 = _unary("log2")
logical_not = _unary("logical_not")
negative = _unary("negative")
positive = _unary("positive")
reciprocal = _unary("reciprocal")
sign = _unary("sign")
signbit = _unary("signbit")
sin = _unary("sin")
sinh = _unary("sinh")
sqrt = _unary("sqrt")
square = _unary("square")
tan = _unary("tan")
tanh = _unary("tanh")
trunc = _unary("trunc")

add = _binary("add")
atan2 = _binary("atan2", "arctan2")
bitwise_and = _binary("bitwise_and")
bitwise_left_shift = _binary("bitwise_left_shift", "left_shift")
bitwise_or = _binary("bitwise_or")
bitwise_right_shift = _binary("bitwise_right_shift", "right_shift")
bitwise_xor = _binary("bitwise_xor")
copysign = _binary("copysign")
divide = _binary("divide")
equal = _binary("equal")
floor_divide = _binary("floor_divide")
greater = _binary("greater")
greater_equal = _binary("greater_equal")
hypot = _binary("hypot")
less = _binary("less")
less_equal = _binary("less_equal")
logaddexp = _binary("logaddexp")
logical_and = _binary("logical_and")
logical_or = _binary("logical_or")
logical_xor = _binary("logical_xor")
maximum = _binary("maximum")
minimum = _binary("minimum")
multiply = _binary("multiply")
nextafter = _binary("nextafter")
not_equal = _binary("not_equal")
pow = _binary("pow", "power")
remainder = _binary("remainder")
subtract = _binary("subtract")


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


__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "real",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]
