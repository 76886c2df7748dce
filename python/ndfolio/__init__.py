"""Arrays on disk, used as if they were in memory: any size, with NumPy's names and NumPy's results."""

from . import format
from ._array import Array, asarray
from ._compute import compute
from ._config import config
from ._format import load, open_memmap, save, savez, savez_compressed
from ._functions import where
from ._memmap import memmap
from ._ndfolio import __version__
from ._opening import create, open
from ._storage import Appender, check, checksum, repair, verify

__all__ = [
    "Appender",
    "Array",
    "__version__",
    "asarray",
    "check",
    "checksum",
    "compute",
    "config",
    "create",
    "format",
    "load",
    "memmap",
    "open",
    "open_memmap",
    "repair",
    "save",
    "savez",
    "savez_compressed",
    "verify",
    "where",
]
