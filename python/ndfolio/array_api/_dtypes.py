"""Dtypes, constants, and what can be said of dtypes."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _array
from .._array import Array
from ._support import check_device, lazy

# NumPy's classes, as in its own namespace: they equal the dtypes of arrays, and not None, as dtypes do.
bool: type[np.bool] = np.bool
int8: type[np.int8] = np.int8
int16: type[np.int16] = np.int16
int32: type[np.int32] = np.int32
int64: type[np.int64] = np.int64
uint8: type[np.uint8] = np.uint8
uint16: type[np.uint16] = np.uint16
uint32: type[np.uint32] = np.uint32
uint64: type[np.uint64] = np.uint64
float32: type[np.float32] = np.float32
float64: type[np.float64] = np.float64
complex64: type[np.complex64] = np.complex64
complex128: type[np.complex128] = np.complex128

e = np.e
inf = np.inf
nan = np.nan
newaxis = None
pi = np.pi


@dataclass(frozen=True)
class finfo_object:
    """The limits of a dtype of floats."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype


@dataclass(frozen=True)
class iinfo_object:
    """The limits of a dtype of integers."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


def _dtype_of(x: Any) -> np.dtype:
    return x.dtype if type(x) is Array else np.dtype(x)


def finfo(type: Any, /) -> finfo_object:
    """The limits of a dtype of floats, or of the parts of a complex one."""
    found = np.finfo(_dtype_of(type))
    return finfo_object(
        bits=found.bits,
        eps=float(found.eps),
        max=float(found.max),
        min=float(found.min),
        smallest_normal=float(found.smallest_normal),
        dtype=found.dtype,
    )


def iinfo(type: Any, /) -> iinfo_object:
    """The limits of a dtype of integers."""
    found = np.iinfo(_dtype_of(type))
    return iinfo_object(found.bits, int(found.max), int(found.min), found.dtype)


def isdtype(dtype: DTypeLike, kind: Any) -> builtins.bool:
    """Whether a dtype is of a kind, or of one of several."""
    return np.isdtype(np.dtype(dtype), kind)


def can_cast(from_: Any, to: DTypeLike, /) -> builtins.bool:
    """Whether a cast loses nothing, by NumPy's table."""
    return np.can_cast(_dtype_of(from_), to)


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype that an operation on arrays, dtypes and Python's numbers has."""
    return np.result_type(*(x.dtype if type(x) is Array else x for x in arrays_and_dtypes))


def astype(x: Array, dtype: DTypeLike, /, *, copy: Any = True, device: Any = None) -> Array:
    """Items cast to another dtype; nothing is computed. Without `copy` the same array where nothing is to do."""
    check_device(device)
    x = lazy(x)
    if x.dtype == np.dtype(dtype):
        return _array.asarray(x, copy=True) if copy and not x._in_file else x.astype(dtype) if copy else x
    return x.astype(dtype)
