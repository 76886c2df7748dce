"""Arrays in pickles: those of files by reference, expressions as what they are made of."""

from __future__ import annotations

import hashlib
import os
import uuid

import numpy as np

from . import _build, _compute, _ndfolio
from ._array import Array, _new


def reduce(x: Array):
    """What pickle keeps: of a file's array its path, which file that is, and where the items lie."""
    try:
        return _of_reference, object.__getattribute__(x, "_reference")
    except AttributeError:
        pass
    if x._picks is not None and x._recipe is not None:
        return _of_picks, (x.dtype, *x._recipe[1])
    node = x._node
    if node.is_file and node.mode != "c":
        # Where there are several arrays in a file, their places say which one it is.
        path, (dev, ino) = os.path.abspath(node.path), node.file_id
        return _of_reference, (path, dev, ino, _text(x.dtype), x.shape, node.strides, node.offset)
    way, args = x._recipe or ("memory", ())
    if way == "memory" or node.is_file:
        # What was written in mode 'c' is in no file.
        return _of_memory, (np.asarray(_compute.compute(x)),)
    return _of_recipe, (way, args)


def _text(dtype: np.dtype):
    """A dtype as few bytes: its text where that says everything."""
    return dtype.str if dtype.names is None and dtype.subdtype is None else dtype


def token(x: Array) -> tuple:
    """What says whether two arrays have the same items, for Dask: of files their state and the place in them."""
    way, args = reduce(x)
    if way is _of_reference:
        about = os.stat(args[0])
        # Who writes may have written more since the system took notice.
        mode = x.mode if hasattr(x, "_node") else "r"
        state = (about.st_size, about.st_mtime_ns) if mode == "r" else uuid.uuid4().hex
        return ("ndfolio.Array", *map(str, args), state)
    if way is _of_memory:
        items = np.ascontiguousarray(args[0])
        return ("ndfolio.Array", str(items.dtype), items.shape, hashlib.blake2b(items.tobytes()).hexdigest())
    return ("ndfolio.Array", *(_token_of_part(part) for part in (args[0], *args[1])))


def _token_of_part(part):
    return token(part) if type(part) is Array else repr(part)


def _of_reference(*reference) -> Array:
    """An array that opens its file when it is used: for reading, since one process writes to a file at a time."""
    x = _new(Array)
    x._reference = reference
    x._map = x._profile = x._recipe = x._items = None
    x._dtype = np.dtype(reference[3])
    x._shape = reference[4]
    return x


def _of_memory(items: np.ndarray) -> Array:
    return Array._of(_build.memory_node(items), ("memory", ()))


def _of_picks(*about) -> Array:
    from . import _picking

    return _picking.restored(*about)


def _of_recipe(way, args) -> Array:
    return Array._make(way, *args)


def node(reference):
    """Opens the file again.

    Raises
    ------
    FileNotFoundError
        The file is gone.
    ValueError
        Another file has its name by now, or it became shorter.
    """
    path, dev, ino, dtype, shape, strides, offset = reference
    return _ndfolio.open_view(path, "r", (dev, ino), dtype, (shape, strides, offset))
