"""Arrays on disk, used as if they were in memory: any size, with NumPy's names and NumPy's results."""

from typing import TYPE_CHECKING

from . import _methods, format
from ._array import Array, asarray
from ._compute import compute, explain
from ._config import config
from ._format import load, open_memmap, save, savez, savez_compressed
from ._functions import where
from ._loader import Loader, shuffle
from ._memmap import memmap
from ._ndfolio import __version__
from ._opening import create, open
from ._storage import Appender, check, checksum, repair, verify

__all__ = [
    "Appender",
    "Array",
    "Loader",
    "__version__",
    "asarray",
    "check",
    "checksum",
    "compute",
    "config",
    "create",
    "explain",
    "format",
    "load",
    "memmap",
    "open",
    "open_memmap",
    "repair",
    "save",
    "savez",
    "savez_compressed",
    "shuffle",
    "verify",
    "where",
]

if TYPE_CHECKING:
    from . import array_api as array_api
    from . import torch as torch
else:

    def __getattr__(name):
        # What few programs use is imported when it is asked for.
        if name in ("array_api", "torch"):
            from importlib import import_module

            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
