"""Files that are there, and new ones."""

from __future__ import annotations

import operator

import numpy as np

from . import _compute
from ._array import Array


def open(path, mode="r", key=None, dtype=None, shape=None, offset=0, order="C", io="auto") -> Array:
    """Opens an array of a file: reads its header and nothing else.

    Parameters
    ----------
    path : path
        A ``.npy`` file, an ``.npz`` archive of stored members, or a file of values.
    mode : {'r', 'r+', 'c'}
        Reading; reading and writing; or writing that this process alone sees.
    key : str, optional
        Which array of a file that has several.
    dtype, shape, offset, order : optional
        What a file without a header holds. One extent of the shape may be -1; offset is in bytes.
    io : {'auto', 'mmap', 'pread', 'direct'}
        Which way passes over this array read it.

    Returns
    -------
    Array

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        A file that cannot be opened.
    ValueError
        A file that holds no array that can be used, with the reason and the way out.

    Examples
    --------
    >>> np.save(tmp / 'a.npy', np.arange(12.0).reshape(3, 4))
    >>> x = nf.open(tmp / 'a.npy')
    >>> x.shape, x.dtype
    ((3, 4), dtype('float64'))
    >>> float(x.mean())
    5.5
    """
    if hasattr(path, "read"):
        raise TypeError("open() takes a path, and not an open file; use ndfolio.open(file.name)")
    raw = None
    if dtype is not None or shape is not None or offset or order != "C":
        if shape is not None:
            shape = [operator.index(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
        raw = {"dtype": dtype, "shape": shape, "offset": operator.index(offset), "order": order}
    return Array._of(_compute.open_node(path, mode, key, raw, io))


def create(path, shape, dtype=float, order="C", fill=None, overwrite=False, *, growable=False) -> Array:
    """Makes a new file of zeros, or of `fill`, and opens it for reading and writing.

    Its space is reserved, and it appears whole or not at all. A name that ends in ``.npy`` makes a ``.npy`` file, any
    other a raw one.

    Parameters
    ----------
    path : path
    shape : int or tuple of int
    dtype : dtype
    order : {'C', 'F'}
    fill : optional
        What every item is at first.
    overwrite : bool
        Whether a file of that name is replaced; else it is an error.
    growable : bool
        Whether the header has room for more rows from the start, so that the first `append` need not copy the file.

    Raises
    ------
    FileExistsError
        A file of that name, without `overwrite`.
    OSError
        A full disk. Nothing is left behind.

    Examples
    --------
    >>> with nf.create(tmp / 'c.npy', (2, 3), 'f4', fill=1) as x:
    ...     x[0] = [5, 6, 7]
    >>> np.load(tmp / 'c.npy')
    array([[5., 6., 7.],
           [1., 1., 1.]], dtype=float32)
    """
    shape = [operator.index(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    dtype = np.dtype(dtype)
    item = None if fill is None else np.asarray(fill).astype(dtype).reshape(()).tobytes()
    return Array._of(_compute.create_node(path, shape, dtype, order, item, growable, overwrite))
