"""`numpy.memmap` on a mapping of our own: the same class for those who use it, without the crashes."""

import errno
import io
import os
import sys
from operator import index as _index

import numpy as np

from ._ndfolio import Mapping

_MODES = {
    "r": "r",
    "readonly": "r",
    "c": "c",
    "copyonwrite": "c",
    "r+": "r+",
    "readwrite": "r+",
    "w+": "w+",
    "write": "w+",
}

_ndarray = np.ndarray
_new = np.ndarray.__new__
_view = np.ndarray.view
_getitem = np.ndarray.__getitem__
_setitem = np.ndarray.__setitem__
_wrap = np.ndarray.__array_wrap__
_array_function = np.ndarray.__array_function__

# Maps of fewer bytes are always NumPy's: they lie in the processor's cache once they are read.
_LARGE = 8 << 20


# Indices from which on the engine may be better.
_MANY = 256


class memmap(np.memmap):
    """An array in a file, mapped into memory: `numpy.memmap`, with the same arguments, attributes and result types.

    What is better than there:

    * No descriptor is kept open, whatever the number of maps.
    * A file that another process cuts, or a full disk, never ends the process: the lost items read as zeros, and the
      next thing that is asked of the array raises `OSError`; `check()` asks at any time.
    * A file that is made longer, or made anew (mode 'w+'), has its space at once: a full disk is an `OSError` of the
      call. A new file appears whole; the one that had the name before stays for those who have it mapped. Wrong
      arguments change nothing.
    * `close()`, `with`, `flush(region)`, `advise`, `prefetch`, `residency`.
    * Reductions of large maps, and functions for which NumPy copies the whole file (`argmax`, `var`, `nansum`, `median`,
      `allclose`, `unique`, `digitize`, `cov`, products with another dtype …), run on several threads or block by block, in
      bounded memory; `config(accelerate=False)` leaves them to NumPy.
    * A pickle holds the place of the items and not the items.
    * Items that are Python objects are refused instead of followed.

    Parameters
    ----------
    filename : str, bytes, path-like or file object
        A file object is used through its descriptor, and neither closed nor truncated.
    dtype : data-type, optional
        `uint8` if not given.
    mode : {'r+', 'r', 'w+', 'c'}, optional
        'r': for reading, 'r+': for reading and writing, 'w+': a new file of zeros for reading and writing, 'c':
        changes stay in memory. 'readonly', 'readwrite', 'write' and 'copyonwrite' are other names of these.
    offset : int, optional
        Where the first item lies in the file, in bytes.
    shape : int or sequence of int, optional
        If not given, the array has one axis with all items from the offset on.
    order : {'C', 'F'}, optional
        Which index changes fastest in the file: the last or the first.

    Raises
    ------
    FileNotFoundError, PermissionError, IsADirectoryError, OSError
        What the system says; with `errno.ENOSPC` if there is no space for a file that is to be longer.
    ValueError
        If the file is too short (modes 'r' and 'c'), an argument is no choice, or the dtype has Python objects.
    TypeError, OverflowError
        If the shape or the offset are no numbers, or negative.

    Examples
    --------
    >>> import ndfolio as nf
    >>> with nf.memmap('samples.bin', dtype='float32', mode='w+', shape=(3, 4)) as samples:
    ...     samples[:] = 1.5
    ...     samples.flush()
    >>> samples = nf.memmap('samples.bin', dtype='float32', mode='r', shape=(3, 4))
    >>> samples[1:, :2]
    memmap([[1.5, 1.5],
            [1.5, 1.5]], dtype=float32)
    >>> samples.sum()
    np.float32(18.0)
    """

    __module__ = "ndfolio"

    # Those of an array that is not in a file (any more): what NumPy's functions made of one that was.
    _mmap = None
    filename = None
    offset = None  # type: ignore[assignment]
    mode = None  # type: ignore[assignment]

    def __new__(cls, filename, dtype=np.uint8, mode="r+", offset=0, shape=None, order="C"):
        try:
            mode = _MODES[mode]
        except KeyError:
            raise ValueError(f"mode must be one of {list(_MODES)!r} (got {mode!r})") from None
        dtype = np.dtype(dtype)
        if dtype.hasobject:
            raise ValueError(
                f"Array can't be memory-mapped: Python objects in dtype {dtype}, of which a file has only addresses; "
                "save such an array with save(..., allow_pickle=True)"
            )
        if order != "C":
            _new(_ndarray, (0,), np.uint8, None, 0, None, order)
        if shape is None:
            if mode == "w+":
                raise ValueError("shape must be given if mode == 'w+'")
            length = None
        else:
            shape, length = _shape_and_length(shape, dtype.itemsize, mode)
        start = offset if type(offset) is int else _index(offset)
        if start < 0:
            raise OverflowError("memory mapped offset must be positive")
        if hasattr(filename, "read"):
            mapping, name = _map_file_object(filename, mode, start, length)
        elif mode == "w+":
            mapping, name = _create(filename, start, length)
        else:
            path = os.fsdecode(filename) if type(filename) is bytes else filename
            mapping, name = Mapping.open(path, mode, start, length, True), filename
        if len(mapping) == 0 and mode in ("r", "c"):
            _refuse_empty(filename, mapping)
        if shape is None:
            count, rest = divmod(len(mapping), dtype.itemsize)
            if rest:
                raise ValueError("Size of available data is not a multiple of the data-type size.")
            shape = (count,)
        name = mapping.abspath if type(name) is str else _name_of(name)
        return _attached(mapping, dtype, shape, order, (name, offset, mode), cls)

    def __array_finalize__(self, obj):
        mapping = getattr(obj, "_mmap", None)
        # NumPy's own maps have other ones.
        if type(mapping) is not Mapping:
            return
        base = self.base
        # A view has the array that it is a view of as its base, or the one that that is a view of.
        if base is not obj and (base is None or base is not obj.base) and not _shares_memory(self, obj):
            return
        self._mmap = mapping
        self.filename = obj.filename
        self.offset = obj.offset
        self.mode = obj.mode

    def __array_wrap__(self, arr, context=None, return_scalar=False):
        mapping = self._mmap
        if mapping is not None and mapping.doubtful:
            mapping.check()
        # What was computed for `out` keeps its class, and what was computed of a subclass gets it.
        if self is arr or type(self) is not memmap:
            return _wrap(self, arr, context)
        if return_scalar:
            return arr[()]
        return arr if type(arr) is _ndarray else _view(arr, _ndarray)

    def __getitem__(self, index):
        mapping = self._mmap
        if mapping is None:
            result = _getitem(self, index)
        else:
            if mapping.doubtful:
                mapping.check()
            if type(index) is _ndarray and index.size >= _MANY and self.nbytes >= _LARGE and type(self) is memmap:
                from . import _picking

                result = _picking.of_map(self, index)
                if result is not NotImplemented:
                    return result
            result = _getitem(self, index)
            # Only a view was made without reading.
            if getattr(result, "_mmap", None) is None and mapping.doubtful:
                mapping.check()
        if type(result) is memmap and result._mmap is None:
            return _view(result, _ndarray)
        return result

    def __setitem__(self, index, value):
        mapping = self._mmap
        if mapping is None:
            return _setitem(self, index, value)
        if mapping.doubtful:
            mapping.check()
        _setitem(self, index, value)
        if mapping.doubtful:
            mapping.check()

    def __array_function__(self, func, types, args, kwargs):
        mapping = self._mmap
        if mapping is not None and mapping.doubtful:
            mapping.check()
        if self.nbytes >= _LARGE and type(self) is memmap:
            from . import _accelerate

            result = _accelerate.function(func, args, kwargs)
            if result is not NotImplemented:
                return result
        result = _array_function(self, func, types, args, kwargs)
        if mapping is not None and mapping.doubtful:
            mapping.check()
        return result

    def flush(self, region=None):
        """Bring what was written to the disk, and wait for it. Nothing happens in the modes 'r' and 'c'.

        Parameters
        ----------
        region : int, slice, or tuple of them, optional
            Which part of this array, as in `array[region]`. Everything that is mapped if not given, also if this
            array is a view of a part.

        Raises
        ------
        OSError
            If the system could not write, or the file was cut meanwhile. Later calls fail too then.

        Examples
        --------
        >>> import ndfolio as nf
        >>> a = nf.memmap('flushed.bin', dtype='i4', mode='w+', shape=(100, 3))
        >>> a[10:20] = 7
        >>> a.flush(slice(10, 20))
        """
        if self._mmap is None:
            return
        if region is None:
            self._mmap.flush()
        else:
            self._mmap.flush(*self._extent(region))

    def close(self):
        """Flush, and let go of the file. A second call does nothing.

        This array, and all views of it, have no items any more: Python code that asks for one gets a `ValueError`, and
        C code that has the address reads zeros.

        Raises
        ------
        OSError
            As `flush`. The file is let go of in any case.

        Examples
        --------
        >>> import ndfolio as nf
        >>> a = nf.memmap('closed.bin', dtype='i4', mode='w+', shape=10)
        >>> a.close()
        >>> a.closed
        True
        >>> a[0]
        Traceback (most recent call last):
            ...
        ValueError: ...closed.bin: the array was closed; map the file again
        """
        if self._mmap is not None:
            self._mmap.close()

    @property
    def closed(self):
        """Whether `close` was called, here or on another view of the same map."""
        return self._mmap is not None and self._mmap.closed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def check(self):
        """Raise if something that was read or written so far was not the file's, and do nothing else.

        Raises
        ------
        OSError
            If the file was cut while it was mapped, or a page could not be read, or found no space on the disk.
        ValueError
            If the array was closed.
        """
        if self._mmap is not None:
            self._mmap.check()

    def advise(self, advice, region=None):
        """Tell the system how the items will be used, so that it reads ahead or does not.

        Parameters
        ----------
        advice : {'normal', 'sequential', 'random', 'willneed', 'dontneed'}
            'random' makes scattered reads of a file that is not in memory many times as fast. 'dontneed' takes the
            pages out of this process's memory; nothing that was written is lost.
        region : int, slice, or tuple of them, optional
            Which part of this array; all of it if not given.

        Raises
        ------
        ValueError
            If the advice is none of these, or this array is not in a file.
        OSError
            For 'dontneed' in mode 'c', where changes would be lost.

        Examples
        --------
        >>> import ndfolio as nf
        >>> a = nf.memmap('advised.bin', dtype='i4', mode='w+', shape=(100, 3))
        >>> a.advise('random')
        >>> a.advise('willneed', slice(0, 10))
        """
        self._expect_mapped().advise(advice, *self._extent(region))

    def prefetch(self, region=None):
        """Read the items into the page cache, so that using them waits for no disk.

        Parameters
        ----------
        region : int, slice, or tuple of them, optional
            Which part of this array; all of it if not given. What lies between its items is read too.

        Returns
        -------
        int
            How many bytes were read.

        Raises
        ------
        OSError
            If the file cannot be read, or was cut.
        KeyboardInterrupt
            Within a tenth of a second.

        Examples
        --------
        >>> import ndfolio as nf
        >>> nf.memmap('fetched.bin', dtype='i4', mode='w+', shape=(100, 3)).prefetch()
        1200
        """
        return self._expect_mapped().prefetch(*self._extent(region))

    def residency(self, region=None):
        """How much of the items the page cache holds.

        Parameters
        ----------
        region : int, slice, or tuple of them, optional
            Which part of this array; all of it if not given.

        Returns
        -------
        dict
            'page_size', 'pages', 'resident' and 'dirty' (counts of pages; None if the system does not tell), and
            'method', how it was found out or why it is unknown.

        Examples
        --------
        >>> import ndfolio as nf
        >>> nf.memmap('cached.bin', dtype='i4', mode='w+', shape=(2000, 3)).residency()['pages']
        6
        """
        names = ("page_size", "pages", "resident", "dirty", "method")
        return dict(zip(names, self._expect_mapped().residency(*self._extent(region))))

    def tofile(self, fid, sep="", format="%s"):
        """As `numpy.ndarray.tofile`; raises `OSError` if what was written was not the file's."""
        self.check()
        _ndarray.tofile(self, fid, sep, format)
        self.check()

    def __reduce__(self):
        mapping = self._mmap
        if mapping is None:
            return _ndarray.__reduce__(self)
        if not mapping.waiting:
            if mapping.doubtful:
                mapping.check()
            # Items that no name leads to are carried, as NumPy does.
            if not mapping.named:
                return _ndarray.__reduce__(self)
        place = self.__array_interface__["data"][0] - mapping.address if self.size else 0
        about = (self.filename, self.offset, "r+" if self.mode == "w+" else self.mode)
        items = (self.dtype, self.shape, place, self.strides, self.flags.writeable)
        return _restored, (type(self), mapping, about, items)

    def __reduce_ex__(self, _protocol):
        return self.__reduce__()

    def _expect_mapped(self):
        if self._mmap is None:
            raise ValueError("this array is not in a file")
        return self._mmap

    def _extent(self, region):
        """Where the bytes of a part begin and end in the mapping."""
        part = self if region is None else _getitem(self, region)
        if not isinstance(part, _ndarray):
            # An item comes as a copy of its own.
            part = _getitem(self, (*(region if isinstance(region, tuple) else (region,)), Ellipsis))
        if part._mmap is not self._mmap:
            raise ValueError("a part of an array in a file is named by numbers and slices alone")
        if part.size == 0:
            return 0, 0
        low, high = np.lib.array_utils.byte_bounds(part)
        return low - self._mmap.address, high - self._mmap.address


