"""Searching, sorting and sets: done by NumPy within the budget, but for `where`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._array import Array
from ._support import by_numpy, lazy, numpy


def where(condition: Array, x1: Any, x2: Any, /) -> Array:
    """Items of `x1` where a condition is true, of `x2` elsewhere; nothing is computed."""
    return Array._make("map", "where", lazy(condition), Array._operand(x1), Array._operand(x2))


def nonzero(x: Array, /) -> tuple[Array, ...]:
    """The places of items that are not zero, axis by axis."""
    x = lazy(x)
    if x.ndim == 0:
        raise ValueError("nonzero() of an array without axes")
    return by_numpy(np.nonzero, x)


def searchsorted(
    x1: Array, x2: Array, /, *, side: Literal["left", "right"] = "left", sorter: Array | None = None
) -> Array:
    """Where items would have to stand in sorted ones."""
    return by_numpy(np.searchsorted, lazy(x1), lazy(x2), side, sorter)


def _kind(stable: bool) -> Literal["stable"] | None:
    return "stable" if stable else None


def sort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Items in order along an axis."""
    result = by_numpy(np.sort, lazy(x), axis, _kind(stable))
    return numpy.flip(result, axis) if descending else result


def argsort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Which items come first, second and so on along an axis."""
    x = lazy(x)
    if not descending:
        return by_numpy(np.argsort, x, axis, _kind(stable))
    # Equal items keep their order: from the end they are sorted the other way round, and so is the result.
    last = x.shape[axis] - 1 if x.ndim else 0
    return last - numpy.flip(by_numpy(np.argsort, numpy.flip(x, axis), axis, _kind(stable)), axis)


def unique_all(x: Array, /) -> Any:
    """The values that there are, where each is first, which of them each item is, and how often each is there."""
    return by_numpy(np.unique_all, lazy(x))


def unique_counts(x: Array, /) -> Any:
    """The values that there are, and how often."""
    return by_numpy(np.unique_counts, lazy(x))


def unique_inverse(x: Array, /) -> Any:
    """The values that there are, and which of them each item is."""
    return by_numpy(np.unique_inverse, lazy(x))


def unique_values(x: Array, /) -> Array:
    """The values that there are."""
    return by_numpy(np.unique_values, lazy(x))


__all__ = [
    "argsort",
    "nonzero",
    "searchsorted",
    "sort",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "where",
]
