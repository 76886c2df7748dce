"""The operators of arrays, and the small methods that are functions of items."""

from __future__ import annotations


def _binary(name: str):
    def forward(self, other):
        other = self._operand_or_none(other)
        return NotImplemented if other is None else self._make("map", name, self, other)

    def reflected(self, other):
        other = self._operand_or_none(other)
        return NotImplemented if other is None else self._make("map", name, other, self)

    def inplace(self, other):
        other = self._operand_or_none(other)
        return NotImplemented if other is None else self._replace(self._make("map", name, self, other), "same_kind")

    return forward, reflected, inplace


def _equality(name: str, otherwise: bool):
    def method(self, other):
        operand = self._operand_or_none(other)
        if operand is None and other is not None:
            return NotImplemented
        if operand is not None:
            try:
                return self._make("map", name, self, operand)
            except TypeError:
                pass
        # What cannot be compared is not equal, as in NumPy: a number and a text, anything and None.
        return self._function("full_like", self, otherwise, dtype=bool)

    return method


def _unary(name: str):
    def method(self):
        return self._make("map", name, self)

    return method


#: Methods that NumPy does, with values in memory.
_BY_NUMPY = ("argpartition", "argsort", "diagonal", "dot", "nonzero", "repeat", "searchsorted", "trace")


def _by_numpy(name: str):
    def method(self, *args, **kwargs):
        return self._function(name, self, *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Array.{name}"
    method.__doc__ = f"As `numpy.{name}`, of the values in memory: within the budget, else it is a `MemoryError`."
    return method


def _matmul(other, order):
    if other is None:
        return NotImplemented
    from .array_api import matmul

    return matmul(*order(other))


class Operators:
    """Arithmetic, comparison and bits, with NumPy's broadcasting and promotion; nothing is computed."""

    __slots__ = ()

    __add__, __radd__, __iadd__ = _binary("add")
    __sub__, __rsub__, __isub__ = _binary("subtract")
    __mul__, __rmul__, __imul__ = _binary("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _binary("divide")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _binary("floor_divide")
    __mod__, __rmod__, __imod__ = _binary("remainder")
    __pow__, __rpow__, __ipow__ = _binary("power")
    __and__, __rand__, __iand__ = _binary("bitwise_and")
    __or__, __ror__, __ior__ = _binary("bitwise_or")
    __xor__, __rxor__, __ixor__ = _binary("bitwise_xor")
    __lshift__, __rlshift__, __ilshift__ = _binary("left_shift")
    __rshift__, __rrshift__, __irshift__ = _binary("right_shift")

    __lt__ = _binary("less")[0]
    __le__ = _binary("less_equal")[0]
    __gt__ = _binary("greater")[0]
    __ge__ = _binary("greater_equal")[0]
    __eq__ = _equality("equal", False)
    __ne__ = _equality("not_equal", True)
    # As NumPy's arrays: what compares item by item has no hash.
    __hash__ = None

    __neg__ = _unary("negative")
    __pos__ = _unary("positive")
    __abs__ = _unary("absolute")
    __invert__ = _unary("invert")
    conj = conjugate = _unary("conjugate")

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __matmul__(self, other):
        return _matmul(self._operand_or_none(other), lambda other: (self, other))

    def __rmatmul__(self, other):
        return _matmul(self._operand_or_none(other), lambda other: (other, self))

    @property
    def real(self):
        """The real part of each item."""
        return self._make("map", "real", self) if self.dtype.kind == "c" else self

    @property
    def imag(self):
        """The imaginary part of each item: zeros for what is not complex."""
        return self._make("map", "imag", self)

    def clip(self, min=None, max=None, out=None):
        """Items cut to a range; a bound may be None."""
        return self._function("clip", self, min, max, out=out)

    def round(self, decimals=0, out=None):
        """Items rounded half to even."""
        return self._function("round", self, decimals, out=out)


for _name in _BY_NUMPY:
    setattr(Operators, _name, _by_numpy(_name))
