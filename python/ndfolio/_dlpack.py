"""DLPack: memory handed to other libraries, and taken from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _build, _compute

#: This machine's memory, in DLPack's words.
CPU = (1, 0)


def _fits(items: np.ndarray) -> bool:
    """Whether DLPack can describe the memory as it is."""
    strides = all(stride % items.itemsize == 0 for stride in items.strides) if items.itemsize else False
    return items.dtype.kind in "biufc" and items.dtype.isnative and items.flags.aligned and strides


def _copied(x, nbytes: int) -> np.ndarray:
    _build.check_budget("a copy for DLPack", nbytes, "hand over a part of it")
    return np.array(_compute.compute(x) if not isinstance(x, np.ndarray) else x, order="C")


def export(x, shared: np.ndarray | None, stream, max_version, dl_device, copy) -> Any:
    """The capsule of an array: of the mapped file where it can be, of a copy that the budget allows elsewhere.

    Who cannot be told that memory is for reading only gets a copy of such memory, never the file.

    Raises
    ------
    BufferError
        `copy=False` where there has to be a copy; another device; a dtype that DLPack does not have.
    """
    if dl_device is not None and tuple(dl_device) != CPU:
        raise BufferError(f"the items are in this machine's memory, device {CPU}, and not on device {tuple(dl_device)}")
    if x.dtype.kind not in "biufc":
        raise BufferError(f"DLPack has no dtype for {x.dtype}; it has booleans, integers, floats and complex numbers")
    # What is computed is made and not copied, so that nobody can ask for it without a copy in vain.
    is_made = shared is None and not x._in_file
    if shared is not None and not _fits(shared):
        shared = None
    # Before version 1 there is no way to say that memory is for reading only.
    tells = max_version is not None and tuple(max_version) >= (1, 0)
    if shared is not None and not (tells or shared.flags.writeable):
        shared = None
    if shared is None or copy:
        if copy is False and not is_made:
            raise BufferError(
                "the items cannot be handed over without a copy: they are of another byte order, not aligned, or for "
                "reading only while the receiver's DLPack is older than 1.0"
            )
        shared = _copied(x, x.nbytes)
    return shared.__dlpack__(stream=stream, max_version=max_version)


def receive(x, copy: bool | None):
    """An array of what another library exports.

    Raises
    ------
    BufferError
        Memory of another device; `copy=False` for an array of another library.
    """
    from ._array import Array, asarray

    if type(x) is Array:
        return x.copy() if copy else x
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"from_dlpack() takes an array with a __dlpack__ method, got {type(x).__name__}")
    if copy is False:
        raise BufferError("memory of another library could change before it is used, so it is copied; leave copy=None")
    device = x.__dlpack_device__()
    if tuple(map(int, device)) != CPU:
        raise BufferError(f"the items are on device {tuple(map(int, device))} and not in this machine's memory")
    return asarray(np.from_dlpack(x))
