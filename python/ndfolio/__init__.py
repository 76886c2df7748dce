"""Arrays on disk, used as if they were in memory: any size, with NumPy's names and NumPy's results."""

from ._array import Array, asarray, create, open
from ._compute import compute
from ._config import config
from ._ndfolio import __version__

__all__ = ["Array", "__version__", "asarray", "compute", "config", "create", "open"]
