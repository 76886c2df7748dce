"""Arrays on disk, used as if they were in memory: any size, with NumPy's names and NumPy's results."""

from . import format
from ._format import load, open_memmap, save, savez, savez_compressed
from ._memmap import memmap
from ._ndfolio import __version__

__all__ = [
    "__version__",
    "format",
    "load",
    "memmap",
    "open_memmap",
    "save",
    "savez",
    "savez_compressed",
]
