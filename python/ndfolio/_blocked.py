"""NumPy's functions that count, look for and sort out items, block by block."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from . import _compute
from ._array import Array
from ._blocks import axis_of, boxes, empty, flat, handles, items, operand, read, storage_order, whole

_NUMBERS = "biufc"


# Functions of items.


@handles(np.digitize)
def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    x, bins = operand(x), whole(bins)
    if bins is NotImplemented or x.dtype.kind not in "biuf":
        return NotImplemented
    return items("digitize", x, np.intp, lambda part: np.digitize(part, bins, right))


@handles(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = operand(x), whole(xp), whole(fp)
    if xp is NotImplemented or fp is NotImplemented or x.dtype.kind not in "biuf":
        return NotImplemented
    dtype = complex if np.iscomplexobj(fp) else float
    return items("interp", x, dtype, lambda part: np.interp(part, xp, fp, left, right, period))


@handles(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = operand(x)
    if not copy or x.dtype.kind not in _NUMBERS:
        return NotImplemented
    # Of a block that is a view, a copy is made as always.
    return items("nan_to_num", x, x.dtype, lambda part: np.nan_to_num(part, True, nan, posinf, neginf))


@handles(np.isin)
def _isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    element, tests = operand(element), operand(test_elements)
    if element.dtype.kind not in _NUMBERS or tests.dtype.kind not in _NUMBERS:
        return NotImplemented
    if element.nbytes >= tests.nbytes:
        tests = whole(tests)
        if tests is NotImplemented:
            return NotImplemented
        # Sorting them once for each block should not be what takes the time.
        tests = tests if assume_unique else np.unique(tests)
        return items("isin", element, bool, lambda part: np.isin(part, tests, invert=invert, kind=kind))
    element = whole(element)
    if element is NotImplemented:
        return NotImplemented
    found = np.zeros(element.shape, bool)
    for _, part in flat(tests):
        found |= np.isin(element, part, kind=kind)
    return ~found if invert else found


# Counting.


@handles(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    x = operand(x)
    if x.ndim != 1 or x.dtype.kind not in "biu" or x.dtype == np.uint64:
        return NotImplemented
    counts = np.zeros(operator.index(minlength), np.intp if weights is None else float)
    if weights is not None:
        weights = operand(weights)
        if weights.shape != x.shape or weights.dtype.kind not in "biuf":
            return NotImplemented
    for start, part in flat(x):
        most = int(part.max()) + 1
        if part.min() < 0:
            return NotImplemented
        if most > counts.size:
            longer = empty("bincount", (most,), counts.dtype)
            longer[: counts.size], longer[counts.size :] = counts, 0
            counts = longer
        if weights is not None:
            # One by one, as NumPy adds them.
            np.add.at(counts, part.astype(np.intp), read(weights[start : start + part.size]))
        elif counts.size <= part.size:
            counts[:most] += np.bincount(part)
        else:
            np.add.at(counts, part.astype(np.intp), 1)
    return counts


@handles(np.histogram)
def _histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    # With edges that are given, items are counted by themselves.
    if np.ndim(bins) != 1 or weights is not None:
        return NotImplemented
    x = operand(a)
    edges = np.asarray(bins)
    if x.dtype.kind not in "biuf" or not (edges[:-1] <= edges[1:]).all():
        return NotImplemented
    counts: Any = 0
    for key in boxes(x, storage_order(x)):
        counts = counts + np.histogram(read(x[key]), edges)[0]
    return (counts / np.diff(edges) / counts.sum() if density else counts), edges


def _places(name: str, x: Any, is_flat: bool) -> Any:
    """The indices of items that are not zero, a row for each; or their places in C order, in rows of one."""
    if x.dtype.kind not in _NUMBERS or x.ndim == 0:
        return NotImplemented
    count = int(_compute.compute(np.count_nonzero(x)) if type(x) is Array else np.count_nonzero(x))
    places = empty(name, (count, 1 if is_flat else x.ndim), np.intp)
    at = before = 0
    for key in boxes(x):
        part = read(x[key])
        found = np.nonzero(part.reshape(-1) if is_flat else part)
        end = at + len(found[0])
        if end > count:
            break
        starts = [before] if is_flat else [one.start for one in key]
        for axis, (one, start) in enumerate(zip(found, starts, strict=True)):
            np.add(one, start, out=places[at:end, axis])
        at, before = end, before + part.size
    else:
        if at == count:
            return places
    # As NumPy has it, where somebody writes meanwhile.
    raise RuntimeError("number of non-zero array elements changed during function execution.")


@handles(np.nonzero)
def _nonzero(a: Any) -> Any:
    places = _places("nonzero", operand(a), False)
    return NotImplemented if places is NotImplemented else tuple(places.T)


@handles(np.argwhere)
def _argwhere(a: Any) -> Any:
    return _places("argwhere", operand(a), False)


@handles(np.flatnonzero)
def _flatnonzero(a: Any) -> Any:
    places = _places("flatnonzero", operand(a), True)
    return NotImplemented if places is NotImplemented else places[:, 0]


@handles(np.where)
def _where(condition: Any, *others: Any) -> Any:
    return NotImplemented if others else _nonzero(condition)


# Values that there are.


@handles(np.unique)
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    x = operand(ar)
    if axis is not None or x.dtype.kind not in ("biuf" if return_inverse else _NUMBERS):
        return NotImplemented
    if return_inverse and not equal_nan and x.dtype.kind == "f":
        return NotImplemented
    values, firsts, counts = _distinct(x, return_index, return_counts, equal_nan)
    found = [values.astype(x.dtype, copy=False)]
    if return_index:
        found.append(firsts)
    if return_inverse:
        found.append(items("unique", x, np.intp, lambda part: np.searchsorted(values, part)))
    if return_counts:
        found.append(counts)
    return tuple(found) if len(found) > 1 else found[0]


def _distinct(x: Any, wants_first: bool, wants_counts: bool, equal_nan: bool) -> tuple[Any, Any, Any]:
    """The values, where each is first, and how often it is there: those of blocks are put together now and then."""
    waiting: list[tuple[Any, Any, Any]] = []
    known = 0
    for start, part in flat(x):
        values, *others = _np_unique(part, wants_first, wants_counts, equal_nan)
        first = others.pop(0) + start if wants_first else None
        waiting.append((values, first, others[0] if wants_counts else None))
        # When there are as many new ones as old ones, so that each value is looked at a few times only.
        if sum(len(one[0]) for one in waiting) > 2 * known + part.size:
            waiting = [_joined(waiting, equal_nan)]
            known = len(waiting[0][0])
    return _joined(waiting, equal_nan)


def _np_unique(part: np.ndarray, index: bool, counts: bool, equal_nan: bool) -> tuple[Any, ...]:
    unique: Any = np.unique
    found = unique(part, return_index=index, return_counts=counts, equal_nan=equal_nan)
    return found if isinstance(found, tuple) else (found,)


def _joined(found: list[tuple[Any, Any, Any]], equal_nan: bool) -> tuple[Any, Any, Any]:
    if len(found) == 1:
        return found[0]
    values = np.concatenate([one[0] for one in found])
    if found[0][1] is None and found[0][2] is None:
        return np.unique(values, equal_nan=equal_nan), None, None
    # Equal values stay in the order of the blocks, so that the first one is the first of all.
    order = np.argsort(values, kind="stable")
    values = values[order]
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    if equal_nan and values.dtype.kind in "fc":
        new[1:] &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    begins = np.flatnonzero(new)
    firsts = counts = None
    if found[0][1] is not None:
        firsts = np.concatenate([one[1] for one in found])[order][begins]
    if found[0][2] is not None:
        counts = np.add.reduceat(np.concatenate([one[2] for one in found])[order], begins)
    return values[begins], firsts, counts


@handles(np.unique_values)
def _unique_values(x: Any, /) -> Any:
    return _unique(x, equal_nan=False)


# Running sums.


def _running(ufunc: Any) -> Any:
    name = {np.add: "cumsum", np.multiply: "cumprod"}[ufunc]

    def ours(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        x = operand(a)
        if x.dtype.kind not in _NUMBERS or (axis is not None and axis_of(x, axis) is None):
            return NotImplemented
        # How products of complex numbers are rounded depends on how they lie.
        if ufunc is np.multiply and np.dtype(dtype or x.dtype).kind == "c":
            return NotImplemented
        # Which dtype NumPy would choose, it says of no items.
        dtype = getattr(np, name)(np.empty(0, x.dtype), dtype=dtype).dtype
        shape = (x.size,) if axis is None else x.shape
        if out is None:
            out = empty(name, shape, dtype)
        elif type(out) is Array or out.shape != shape or not out.flags.writeable:
            return NotImplemented
        elif out.dtype.newbyteorder("=") != dtype.newbyteorder("="):
            return NotImplemented
        to = np.asarray(out)
        if axis is None:
            for start, part in flat(x):
                _go_on(ufunc, part, to, start, 0)
        else:
            axis = axis_of(x, axis)
            first = storage_order(x)[0]
            for key in boxes(x, [first, *(one for one in range(x.ndim) if one != first)]):
                # Lanes that were cut go on where the last box of them ended.
                lanes = (*key[:axis], slice(None), *key[axis + 1 :])
                _go_on(ufunc, read(x[key]), to[lanes], key[axis].start, axis)
        return out

    return ours


def _go_on(ufunc: Any, part: np.ndarray, to: np.ndarray, start: int, axis: int) -> None:
    """The running sum of a block along an axis, behind what is there already of it."""
    before = (slice(None),) * axis
    own = to[(*before, slice(start, start + part.shape[axis]))]
    own[...] = part
    if start:
        head = (*before, slice(start, start + 1))
        ufunc(to[(*before, slice(start - 1, start))], to[head], out=to[head])
    ufunc.accumulate(own, axis=axis, out=own)


#: For maps: of arrays on disk they stay lazy.
RUNNING = {np.cumsum: _running(np.add), np.cumprod: _running(np.multiply)}
