"""Dtypes, constants, and what can be said of dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from ._support import check_device, lazy

bool = np.dtype(np.bool)  # noqa: A001, the standard's name
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
uint16 = np.dtype(np.uint16)
uint32 = np.dtype(np.uint32)
uint64 = np.dtype(np.uint64)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
complex64 = np.dtype(np.complex64)
complex128 = np.dtype(np.complex128)

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


def isdtype(dtype: np.dtype, kind: Any) -> bool:  # type: ignore[valid-type]
    """Whether a dtype is of a kind, or of one of several."""
    return np.isdtype(dtype, kind)


def can_cast(from_: Any, to: np.dtype, /) -> bool:  # type: ignore[valid-type]
    """Whether a cast loses nothing, by NumPy's table."""
    return np.can_cast(_dtype_of(from_), to)


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype that an operation on arrays, dtypes and Python's numbers has."""
    return np.result_type(*(x.dtype if type(x) is Array else x for x in arrays_and_dtypes))


def astype(x: Array, dtype: np.dtype, /, *, copy: Any = True, device: Any = None) -> Array:
    """Items cast to another dtype; nothing is computed. Without `copy` the same array where nothing is to do."""
    check_device(device)
    x = lazy(x)
    if x.dtype == np.dtype(dtype):
        return _array.asarray(x, copy=True) if copy and not x._node.is_file else x.astype(dtype) if copy else x
    return x.astype(dtype)
