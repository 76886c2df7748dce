"""Items that arrays of indices pick: `take`, `compress`, windows, samples, and `put`.

The engine picks them from an array of a file: all at once, in the order of the file, many reads on their way. Of an
expression the least part that has them is computed.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _compute, _config, _ndfolio
from ._ndfolio import Picks

# Indices that are so few that a pass takes longer than they do, and bytes of what they pick.
_FEW = 64
_LITTLE = 64 << 10
# Bytes of rows of a map from which on the engine is worth it.
_WORTH = 8 << 20

TABLE: dict[Any, Callable[..., Any]] = {}


def _handles(*functions: Any) -> Callable[[Any], Any]:
    def add(ours: Any) -> Any:
        for function in functions:
            TABLE[function] = ours
        return ours

    return add


def held(indices: Any) -> Any:
    """Indices or a mask as the native half takes them: a node of a file, or items of one size and their shape."""
    from ._array import Array

    if type(indices) is Array:
        return indices._node
    if indices.dtype == bool:
        return np.ascontiguousarray(indices).reshape(-1).view(np.uint8), indices.shape
    return np.ascontiguousarray(indices, np.int64).reshape(-1), indices.shape


def expect_within(indices: Any, axis: int, extent: int) -> None:
    """Raises for the first index that is outside of its axis; those in files are looked at when they are used."""
    if not isinstance(indices, np.ndarray) or indices.size == 0 or indices.dtype == bool:
        return
    if indices.min() < -extent or indices.max() >= extent:
        flat = indices.reshape(-1)
        bad = flat[(flat < -extent) | (flat >= extent)][0]
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {extent}")


def picked(x: Any, way: str, *args: Any) -> Any:
    """An array of what is picked from a file's array.

    From a file that is open for reading only, items are read when they are wanted. Where it can be written, they are
    copied now, as NumPy does: ``x[i], x[j] = x[j], x[i]`` swaps.
    """
    from ._array import Array, _new, asarray

    picks = getattr(Picks, way)(x._node, *args)
    dtype = x.dtype.newbyteorder("=")
    if x._node.is_writable:
        few = by_numpy(x, picks, way, *args)
        if few is not None:
            return asarray(few)
        node, report = picks.node(dtype, _config.session())
        return Array._of(node, ("memory", ()), profile=report)
    return waiting(picks, dtype, ("picked", (x, way, *args)), _new(Array))


def by_numpy(x: Any, picks: Picks, way: str, *args: Any) -> Any:
    """What few indices pick, out of the mapped file; None for what takes a pass."""
    if way not in ("take", "gather") or _product(picks.shape) * x.itemsize > _LITTLE:
        return None
    if way == "take" and (args[1] is None or args[2] != "raise"):
        return None
    given = [None] * args[1] + [args[0]] if way == "take" else args[0]
    key = []
    for one in given:
        if one is None:
            key.append(slice(None))
        elif isinstance(one, tuple) and one[0].dtype == np.int64 and one[0].size <= _FEW:
            key.append(one[0].reshape(one[1]))
        else:
            return None
    found = np.asarray(x._shared()[tuple(key)])
    # Zeros stand for what is gone.
    x._map.check()
    return found.astype(x.dtype.newbyteorder("="), copy=False)


def waiting(picks: Picks, dtype: np.dtype[Any], recipe: tuple[str, Any], array: Any) -> Any:
    """An array whose items are picked when they are wanted."""
    array._picks, array._recipe = picks, recipe
    array._dtype, array._shape = dtype, picks.shape
    array._items = array._map = array._profile = None
    return array


def restored(dtype: np.dtype[Any], x: Any, way: str, *args: Any) -> Any:
    """The array of a pickle."""
    found = picked(x, way, *args)
    return found if found.dtype == dtype else found.astype(dtype)


class Picking:
    """Items that indices pick."""

    __slots__ = ()

    def take(self: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
        """The items of indices along an axis; without one, of all items in C order.

        Parameters
        ----------
        indices : array_like of integers
            In memory or in a file, of any shape.
        axis : int, optional
        out : array, optional
            Where the result goes.
        mode : {'raise', 'wrap', 'clip'}, optional
            What indices outside of the axis are: errors, counted around, or the first or the last item.

        Returns
        -------
        Array
            With ``compute()`` and ``numpy.asarray`` in memory, with ``save(path)`` in a new file, whatever its size.

        Examples
        --------
        >>> x = nf.asarray(np.arange(12).reshape(4, 3)).save(tmp / 'x.npy')
        >>> x.take([3, 0, 3], axis=0).compute()
        array([[ 9, 10, 11],
               [ 0,  1,  2],
               [ 9, 10, 11]])
        >>> x.take([1, 0], axis=0).save(tmp / 'y.npy').shape
        (2, 3)
        """
        indices = _integers(indices)
        axis = None if axis is None else self._axis(axis)
        extent = _product(self.shape) if axis is None else self.shape[axis]
        if indices.size and not extent:
            raise IndexError("cannot do a non-empty take from an empty axes.")
        if mode == "raise":
            expect_within(indices, axis or 0, extent)
        if self._in_file:
            found = picked(self, "take", held(indices), axis, mode)
        else:
            indices = _moved(np.asarray(indices), extent, mode)
            flat: Any = self.reshape(-1) if axis is None else self
            found = flat[(*(slice(None),) * (axis or 0), indices)]
        return self._into(found, out)

    def compress(self: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """The items along an axis at which a condition is true; without an axis, of all items in C order.

        Examples
        --------
        >>> nf.asarray([5, 6, 7]).compress([True, False, True]).compute()
        array([5, 7])
        """
        condition = np.asarray(condition).astype(bool)
        if condition.ndim != 1:
            raise ValueError("condition must be a 1-d array")
        return self.take(np.flatnonzero(condition), axis, out)

    def windows(self: Any, starts: Any, length: Any) -> Any:
        """Windows of `length` rows from these rows on: an array of shape ``(len(starts), length, ...)``.

        Raises
        ------
        IndexError
            A window that does not lie within the array, with its start and the last one that could be.

        Examples
        --------
        >>> nf.asarray(np.arange(10)).windows([0, 7], 3).compute()
        array([[0, 1, 2],
               [7, 8, 9]])
        """
        starts, length = _integers(starts), operator.index(length)
        if starts.ndim != 1:
            raise ValueError(f"starts have one axis, found shape {starts.shape}")
        if length < 0:
            raise ValueError(f"the length of windows is 0 or more, got {length}")
        if self._in_file:
            return picked(self, "windows", held(starts), length)
        rows = self.shape[0]
        starts = np.asarray(starts)
        first = np.where(starts < 0, starts + rows, starts)
        outside = starts[(first < 0) | (first > rows - length)]
        if outside.size or length > rows:
            start = outside[0] if outside.size else 0
            raise IndexError(
                f"a window of {length} rows from {start} on is out of bounds for axis 0 with size {rows}"
            )
        return self[first[:, None] + np.arange(length)]

    def sample(self: Any, count: Any, seed: Any = None) -> Any:
        """`count` different rows in random order: each choice and each order is as likely as any other.

        Parameters
        ----------
        count : int
        seed : int, optional
            The same seed gives the same rows, everywhere and always. Another one each time if it is not given.

        Examples
        --------
        >>> nf.asarray(np.arange(1000)).sample(3, seed=7).shape
        (3,)
        """
        if not self.ndim:
            raise ValueError("an array without axes has no rows to draw from")
        count = operator.index(count)
        if not 0 <= count <= self.shape[0]:
            raise ValueError(f"{count} different rows were to be drawn, and there are {self.shape[0]}; ask for fewer")
        seed = int.from_bytes(os.urandom(8), "little") if seed is None else operator.index(seed)
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed must be a number from 0 to 2**64 - 1, got {seed}")
        indices = _compute.ndarray(_ndfolio.sample_indices(count, self.shape[0], seed), np.int64, (count,))
        return self.take(indices, axis=0)

    def put(self: Any, indices: Any, values: Any, mode: str = "raise") -> None:
        """Writes values to places among all items in C order; they are repeated if there are fewer of them.

        Examples
        --------
        >>> x = nf.create(tmp / 'p.npy', (2, 3), 'i4')
        >>> x.put([0, 4], [7, 8])
        >>> x.compute()
        array([[7, 0, 0],
               [0, 8, 0]], dtype=int32)
        """
        indices = _integers(indices)
        if not self._in_file:
            _in_memory(self, np.put, np.asarray(indices), values, mode)
            return
        values = items_for(self, values).reshape(-1)
        if values.size == 0 or indices.size == 0:
            return
        if mode == "raise":
            expect_within(indices, 0, _product(self.shape))
        values = values if values.size in (1, indices.size) else np.resize(values, indices.size)
        write(self, "take", (held(indices), None, mode), values.reshape(indices.shape if values.size > 1 else ()))


def items_for(x: Any, values: Any) -> np.ndarray[Any, Any]:
    """Values of NumPy in the dtype of an array that they are written to, cast as NumPy's assignment does."""
    from ._array import Array

    if type(values) is Array:
        from . import _build

        _build.check_budget("values that are assigned to places of indices", values.nbytes, "assign them in parts")
        values = values.compute()
    if isinstance(values, np.ndarray):
        return values.astype(x.dtype, copy=False)
    return np.asarray(values, x.dtype)


