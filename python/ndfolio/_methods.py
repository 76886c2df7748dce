"""Methods of maps that the engine answers for large ones, or that are done in blocks where NumPy would copy all items."""

import functools

import numpy as np

from . import _memmap
from ._memmap import memmap

_ndarray = np.ndarray


def _reduction(name):
    """A method of NumPy's, which the engine answers for large maps."""
    numpys = getattr(_ndarray, name)

    @functools.wraps(numpys)
    def method(self, *args, **kwargs):
        mapping = self._mmap
        if mapping is not None and mapping.doubtful:
            mapping.check()
        if self.nbytes >= _memmap._LARGE and type(self) is memmap:
            from . import _accelerate

            result = _accelerate.method(self, name, args, kwargs)
            if result is not NotImplemented:
                return result
        result = numpys(self, *args, **kwargs)
        if mapping is not None and mapping.doubtful:
            mapping.check()
        return result

    return method


for _name in ("sum", "prod", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax"):
    setattr(memmap, _name, _reduction(_name))


def _by_blocks(name):
    """A method of NumPy's, which is done in blocks for large maps where NumPy would copy all items."""
    numpys = getattr(_ndarray, name)

    @functools.wraps(numpys)
    def method(self, *args, **kwargs):
        if self.nbytes >= _memmap._LARGE and type(self) is memmap:
            from . import _accelerate

            result = _accelerate.by_blocks(getattr(np, name), (self, *args), kwargs)
            if result is not NotImplemented:
                return result
        result = numpys(self, *args, **kwargs)
        if self._mmap is not None and self._mmap.doubtful:
            self._mmap.check()
        return result

    return method


for _name in ("cumsum", "cumprod", "nonzero", "dot", "argsort"):
    setattr(memmap, _name, _by_blocks(_name))


def _matmul(self, other):
    return _matrix_product(self, other, self, _ndarray.__matmul__)


def _rmatmul(self, other):
    return _matrix_product(other, self, self, lambda a, b: _ndarray.__rmatmul__(b, a))


def _matrix_product(first, second, own, numpys):
    if own.nbytes >= _memmap._LARGE and type(own) is memmap and isinstance(first, _ndarray) and isinstance(second, _ndarray):
        from . import _accelerate

        result = _accelerate.by_blocks(np.matmul, (first, second), {})
        if result is not NotImplemented:
            return result
    return numpys(first, second)


memmap.__matmul__ = _matmul  # type: ignore[method-assign, assignment]
memmap.__rmatmul__ = _rmatmul  # type: ignore[method-assign, assignment]


def _searchsorted(self, v, /, side="left", sorter=None):
    if self.nbytes >= _memmap._LARGE and type(self) is memmap:
        from . import _accelerate

        result = _accelerate.searchsorted(self, v, side, sorter)
        if result is not NotImplemented:
            self.check()
            return result
    return _ndarray.searchsorted(self, v, side, sorter)


memmap.searchsorted = functools.wraps(_ndarray.searchsorted)(_searchsorted)  # type: ignore[method-assign]


def _dlpack(self, **kwargs):
    """As NumPy's; items that are not aligned are copied, since receivers take it that they are."""
    if self._mmap is not None:
        self._mmap.check()
    if self.flags.aligned:
        return _ndarray.__dlpack__(self, **kwargs)
    if kwargs.get("copy") is False:
        raise BufferError("the items are not aligned, and cannot be handed over without a copy")
    return np.array(self, order="C", subok=False).__dlpack__(**kwargs)


memmap.__dlpack__ = _dlpack  # type: ignore[method-assign]
