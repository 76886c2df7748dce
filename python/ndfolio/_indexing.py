"""Indexing that is not basic, and iteration: NumPy's, on the parts that are needed."""

from __future__ import annotations

import operator

import numpy as np

from . import _build, _compute, _config, _picking
from ._array import Array, asarray

# Bytes of the windows in which rows are read.
_WINDOW = 4 << 20


def get(x: Array, key) -> Array:
    """What is behind the brackets where they hold more than integers, slices, None and dots."""
    if type(key) is np.ndarray and key.ndim == 1 and key.dtype.kind == "i" and x._in_file and x._shape:
        # Looked at by the engine alone: of few indices, all else takes longer than to read the rows.
        return _picking.picked(x, "rows", _picking.held(key))
    if isinstance(key, str):
        return x._make("field", x, key)
    if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
        return _fields(x, key)
    parts = tuple(_part(part, x._in_file) for part in (key if isinstance(key, tuple) else (key,)))
    if not any(_is_array(part) for part in parts):
        return x._make("slice", x, parts)
    if x._in_file:
        parts, behind = _dots_between(x.shape, parts)
        view, indices = _picks(x, parts)
        found = _picking.picked(view, "gather", indices)
        if behind is None:
            return found
        place = found.ndim - 1 - behind
        return found[(*(slice(None),) * place, 0)]
    nbytes = selected(x.shape, parts) * x.itemsize
    _build.check_budget("an index of arrays", nbytes, "take fewer items, or numpy.where for a condition")
    source, parts = _within(x, parts)
    _build.check_budget("an index of arrays into an expression", source.nbytes, "save the expression first")
    return asarray(np.asarray(_compute.compute(source))[parts])


def put(x: Array, key, value) -> None:
    """Assignment behind such brackets, to an array of a file."""
    if isinstance(key, str):
        x._make("field", x, key)._assign(value, "unsafe", x)
        return
    if _is_large_condition(x, key, value):
        # One pass over all of the file, and no mask in memory.
        x._assign(x._make("map", "where", key, asarray(x.dtype.type(value)), x), "unsafe")
        return
    parts = tuple(_part(part, True) for part in (key if isinstance(key, tuple) else (key,)))
    if not any(_is_array(part) for part in parts):
        x._make("slice", x, parts)._assign(value, "unsafe", x)
        return
    parts, behind = _dots_between(x.shape, parts)
    view, indices = _picks(x, parts)
    items = _picking.items_for(x, value)
    if behind is not None and items.ndim >= behind:
        items = np.expand_dims(items, items.ndim - behind)
    _picking.write(view, "gather", (indices,), items)
    x._profile = view._profile


def _is_large_condition(x: Array, key, value) -> bool:
    """Whether one value goes to where a condition holds that is computed, and does not fit the memory."""
    is_condition = type(key) is Array and key.dtype == bool and key.shape == x.shape and np.ndim(value) == 0
    return is_condition and not key._in_file and not _config.session().allows(key.nbytes)


def _picks(x: Array, parts):
    """The view that arrays of indices pick from, and for each of its axes the indices or None."""
    basic: list = []
    indices: list = []
    arrays = []
    for axis, part in _expanded(x.shape, parts):
        if part is None or isinstance(part, slice):
            basic.append(part)
            indices.append(None)
            continue
        part = part if _is_array(part) else np.asarray(part)
        if part.dtype == bool:
            _expect_mask(part, axis, x.shape)
        arrays.append((part, axis))
        basic.extend([slice(None)] * _axes(part))
        indices.append(_picking.held(part))
    together: tuple[int, ...] = (1,)
    if len(arrays) > 1 and not any(type(part) is Array for part, _ in arrays):
        together = _together([(np.count_nonzero(part),) if part.dtype == bool else part.shape for part, _ in arrays])
    # Of indices that are broadcast to none, NumPy looks at none.
    if 0 not in together:
        for part, axis in arrays:
            if part.dtype != bool:
                _picking.expect_within(part, axis, x.shape[axis])
    plain = all(part == slice(None) for part in basic)
    return (x if plain else x._make("slice", x, tuple(basic))), indices


def _dots_between(shape, parts):
    """Dots between indices keep them apart, also where they stand for no axis: there is one of one item then, and how
    many axes that stay come behind it; else None."""
    dots = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    if dots is None or sum(_axes(part) for part in parts) < len(shape):
        return parts, None
    before, after = parts[:dots], parts[dots + 1 :]

    def moves(part):
        return part is not None and not isinstance(part, slice)

    if not any(map(moves, before)) or not any(map(moves, after)):
        return parts, None
    return (*before, None, *after), sum(not moves(part) for part in after)


def _expect_mask(mask, axis: int, shape) -> None:
    for place, (found, size) in enumerate(zip(mask.shape, shape[axis:], strict=False), axis):
        if found != size:
            raise IndexError(
                f"boolean index did not match indexed array along axis {place}; size of axis is {size} but size of "
                f"corresponding boolean axis is {found}"
            )


