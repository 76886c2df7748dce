import os
from typing import IO, Any, TypeAlias

from numpy.typing import ArrayLike, DTypeLike

from ._memmap import _Shape, memmap

_File: TypeAlias = str | bytes | os.PathLike[str] | IO[bytes]

def open_memmap(
    filename: _File,
    mode: str = "r+",
    dtype: DTypeLike | None = None,
    shape: _Shape | None = None,
    fortran_order: bool = False,
    version: tuple[int, int] | None = None,
    *,
    max_header_size: int = 10000,
) -> memmap: ...
def load(
    file: _File,
    mmap_mode: str | None = None,
    allow_pickle: bool = False,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    *,
    max_header_size: int = 10000,
) -> Any: ...
def save(file: _File, arr: ArrayLike, allow_pickle: bool = True) -> None: ...
def savez(file: _File, *args: ArrayLike, allow_pickle: bool = True, **kwds: ArrayLike) -> None: ...
def savez_compressed(file: _File, *args: ArrayLike, allow_pickle: bool = True, **kwds: ArrayLike) -> None: ...
def _read_header(descriptor: int, path: Any, place: int, max_header_size: int) -> tuple[Any, ...]: ...
def _map_items(descriptor: int, path: Any, filename: Any, mode: str, about: tuple[Any, ...]) -> memmap: ...
