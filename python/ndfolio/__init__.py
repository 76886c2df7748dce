"""Arrays on disk, used as if they were in memory: any size, with NumPy's names and NumPy's results."""

from ._ndfolio import __version__

__all__ = ["__version__"]