def _together(shapes) -> tuple[int, ...]:
    """The shape to which indices are broadcast."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " ".join(str(shape).replace(" ", "") for shape in shapes)
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {listed}"
        ) from None


def put_in_memory(x: Array, key, value) -> None:
    """Assignment to an array that is in no file."""
    from . import _memory

    names = isinstance(key, str) or isinstance(key, list) and any(isinstance(name, str) for name in key)
    parts = key if names else tuple(_part(part) for part in (key if isinstance(key, tuple) else (key,)))
    _memory.put(x, parts, _compute.compute(value) if type(value) is Array else value)


def _is_array(part) -> bool:
    return isinstance(part, np.ndarray) or type(part) is Array


def _part(part, takes_files=False):
    """A part of an index as NumPy sees it: arrays are arrays, and what is lazy is computed, unless it is in a file."""
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return part
    if isinstance(part, (bool, np.bool)):
        return np.asarray(part)
    if type(part) is Array:
        if part.ndim == 0 and part.dtype.kind in "iu":
            return int(part)
        if takes_files and _is_index_file(part):
            return part
        _build.check_budget("an index that is computed", part.nbytes, "take a part of it")
        part = np.asarray(part.compute())
    if isinstance(part, (list, tuple, np.ndarray)):
        array = np.asarray(part)
        if array.size == 0 and not isinstance(part, np.ndarray):
            array = array.astype(np.intp)
        if array.dtype.kind not in "iub":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        # One number is no array of indices: it gives a view.
        return array if array.ndim or array.dtype == bool else int(array)
    try:
        return operator.index(part)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are "
            "valid indices"
        ) from None


def _is_index_file(part: Array) -> bool:
    """Whether indices or a mask can be read from their file as they are needed."""
    if not part._in_file or part.ndim == 0:
        return False
    shared = part._shared()
    return part.dtype.kind in "iu" or (part.dtype == bool and shared is not None and shared.flags.c_contiguous)


def _expanded(shape, parts):
    """The parts with the axis that each begins at, and slices for what is not named."""
    used = sum(_axes(part) for part in parts)
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were indexed"
        )
    rest = len(shape) - used
    if not any(part is Ellipsis for part in parts):
        parts = (*parts, Ellipsis)
    found, axis = [], 0
    for part in parts:
        if part is Ellipsis:
            found.extend((axis + i, slice(None)) for i in range(rest))
            axis += rest
        else:
            found.append((axis, part))
            axis += _axes(part)
    return found


def _axes(part) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if _is_array(part) and part.dtype == bool else 1


def selected(shape, parts) -> int:
    """How many items an index takes."""
    count, arrays = 1, []
    for axis, part in _expanded(shape, parts):
        if isinstance(part, slice):
            count *= len(range(*part.indices(shape[axis])))
        elif isinstance(part, np.ndarray):
            arrays.append((int(np.count_nonzero(part)),) if part.dtype == bool else part.shape)
    for extent in _together(arrays):
        count *= extent
    return count


def _within(x: Array, parts):
    """The least part of an expression that an index needs, and the index into that part."""
    key: list[slice] = []
    inner: list = []
    for axis, part in _expanded(x.shape, parts):
        if part is None:
            inner.append(None)
        elif isinstance(part, np.ndarray) and part.dtype != bool and part.size:
            extent = x.shape[axis]
            if part.min() < -extent or part.max() >= extent:
                bad = part.min() if part.min() < -extent else part.max()
                raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {extent}")
            places = np.where(part < 0, part.astype(np.intp) + extent, part)
            low, high = int(places.min()), int(places.max())
            key.append(slice(low, high + 1))
            inner.append(places - low)
        else:
            key.extend([slice(None)] * _axes(part))
            inner.append(part)
    return x._make("slice", x, tuple(key)), tuple(inner)


def _fields(x: Array, names):
    """Several fields of records, which NumPy reads through the file."""
    shared = x._shared()
    if shared is None:
        raise TypeError("several fields of an expression; take them one by one")
    part = shared[names]
    _build.check_budget("several fields of records", part.size * part.dtype.itemsize, "take them one by one")
    return asarray(part)


def rows(x: Array):
    """The rows one after the other, as NumPy's arrays or scalars, read in windows of a few megabytes."""
    length = x.shape[0]
    if x._node.has_barrier:
        # Each window would begin with all of the passes that come before the first item.
        _build.check_budget("iterating over an expression with reductions", x.nbytes, "save it first")
        yield from np.asarray(_compute.compute(x))
        return
    row = max(1, x.nbytes // max(1, length))
    step = max(1, _WINDOW // row)
    for start in range(0, length, step):
        window = np.asarray(_compute.compute(x[start : start + step]))
        yield from window