def _check(array):
    """As `memmap.check`, for arrays that are views of maps too."""
    while array is not None:
        if type(array) is Mapping:
            array.check()
            return
        array = getattr(array, "base", None)


def _shape_and_length(shape, itemsize, mode):
    """The shape as a tuple, and how many bytes its items have; checked before any file is touched."""
    if not isinstance(shape, (tuple, list)):
        try:
            shape = (_index(shape),)
        except TypeError:
            pass
    shape = tuple(shape)
    length = itemsize
    lowest = 0
    for count in shape:
        if type(count) is not int:
            if isinstance(count, bool):
                raise TypeError("an integer is required")
            count = _index(count)
        if count < lowest:
            lowest = count
        length *= count
    if lowest < 0:
        # The kinds of error that NumPy has.
        if mode != "w+" and length < 0:
            raise OverflowError("memory mapped length must be positive")
        raise ValueError("negative dimensions are not allowed")
    if len(shape) > 64:
        raise ValueError(f"maximum supported dimension for an ndarray is currently 64, found {len(shape)}")
    if length > sys.maxsize:
        raise ValueError(
            "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size."
        )
    return shape, length


def _create(filename, offset, length):
    path = os.fsdecode(filename)
    return Mapping.create(path, b"", max(offset + length, 1), offset, length), filename


