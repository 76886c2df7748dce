"""The standard's Fourier transforms: NumPy's, of values in memory where they fit the budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from .._array import Array
from ._support import by_numpy, check_device, check_result, lazy, of_numpy


class _One(Protocol):
    def __call__(
        self,
        x: Array,
        /,
        *,
        n: int | None = None,
        axis: int = -1,
        norm: Literal["backward", "ortho", "forward"] = "backward",
    ) -> Array: ...


class _Several(Protocol):
    def __call__(
        self,
        x: Array,
        /,
        *,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: Literal["backward", "ortho", "forward"] = "backward",
    ) -> Array: ...


def _one(name: str) -> _One:
    numpys = getattr(np.fft, name)

    def transform(x: Array, /, *, n: int | None = None, axis: int = -1, norm: Any = "backward") -> Array:
        x = lazy(x)
        _check(name, x, () if n is None else (n,), (axis,))
        return by_numpy(numpys, x, n, axis, norm)

    return _named(transform, name)


def _several(name: str) -> _Several:
    numpys = getattr(np.fft, name)

    def transform(x: Array, /, *, s: Any = None, axes: Any = None, norm: Any = "backward") -> Array:
        x = lazy(x)
        s = s if s is None else tuple(s)
        _check(name, x, s or (), axes if axes is not None else range(-len(s or ()), 0))
        return by_numpy(numpys, x, s, axes, norm)

    return _named(transform, name)


def _check(name: str, x: Array, lengths: Sequence[int], axes: Iterable[int]) -> None:
    """Refuses lengths that would make a result that does not fit the budget."""
    shape = list(x.shape)
    for axis, length in zip(axes, lengths, strict=False):
        shape[axis] = max(length, 0)
    check_result(name, shape, np.result_type(x.dtype, np.complex64))


def _named(function: Any, name: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`numpy.fft.{name}`, of values in memory within the budget."
    return function


fft, ifft, rfft, irfft, hfft, ihfft = map(_one, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"))
fftn, ifftn, rfftn, irfftn = map(_several, ("fftn", "ifftn", "rfftn", "irfftn"))


def _frequencies(function: Any, n: int, d: float, dtype: Any, device: Any) -> Array:
    check_device(device)
    dtype = np.dtype(np.float64 if dtype is None else dtype)
    check_result(function.__name__, (n,), dtype)
    return of_numpy(function(n, d).astype(dtype, copy=False))


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Array:
    """The frequencies of a transform of `n` items at a distance of `d`."""
    return _frequencies(np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Array:
    """The frequencies of a transform of `n` real items at a distance of `d`."""
    return _frequencies(np.fft.rfftfreq, n, d, dtype, device)


def fftshift(x: Array, /, *, axes: Any = None) -> Array:
    """The frequency zero moved to the middle."""
    return by_numpy(np.fft.fftshift, lazy(x), axes)


def ifftshift(x: Array, /, *, axes: Any = None) -> Array:
    """The frequency zero moved back to the front."""
    return by_numpy(np.fft.ifftshift, lazy(x), axes)


__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]
