"""Arrays that are in no file and are assigned to: their items in memory, which views share as NumPy's do."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import _build, _compute
from ._array import Array, _new

#: Ways in which an array has the items of another.
VIEWS = frozenset(("slice", "field", "transpose", "reshape", "broadcast_to"))


class Items:
    """The items of an array, and all arrays that share them."""

    __slots__ = ("array", "family")

    def __init__(self, array: np.ndarray, family: list) -> None:
        self.array = array
        self.family = family


def put(x: Array, parts: Any, value: Any) -> None:
    """Assigns to items of an array that is in no file, which is computed for it if the budget allows.

    Whoever shares the items sees the change: what `x` is a view of, and its views from now on. Other arrays that were
    made of it before keep the items of then.
    """
    items = _items(x)
    items.array[parts] = value
    # Nodes with the new items are made when they are asked for.
    for member in items.family:
        one = member()
        if one is not None:
            _forget(one)
    items.family[:] = [member for member in items.family if member() is not None]


def _forget(x: Array) -> None:
    try:
        del x._node
    except AttributeError:
        pass


def _items(x: Array) -> Items:
    """The items in memory, computed if they are not there yet."""
    if x._items is not None:
        return x._items
    way, args = x._recipe or ("memory", ())
    if way == "map" and args[0] in ("real", "imag"):
        raise TypeError(
            f"items of the {args[0]} part of an expression cannot be assigned to; use numpy.where(condition, value, x), "
            "or assign to a copy: x.copy()"
        )
    constant = way == "broadcast_to" and args[0].ndim == 0
    if way in VIEWS and not constant:
        parent = _items(args[0])
        return _join(x, _view(parent.array, way, args[1:]), parent.family)
    _build.check_budget("assigning to an array that is in no file", x.nbytes, "save it and open it with mode 'r+'")
    return _join(x, np.array(_compute.compute(x)), [])


def _join(x: Array, array: np.ndarray, family: list) -> Items:
    # Both are taken from the node, which goes.
    _ = x.dtype, x.shape
    x._picks, x._recipe = None, ("memory", ())
    x._items = Items(array, family)
    family.append(weakref.ref(x))
    return x._items


def _view(items: np.ndarray, way: str, args: tuple) -> np.ndarray:
    """The same view of NumPy's."""
    if way == "slice":
        (parts,) = args
        # With dots one item is a view too.
        return items[parts if any(part is Ellipsis for part in parts) else (*parts, ...)]
    if way == "field":
        return items[args[0]]
    if way == "transpose":
        return items.transpose(*args)
    if way == "broadcast_to":
        return np.broadcast_to(items, args[0])
    view = items.reshape(args[0])
    if not np.may_share_memory(view, items):
        raise ValueError(f"items of shape {items.shape} cannot be reshaped to {view.shape} without copying")
    return view


def view(way: str, args: tuple) -> Array:
    """A view of an array that has its items in memory."""
    parent = args[0]._items
    array = _view(parent.array, way, args[1:])
    x = _new(Array)
    x._map = x._profile = None
    x._dtype, x._shape = array.dtype, array.shape
    _join(x, array, parent.family)
    return x
