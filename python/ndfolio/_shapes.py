"""NumPy's functions that only look at items in another way: views, whatever the size."""

from __future__ import annotations

import operator

import numpy as np

from ._array import Array, asarray

TABLE: dict = {}


def _handles(*functions):
    def add(ours):
        for function in functions:
            TABLE[function] = ours
        return ours

    return add


def constant(shape, value, dtype) -> Array:
    """One item as often as a shape has places; no memory for it."""
    shape = [operator.index(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    item = asarray(np.asarray(value).astype(dtype).reshape(()))
    return Array._make("broadcast_to", item, shape)


@_handles(np.transpose)
def _transpose(a, axes=None):
    return a.transpose(axes)


@_handles(np.matrix_transpose)
def _matrix_transpose(x, /):
    return x.mT


@_handles(np.reshape)
def _reshape(a, /, shape, order="C", *, copy=None):
    return a.reshape(shape, order=order, copy=copy)


@_handles(np.ravel)
def _ravel(a, order="C"):
    return a.ravel(order)


@_handles(np.squeeze)
def _squeeze(a, axis=None):
    return a.squeeze(axis)


@_handles(np.expand_dims)
def _expand_dims(a, axis):
    axes = [operator.index(one) for one in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    ndim = a.ndim + len(axes)
    if any(not -ndim <= one < ndim for one in axes):
        bad = next(one for one in axes if not -ndim <= one < ndim)
        raise np.exceptions.AxisError(bad, ndim)
    axes = {one % ndim for one in axes}
    if len(axes) + a.ndim != ndim:
        raise ValueError("repeated axis")
    return a[tuple(None if i in axes else slice(None) for i in range(ndim))]


@_handles(np.swapaxes)
def _swapaxes(a, axis1, axis2):
    return a.swapaxes(axis1, axis2)


@_handles(np.moveaxis)
def _moveaxis(a, source, destination):
    source = [a._axis(one) for one in (source if np.iterable(source) else (source,))]
    destination = [a._axis(one) for one in (destination if np.iterable(destination) else (destination,))]
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [axis for axis in range(a.ndim) if axis not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return a.transpose(order)


@_handles(np.broadcast_to)
def _broadcast_to(array, shape, subok=False):
    shape = [operator.index(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    return array._make("broadcast_to", array, shape)


@_handles(np.broadcast_arrays)
def _broadcast_arrays(*args, subok=False):
    arrays = [asarray(one) for one in args]
    shape = np.broadcast_shapes(*(one.shape for one in arrays))
    return tuple(_broadcast_to(one, shape) for one in arrays)


@_handles(np.flip)
def _flip(m, axis=None):
    if axis is None:
        axes = set(range(m.ndim))
    else:
        axes = {m._axis(one) for one in (axis if isinstance(axis, tuple) else (axis,))}
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


@_handles(np.flipud)
def _flipud(m):
    return _flip(m, 0)


@_handles(np.fliplr)
def _fliplr(m):
    return _flip(m, 1)


@_handles(np.rot90)
def _rot90(m, k=1, axes=(0, 1)):
    first, second = (m._axis(one) for one in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 0:
        return m
    if k == 2:
        return _flip(m, (first, second))
    turned = m.swapaxes(first, second)
    return _flip(turned, first) if k == 1 else _flip(turned, second)


@_handles(np.atleast_1d)
def _atleast_1d(*arys):
    return _each(arys, lambda a: a.reshape(1) if a.ndim == 0 else a)


@_handles(np.atleast_2d)
def _atleast_2d(*arys):
    return _each(arys, lambda a: a[(None,) * (2 - a.ndim)] if a.ndim < 2 else a)


def _each(arrays, act):
    results = tuple(act(asarray(one)) for one in arrays)
    return results[0] if len(results) == 1 else results


@_handles(np.split)
def _split(ary, indices_or_sections, axis=0):
    if not np.iterable(indices_or_sections) and ary.shape[axis] % operator.index(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


@_handles(np.array_split)
def _array_split(ary, indices_or_sections, axis=0):
    axis = ary._axis(axis)
    length = ary.shape[axis]
    if np.iterable(indices_or_sections):
        ends = [0, *(operator.index(one) for one in indices_or_sections), length]
    else:
        count = operator.index(indices_or_sections)
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, more = divmod(length, count)
        ends = [0]
        for i in range(count):
            ends.append(ends[-1] + each + (i < more))
    before = (slice(None),) * axis
    return [ary[(*before, slice(a, b))] for a, b in zip(ends, ends[1:], strict=False)]
