"""What the functions of the namespace share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _array, _build, _ufuncs
from .._array import Array


#: NumPy's functions, as they are for arrays of this package: they give such. Its stubs know of its own arrays alone.
numpy: Any = np


def lazy(x: Any) -> Array:
    """An operand as an array."""
    return x if type(x) is Array else _array.asarray(x)


def of_numpy(values: Any) -> Any:
    """What NumPy gave, as arrays: also within tuples, lists and named results."""
    if isinstance(values, (np.ndarray, np.generic)):
        return _array.asarray(values)
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return type(values)(*map(of_numpy, values))
    if isinstance(values, (tuple, list)):
        return type(values)(map(of_numpy, values))
    return values


def by_numpy(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of NumPy's on values in memory, where they fit the budget; its results as arrays."""
    module = getattr(function, "__module__", None) or "numpy"
    name = getattr(function, "__name__", str(function))
    return of_numpy(_ufuncs.by_numpy(function, f"{module}.{name}", args, kwargs))


def check_result(name: str, shape: Any, dtype: np.dtype) -> None:
    """Refuses a result in memory that does not fit the budget, before it is made."""
    nbytes = dtype.itemsize
    for extent in shape:
        nbytes *= int(extent)
    _build.check_budget(f"the result of {name}", nbytes, "ask for a smaller one")


def check_device(device: Any) -> None:
    """There is one device, where NumPy's arrays are too."""
    if device not in (None, "cpu"):
        raise ValueError(f"device must be 'cpu' or None, got {device!r}")


def axes_of(x: Array, axis: int | tuple[int, ...] | None) -> list[int]:
    """The axes that are meant, none of them negative."""
    if axis is None:
        return list(range(x.ndim))
    return [x._axis(one) for one in (axis if isinstance(axis, tuple) else (axis,))]