def _map_file_object(file, mode, offset, length):
    """Maps what an open file has; its position is at its end then, as NumPy leaves it."""
    # Also writes what the object has kept back so far.
    file.seek(0, 2)
    descriptor = file.fileno()
    name = getattr(file, "name", None)
    if isinstance(name, str):
        path = name = os.path.abspath(name)
    else:
        path, name = f"/proc/self/fd/{descriptor}", None
        try:
            path = os.readlink(path)
        except OSError:
            pass
    before = os.fstat(descriptor).st_size
    try:
        mapping = Mapping.of_descriptor(descriptor, path, mode, offset, length, mode in ("r+", "w+"))
    except OSError as error:
        if error.errno == errno.EBADF and not file.closed:
            raise io.UnsupportedOperation("not writable") from error
        raise
    if os.fstat(descriptor).st_size != before:
        file.seek(0, 2)
    return mapping, name


def _refuse_empty(filename, mapping):
    about = os.fstat(filename.fileno()) if hasattr(filename, "read") else os.stat(mapping.path)
    if about.st_size == 0:
        raise ValueError(f"{mapping.path}: cannot mmap an empty file")


def _name_of(filename):
    """What the attribute `filename` is for names that are no plain text."""
    if isinstance(filename, str):
        return os.path.abspath(filename)
    if isinstance(filename, os.PathLike):
        resolve = getattr(filename, "resolve", None)
        return resolve() if resolve else os.path.abspath(os.fsdecode(filename))
    return None


# Not through the class's own dispatch.
_shares_memory = getattr(np.may_share_memory, "_implementation", np.may_share_memory)


def _attached(mapping, dtype, shape, order, about, cls=memmap):
    """The array of a mapping's items, with its attributes filename, offset and mode."""
    self = _new(cls, shape, dtype, mapping, 0, None, order)
    self._mmap = mapping
    self.filename, self.offset, self.mode = about
    return self


def _restored(cls, mapping, about, items):
    """The array of a pickle."""
    dtype, shape, place, strides, writeable = items
    self = _new(cls, shape, dtype, mapping, place, strides)
    if not writeable:
        self.flags.writeable = False
    self._mmap = mapping
    self.filename, self.offset, self.mode = about
    return self