def write(x: Any, way: str, args: tuple[Any, ...], items: np.ndarray[Any, Any]) -> None:
    """Writes items to what is picked of a file's array."""
    picks = getattr(Picks, way)(x._node, *args)
    shape = picks.shape
    spare = max(0, items.ndim - len(shape))
    inner = items.shape[spare:]
    fits = all(n == 1 for n in items.shape[:spare]) and all(
        mine in (1, n) for mine, n in zip(inner[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"shape mismatch: value array of shape {items.shape} could not be broadcast to indexing result of "
            f"shape {shape}"
        )
    # What NumPy made of items meanwhile can have this machine's byte order.
    data = np.ascontiguousarray(items, x.dtype).reshape(-1)
    data = data.view(np.uint8) if data.size and data.dtype.itemsize else np.zeros(0, np.uint8)
    x._profile = picks.write(data, items.shape, _config.session())


def of_map(array: Any, index: np.ndarray[Any, Any]) -> Any:
    """Rows of a large `memmap` that the page cache does not hold; `NotImplemented` for what is left to NumPy."""
    from . import _accelerate

    if index.ndim != 1 or index.dtype.kind not in "iub" or not array.ndim or not _accelerate.large(array):
        return NotImplemented
    rows = int(np.count_nonzero(index)) if index.dtype == bool else index.size
    if rows * (array.nbytes // array.shape[0]) < _WORTH or (index.dtype == bool and index.size != array.shape[0]):
        return NotImplemented
    lazy = None if _is_cached(array, index) else _accelerate._lazy(array)
    if lazy is None:
        return NotImplemented
    try:
        picks = Picks.gather(lazy._node, [held(index)])
        buffer, _ = picks.compute(array.dtype, _config.session())
    except (IndexError, MemoryError):
        # In NumPy's own words, or its way to do it.
        return NotImplemented
    return _compute.ndarray(buffer, array.dtype, picks.shape)


def _is_cached(array: Any, index: np.ndarray[Any, Any]) -> bool:
    """Whether NumPy would wait for no disk, as far as eight of the rows show: it is as fast then, or faster."""
    mapping, rows = array._mmap, array.shape[0]
    places = range(rows) if index.dtype == bool else index
    first = array.__array_interface__["data"][0] - mapping.address
    for row in places[:: -(-len(places) // 8)]:
        row = int(row)
        if not -rows <= row < rows:
            return True
        place = first + row % rows * array.strides[0]
        if mapping.residency(place, place + 1)[2] == 0:
            return False
    return True


def _integers(indices: Any) -> Any:
    """Indices as an array of integers, or one of a file."""
    from ._array import Array

    if type(indices) is Array:
        if indices._in_file and indices.dtype.kind in "iu":
            return indices
        indices = np.asarray(indices)
    found = np.asarray(indices)
    if not found.size and not isinstance(indices, np.ndarray):
        return found.astype(np.intp)
    # NumPy cuts numbers with a fraction in lists to whole ones, and refuses those in arrays.
    if not np.can_cast(found.dtype, np.intp, "same_kind"):
        message = f"Cannot cast array data from {found.dtype!r} to dtype('int64') according to the rule 'same_kind'"
        raise TypeError(message)
    return found.astype(np.intp, copy=False)


def _moved(indices: Any, extent: int, mode: str) -> Any:
    if mode == "raise" or not extent:
        return indices
    if mode == "wrap":
        return indices % extent
    if mode == "clip":
        return indices.clip(0, extent - 1)
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for extent in shape:
        product *= extent
    return product


def _in_memory(x: Any, function: Any, *args: Any) -> None:
    """What NumPy's function changes in an array that is in no file."""
    values = np.array(x.compute())
    function(values, *args)
    x[...] = values


# NumPy's functions.


@_handles(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    return _lazy(a).take(indices, axis, out, mode)


@_handles(np.compress)
def _compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    return _lazy(a).compress(condition, axis, out)


@_handles(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return _lazy(arr).compress(np.ravel(np.asarray(condition)))


@_handles(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """As `numpy.take_along_axis`: of a file's array, the items alone are read."""
    arr, indices = _lazy(arr), _along(arr, indices, axis)
    if axis is None:
        return arr.take(indices)
    axis = arr._axis(axis)
    expect_within(indices, axis, arr.shape[axis])
    if arr._in_file:
        return picked(arr, "along", held(indices), axis)
    return arr[_every(arr.shape, np.asarray(indices), axis)]


def _along(arr: Any, indices: Any, axis: Any) -> Any:
    indices = np.asarray(indices) if not hasattr(indices, "_in_file") else indices
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    ndim = 1 if axis is None else arr.ndim
    if indices.ndim != ndim:
        if axis is None:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return _integers(indices)


def _every(shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """The index that has these indices along one axis, and each place of the others."""
    found: list[Any] = []
    for other, extent in enumerate(shape):
        beside = [1] * len(shape)
        beside[other] = extent
        found.append(indices if other == axis else np.arange(extent).reshape(beside))
    return tuple(found)


@_handles(np.put)
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    a.put(ind, v, mode)


@_handles(np.put_along_axis)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    indices = _along(arr, indices, axis)
    if not arr._in_file:
        _in_memory(arr, np.put_along_axis, np.asarray(indices), np.asarray(values), axis)
        return
    items = items_for(arr, values)
    if axis is None:
        expect_within(indices, 0, _product(arr.shape))
        write(arr, "take", (held(indices), None, "raise"), items)
        return
    axis = arr._axis(axis)
    expect_within(indices, axis, arr.shape[axis])
    write(arr, "along", (held(indices), axis), items)


@_handles(np.place)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    places = _true_places("place", arr, mask)
    values = np.ravel(items_for(arr, vals))
    if places.size and not values.size:
        raise ValueError("Cannot insert from an empty array!")
    arr.put(places, values)


@_handles(np.putmask)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    places = _true_places("putmask", a, mask)
    values = np.ravel(items_for(a, values))
    if values.size:
        a.put(places, values[places % values.size])


def _true_places(name: str, x: Any, mask: Any) -> Any:
    mask = np.asarray(mask)
    if mask.size != x.size:
        raise ValueError(f"{name}: mask and data must be the same size")
    return np.flatnonzero(mask)


def _lazy(value: Any) -> Any:
    from ._array import Array, asarray

    return value if type(value) is Array else asarray(value)
