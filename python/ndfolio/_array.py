"""`Array`: an array on disk, or an expression of such, used as if it were in memory."""

from __future__ import annotations

import operator
import os

import numpy as np

from . import _build, _compute
from ._ndfolio import Base, Node
from ._operators import Operators
from ._picking import Picking
from ._reductions import Reductions
from ._standard import Standard
from ._storage import Storage

_new = Base.__new__
_PLAIN = (int, slice, type(Ellipsis), type(None))


class Array(Base, Reductions, Operators, Picking, Storage, Standard):
    """An array whose items are read or computed when their values are wanted.

    Arrays are opened by `ndfolio.open`, made by `ndfolio.create` and `ndfolio.asarray`, or are operations on other
    arrays. Dtype and shape are known at once. Slicing, arithmetic, NumPy's functions of items and its reductions read
    nothing; ``numpy.asarray(x)``, ``float(x)``, ``x.compute()``, ``ndfolio.compute(x, y)``, ``x.save(path)`` and
    ``y[...] = x`` do, in few passes and within the memory that `ndfolio.config` allows.

    An array follows its file: what is written to the file later is seen by what is computed later.

    Examples
    --------
    >>> x = nf.asarray(np.arange(6.0).reshape(2, 3))
    >>> z = (x - x.mean(axis=0)) / x.std(axis=0)
    >>> z.shape, z.dtype
    ((2, 3), dtype('float64'))
    >>> z.compute()
    array([[-1., -1., -1.],
           [ 1.,  1.,  1.]])
    """

    __slots__ = (
        "__weakref__",
        "_dtype",
        "_items",
        "_map",
        "_node",
        "_picks",
        "_profile",
        "_recipe",
        "_reference",
        "_shape",
    )
    __module__ = "ndfolio"

    #: Binary operators of NumPy's arrays leave the decision to this class.
    __array_priority__ = 1000.0

    def __new__(cls, *args, **kwargs):
        raise TypeError("arrays are made by ndfolio.open, ndfolio.create and ndfolio.asarray")

    @staticmethod
    def _of(node: Node, recipe=None, map_=None, profile=None) -> Array:
        self = _new(Array)
        self._node = node
        self._picks = None
        self._recipe = recipe
        self._items = None
        self._map = map_
        self._profile = profile
        return self

    @staticmethod
    def _make(way: str, *args) -> Array:
        """An array made of others: `args` are arrays, numbers, and what is in no array."""
        if type(args[0]) is Array and args[0]._items is not None:
            from . import _memory

            if way in _memory.VIEWS:
                return _memory.view(way, args)
        nodes = [arg._node if type(arg) is Array else arg for arg in args]
        node = _build.WAYS[way](*nodes)
        if not node.is_file:
            return Array._of(node, (way, args))
        # Views share what is mapped of their file.
        (first, *_) = args
        if first._map is None:
            first._map = _compute.Map(first._node)
        return Array._of(node, None, first._map)

    def __getattr__(self, name):
        # Only for what is not there yet: found out when it is asked for.
        if name == "_node":
            return self._open_again()
        if name == "_dtype":
            self._dtype = self._node.dtype
            return self._dtype
        if name == "_shape":
            self._shape = self._node.shape
            return self._shape
        if name == "_picks":
            return None
        raise AttributeError(f"'Array' object has no attribute {name!r}", name=name, obj=self)

    def _open_again(self) -> Node:
        from . import _reference

        if self._items is not None:
            self._node = _build.memory_node(self._items.array)
            return self._node
        if self._picks is not None:
            self._node = _compute.picked_node(self)
            return self._node
        try:
            reference = object.__getattribute__(self, "_reference")
        except AttributeError:
            raise ValueError("the array was closed; open its file again") from None
        self._node = _reference.node(reference)
        return self._node

    # What it is.

    @property
    def _in_file(self) -> bool:
        """Whether it is an array of a file, or a view of one. Nothing is read to know it."""
        return self._picks is None and self._node.is_file

    @property
    def dtype(self) -> np.dtype:
        """The type of the items."""
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Items along each axis."""
        return self._shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """The number of items."""
        size = 1
        for extent in self._shape:
            size *= extent
        return size

    @property
    def itemsize(self) -> int:
        """Bytes of one item."""
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all items."""
        return self.size * self._dtype.itemsize

    @property
    def profile(self) -> dict | None:
        """What the last pass that computed, saved or wrote this array did; None if there was none."""
        return self._profile

    @property
    def filename(self) -> str | None:
        """The file, if this is an array of a file or a view of one."""
        return os.fspath(self._node.path) if self._in_file else None

    @property
    def mode(self) -> str | None:
        """'r', 'r+' or 'c' for an array of a file."""
        return self._node.mode if self._in_file else None

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one item to the next along each axis, in the file."""
        if not self._in_file:
            raise AttributeError("only an array of a file has strides", name="strides", obj=self)
        return self._node.strides

    @property
    def flat(self) -> Array:
        """All items along one axis, in C order."""
        return self.reshape(-1)

    def __len__(self):
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]

    # Views.

    @property
    def T(self) -> Array:
        """The axes reversed."""
        return self._make("transpose", self)

    @property
    def mT(self) -> Array:
        """The last two axes swapped."""
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-1, -2)

    def transpose(self, *axes) -> Array:
        """The axes in another order: reversed, or as they are named."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = axes[0]
        if axes is None or len(axes) == 0:
            return self._make("transpose", self)
        return self._make("transpose", self, [operator.index(axis) for axis in axes])

    def swapaxes(self, axis1, axis2) -> Array:
        """Two axes swapped."""
        axes = list(range(self.ndim))
        first, second = self._axis(axis1), self._axis(axis2)
        axes[first], axes[second] = second, first
        return self._make("transpose", self, axes)

    def _axis(self, axis) -> int:
        axis = operator.index(axis)
        if not -self.ndim <= axis < self.ndim:
            raise np.exceptions.AxisError(axis, self.ndim)
        return axis % self.ndim

    def reshape(self, *shape, order="C", copy=None) -> Array:
        """The same items in a new shape, in which one extent may be -1.

        A view wherever strides can express it; else a copy in memory, if the budget allows one.
        """
        if len(shape) == 1 and not isinstance(shape[0], int):
            shape = tuple(shape[0]) if np.iterable(shape[0]) else shape
        shape = [operator.index(extent) for extent in shape]
        if order == "F":
            return self.T.reshape(*shape[::-1], copy=copy).T
        if order not in ("C", "A"):
            raise ValueError(f"order must be 'C', 'F' or 'A', got {order!r}")
        try:
            return self._make("reshape", self, shape)
        except ValueError as error:
            if "without copying" not in str(error) or copy is False:
                raise
            _build.check_budget("a reshape that strides cannot express", self.nbytes, "save it in the other order first")
            return asarray(_compute.compute(self).reshape(shape))

    def ravel(self, order="C") -> Array:
        """All items along one axis."""
        return self.reshape(-1, order=order)

    flatten = ravel

    def squeeze(self, axis=None) -> Array:
        """Without axes of one item."""
        if axis is None:
            axes = [i for i, extent in enumerate(self._shape) if extent == 1]
        else:
            axes = [self._axis(one) for one in (axis if isinstance(axis, tuple) else (axis,))]
            if any(self._shape[one] != 1 for one in axes):
                raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
        return self[tuple(0 if i in axes else slice(None) for i in range(self.ndim))] if axes else self

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True) -> Array:
        """Items cast to another dtype, as NumPy casts."""
        dtype = np.dtype(dtype)
        if self._picks is not None and _compute.casts_as_it_picks(self._dtype, dtype, casting):
            return _compute.picked_as(self, dtype)
        return self._make("astype", self, dtype, casting)

    def __getitem__(self, key) -> Array:
        kind = type(key)
        if kind in _PLAIN:
            return self._make("slice", self, (key,))
        if kind is tuple and all(type(part) in _PLAIN for part in key):
            return self._make("slice", self, key)
        from . import _indexing

        return _indexing.get(self, key)

    def __setitem__(self, key, value) -> None:
        from . import _indexing

        if self._items is not None or not self._in_file:
            _indexing.put_in_memory(self, key, value)
        elif type(key) is not tuple or not all(type(part) in _PLAIN for part in key):
            _indexing.put(self, key, value)
        else:
            self._make("slice", self, key)._assign(value, "unsafe", self)

    def __iter__(self):
        from . import _indexing

        if not self._shape:
            raise TypeError("iteration over a 0-d array")
        return _indexing.rows(self)

    def __contains__(self, item):
        return bool((self == item).any())

    # Values.

    def compute(self):
        """The values: a NumPy array, or a NumPy scalar where there are no axes.

        Raises
        ------
        MemoryError
            A result that does not fit the memory that was allowed, with its size and the way out.
        """
        return _compute.compute(self)

    def copy(self, order="C") -> Array:
        """The values of now, in memory."""
        return asarray(np.asarray(_compute.compute(self)))

    def item(self, *args):
        """One value as Python has it."""
        part = self.reshape(-1)[args[0]] if len(args) == 1 and type(args[0]) is int else self[args] if args else self
        if part.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return np.asarray(part.compute()).item()

    def tolist(self):
        """The values as lists of Python's numbers."""
        _build.check_budget("a list of all values", self.nbytes)
        return np.asarray(self).tolist()

    def tobytes(self, order="C") -> bytes:
        """The values' bytes."""
        _build.check_budget("a copy of all values", self.nbytes)
        return np.asarray(self).tobytes(order)

    def __round__(self, ndigits=None):
        return round(self.item(), ndigits)

    def _one(self, kind: str):
        if self.size != 1:
            raise TypeError(f"only length-1 arrays can be converted to Python {kind}")
        return self.item()

    def __bool__(self):
        if self.size != 1:
            what = "an empty array is ambiguous" if self.size == 0 else "an array with more than one element is ambiguous"
            raise ValueError(f"The truth value of {what}. Use a.any() or a.all()")
        return bool(self.item())

    def __int__(self):
        return int(self._one("scalars"))

    def __float__(self):
        return float(self._one("scalars"))

    def __complex__(self):
        return complex(self._one("scalars"))

    def __index__(self):
        if self._dtype.kind not in "iu" or self._shape:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return self.item()

    def __format__(self, spec):
        return format(self.compute() if not self._shape else str(self), spec)

    def __array__(self, dtype=None, copy=None):
        """The values for NumPy: the file itself where it can be, else a copy that the budget allows."""
        same = dtype is None or np.dtype(dtype) == self._dtype
        shared = self._shared() if same and copy is not True else None
        if shared is not None:
            return shared
        if copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return np.asarray(_compute.compute(self if same else self.astype(dtype)))

    def _shared(self):
        """The file's items as they are, as a NumPy array; None for what is not in a file."""
        if not self._in_file:
            return None
        if self._map is None:
            self._map = _compute.Map(self._node)
        return self._map.view(self)

    @property
    def __array_interface__(self):
        shared = self._shared()
        if shared is None:
            raise AttributeError("its items are not in memory as they are")
        return shared.__array_interface__

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        from . import _ufuncs

        return _ufuncs.call(ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        from . import _functions

        return _functions.call(func, args, kwargs)

    def _function(self, name, *args, **kwargs):
        from . import _functions

        return _functions.by_name(name, args, kwargs)

    # Writing.

    def save(self, path, *, dtype=None, order=None, casting="same_kind", overwrite=True) -> Array:
        """Computes the values into a new file, and opens that for reading.

        A name that ends in ``.npy`` makes a ``.npy`` file, any other a raw one. It appears whole or not at all, and one
        that is there is replaced, also if the values are made of it.

        Parameters
        ----------
        path : path
            The new file.
        dtype, order : optional
            Of the file; those of the array if not given.
        casting : str, optional
            Which casts to `dtype` are allowed.
        overwrite : bool, optional
            Whether a file of that name is replaced; else it is a ``FileExistsError``.

        Examples
        --------
        >>> y = (nf.asarray([1, 2, 3]) * 2).save(tmp / 'y.npy')
        >>> np.load(tmp / 'y.npy')
        array([2, 4, 6])
        """
        return _compute.save(self, path, dtype, order, casting, overwrite)

    def _assign(self, value, casting: str, owner: Array | None = None) -> None:
        value = self._operand(value)
        if type(value) is not Array:
            value = asarray(np.asarray(value, self._dtype))
        if value._is_place_of(self):
            # `x[key] += y` has done it already, and Python assigns the result once more.
            return
        _compute.assign(self, value, casting)
        if owner is not None:
            owner._profile = self._profile

    def _is_place_of(self, other: Array) -> bool:
        """Whether both are the same items of the same open file."""
        if self._map is None or self._map is not other._map or self._shape != other._shape:
            return False
        mine, theirs = self._node, other._node
        return (mine.offset, mine.strides, self._dtype) == (theirs.offset, theirs.strides, other._dtype)

    def _replace(self, result: Array, casting: str) -> Array:
        """What an operator in place gives: the array of a file with new items, or another expression."""
        if not self._in_file:
            return result
        self._assign(result, casting)
        return self

    def _into(self, result: Array, out):
        """A result that goes to `out`, if there is one."""
        if out is None:
            return result
        if isinstance(out, tuple):
            (out,) = out
        if type(out) is Array:
            out._assign(result, "same_kind")
        else:
            _compute.into(result, out)
        return out

    def fill(self, value) -> None:
        """Writes one value to every place of a file's array."""
        self._assign(value, "unsafe")

    def flush(self) -> None:
        """Waits until everything that was written to the file is on stable storage."""
        _compute.flush(self)

    def close(self) -> None:
        """Flushes what was written, and lets the file go; expressions and views that are made of it keep it open."""
        if self._picks is not None:
            return
        if hasattr(self, "_reference"):
            del self._reference
        try:
            node = object.__getattribute__(self, "_node")
        except AttributeError:
            return
        if not node.is_file:
            return
        _ = self.dtype, self.shape
        if node.mode == "r+":
            self.flush()
        self._map = None
        del self._node

    def __enter__(self) -> Array:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def explain(self) -> str:
        """What computing this array would do: passes, files and how they are read, memory. Reads no items."""
        return _compute.explain(self)

    # Elsewhere.

    def __reduce__(self):
        from . import _reference

        return _reference.reduce(self)

    def __dask_tokenize__(self):
        from . import _reference

        return _reference.token(self)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        from . import _show

        return _show.text(self)

    def __str__(self):
        from . import _show

        return _show.plain(self)

    def _repr_html_(self):
        from . import _html

        return _html.html(self)

    @staticmethod
    def _operand(value):
        """What an operation takes: an array, or one of Python's numbers."""
        if type(value) is Array or type(value) in _build.WEAK:
            return value
        return asarray(value)

    @staticmethod
    def _operand_or_none(value):
        """The same; None for what other classes answer, or nobody."""
        kind = type(value)
        if kind is Array or kind in _build.WEAK:
            return value
        if isinstance(value, (np.ndarray, np.generic, list, tuple, bool, int, float, complex, str, bytes)):
            return asarray(value)
        return None


def asarray(obj, dtype=None, *, copy=None) -> Array:
    """An array of what is given: an array, anything that NumPy takes, or a path of a file.

    NumPy's arrays are copied, since they could change before they are used; read-only memory maps are taken as their
    files.

    Parameters
    ----------
    obj : object
        An array, a number, lists of them, or a path (`os.PathLike`).
    dtype : optional
        What the items are cast to.
    copy : bool, optional
        As NumPy's: whether items are copied always, never (an error where they must be), or where they must be.

    Raises
    ------
    MemoryError
        An array in memory of more bytes than the budget allows to copy.

    Examples
    --------
    >>> nf.asarray([[1, 2], [3, 4]]).sum(axis=0).compute()
    array([4, 6])
    """
    from ._opening import open

    if type(obj) is Array:
        result = obj.copy() if copy else obj
        return result if dtype is None or result.dtype == np.dtype(dtype) else result.astype(dtype)
    if isinstance(obj, os.PathLike):
        return asarray(open(obj), dtype, copy=copy)
    if hasattr(obj, "read") and not hasattr(obj, "__array__"):
        raise TypeError("asarray() takes values or a path, and not an open file; use ndfolio.open(file.name)")
    if copy is False:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    items = np.asanyarray(obj) if isinstance(obj, np.ndarray) else np.asarray(obj, dtype)
    if dtype is not None and items.dtype != np.dtype(dtype):
        items = items.astype(dtype)
    place = _build.mapped_place(items)
    if place is not None:
        filename, dtype, shape, offset, order = place
        return open(filename, dtype=dtype, shape=shape, offset=offset, order=order)
    return Array._of(_build.memory_node(np.asarray(items)), ("memory", ()))
