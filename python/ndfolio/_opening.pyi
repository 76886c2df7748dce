import os
from collections.abc import Iterable
from typing import Any, SupportsIndex, TypeAlias

from numpy.typing import DTypeLike

from ._array import Array

_Path: TypeAlias = str | os.PathLike[str]
_Shape: TypeAlias = SupportsIndex | Iterable[SupportsIndex]

def open(
    path: _Path,
    mode: str = "r",
    key: str | None = None,
    dtype: DTypeLike | None = None,
    shape: _Shape | None = None,
    offset: SupportsIndex = 0,
    order: str = "C",
    io: str = "auto",
) -> Array: ...
def create(
    path: _Path,
    shape: _Shape,
    dtype: DTypeLike = ...,
    order: str = "C",
    fill: Any = None,
    overwrite: bool = False,
    *,
    growable: bool = False,
) -> Array: ...
