"""Arrays of other arrays: operands, and the few ways in which nodes are made."""

from __future__ import annotations

import os

import numpy as np

from . import _config
from ._ndfolio import Node, size_text

#: Types of Python's numbers, whose dtype gives way to that of arrays (NEP 50). Subclasses, such as NumPy's float64, are
#: none of them.
WEAK = frozenset((bool, int, float, complex))

#: How a node is made of others, by a name that can be pickled.
WAYS = {
    "map": lambda name, *args: Node.map(name, args),
    "round": Node.round,
    "nan_to_num": Node.nan_to_num,
    "slice": Node.slice,
    "field": Node.field,
    "transpose": Node.transpose,
    "reshape": Node.reshape,
    "broadcast_to": Node.broadcast_to,
    "astype": Node.astype,
    "reduce": Node.reduce,
    "cumsum": Node.cumsum,
    "cumprod": Node.cumprod,
    "diff": Node.diff,
}


def too_large(what: str, nbytes: int, way: str) -> MemoryError:
    """The error for something that would be copied beyond the budget."""
    budget = _config.session().budget
    return MemoryError(
        f"{what} would copy {nbytes} bytes ({size_text(nbytes)}) into memory, and the budget is {budget} bytes "
        f"({size_text(budget)}); {way}, or allow more with ndfolio.config(memory=...)"
    )


def check_budget(what: str, nbytes: int, way: str = "work on a part of it, or save it to a file") -> None:
    """Refuses what does not fit the budget before it is copied."""
    if not _config.session().allows(nbytes):
        raise too_large(what, nbytes, way)


def memory_node(items: np.ndarray) -> Node:
    """A node of an array in memory, which is copied.

    Raises
    ------
    MemoryError
        More bytes than the budget allows.
    TypeError, ValueError
        A dtype that no file could have.
    """
    check_budget("an array in memory that becomes part of an expression", items.nbytes, "save it and open the file")
    native = items.dtype.newbyteorder("=") if not items.dtype.isnative else items.dtype
    items = np.asarray(items, dtype=native, order="C")
    if items.nbytes < 4096 or not items.flags.c_contiguous:
        return Node.of_memory(items.tobytes(), native, items.shape)
    return Node.of_memory(items.reshape(-1).view(np.uint8), native, items.shape)


def mapped_place(array: np.ndarray):
    """Where a read-only memory map lies in its file, as arguments of `open`; None if its file cannot stand for it."""
    root = array if isinstance(array, np.memmap) else None
    if root is None or getattr(root, "_mmap", None) is None or not isinstance(root.filename, (str, os.PathLike)):
        return None
    if root.mode != "r" or root.dtype.hasobject or not os.path.exists(root.filename):
        return None
    if not (array.flags.c_contiguous or array.flags.f_contiguous) or array.size == 0:
        return None
    # A view has its parent's offset, so its place follows from the addresses.
    import mmap

    start = np.frombuffer(root._mmap, np.uint8).__array_interface__["data"][0]  # type: ignore[attr-defined]
    before = root.offset - root.offset % mmap.ALLOCATIONGRANULARITY
    offset = before + array.__array_interface__["data"][0] - start
    order = "C" if array.flags.c_contiguous else "F"
    return os.fspath(root.filename), array.dtype, array.shape, offset, order
