"""Which of NumPy's functions are done block by block, and when."""

from __future__ import annotations

from typing import Any

from . import _blocked, _blocks, _joining, _lanes, _products

#: Modules add their functions to the table.
_MODULES = (_blocked, _joining, _lanes, _products)

#: What puts arrays together reads each of them once, whatever its size.
_ALWAYS = frozenset(function for function, ours in _blocks.TABLE.items() if ours.__module__ == _joining.__name__)

#: Functions of maps; what NumPy does to those without a copy is left to it.
OF_MAPS = {function: ours for function, ours in _blocks.TABLE.items() if function not in _ALWAYS} | _blocked.RUNNING


def call(function: Any, nbytes: int, args: Any, kwargs: Any) -> Any:
    """A function of arrays on disk of so many bytes: `NotImplemented` where it is NumPy's."""
    ours = _blocks.TABLE.get(function)
    if ours is None or (nbytes <= _blocks.size() and function not in _ALWAYS):
        return NotImplemented
    return ours(*args, **kwargs)
