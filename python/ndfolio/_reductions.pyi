from collections.abc import Iterable
from typing import Any, SupportsIndex, TypeAlias

from numpy.typing import DTypeLike

from ._array import Array

_Axis: TypeAlias = SupportsIndex | Iterable[SupportsIndex] | None

NOT_GIVEN: Any

def axes_of(axis: _Axis) -> list[int] | None: ...
def reduce(
    x: Array,
    name: str,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: Any = None,
    keepdims: bool = False,
    *,
    ddof: float = 0,
    initial: Any = ...,
    where: Any = True,
) -> Array: ...
def scan(x: Array, name: str, axis: SupportsIndex | None = None, dtype: DTypeLike | None = None, out: Any = None) -> Array: ...
def _given(value: Any) -> bool: ...

class Reductions:
    def sum(
        self,
        axis: _Axis = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = ...,
        where: Any = True,
    ) -> Array: ...
    def prod(
        self,
        axis: _Axis = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = ...,
        where: Any = True,
    ) -> Array: ...
    def mean(
        self,
        axis: _Axis = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        keepdims: bool = False,
        *,
        where: Any = True,
    ) -> Array: ...
    def var(
        self,
        axis: _Axis = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        correction: float = ...,
    ) -> Array: ...
    def std(
        self,
        axis: _Axis = None,
        dtype: DTypeLike | None = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        correction: float = ...,
    ) -> Array: ...
    def min(
        self,
        axis: _Axis = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = ...,
        where: Any = True,
    ) -> Array: ...
    def max(
        self,
        axis: _Axis = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = ...,
        where: Any = True,
    ) -> Array: ...
    def any(
        self,
        axis: _Axis = None,
        out: Any = None,
        keepdims: bool = False,
        *,
        where: Any = True,
    ) -> Array: ...
    def all(
        self,
        axis: _Axis = None,
        out: Any = None,
        keepdims: bool = False,
        *,
        where: Any = True,
    ) -> Array: ...
    def argmin(self, axis: SupportsIndex | None = None, out: Any = None, *, keepdims: bool = False) -> Array: ...
    def argmax(self, axis: SupportsIndex | None = None, out: Any = None, *, keepdims: bool = False) -> Array: ...
    def ptp(self, axis: _Axis = None, out: Any = None, *, keepdims: bool = False) -> Array: ...
    def cumsum(
        self, axis: SupportsIndex | None = None, dtype: DTypeLike | None = None, out: Any = None
    ) -> Array: ...
    def cumprod(
        self, axis: SupportsIndex | None = None, dtype: DTypeLike | None = None, out: Any = None
    ) -> Array: ...
