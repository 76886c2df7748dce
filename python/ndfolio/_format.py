"""`.npy` files: NumPy's functions to map, load and save, without what destroys files."""

import ast
import errno
import io
import os
import re
import struct
import sys
import tokenize
import warnings
from contextlib import contextmanager

import numpy as np
from numpy.lib import format as _numpy

from ._memmap import _MODES, _attached, _check, _name_of, _shape_and_length
from ._ndfolio import Mapping, NewFile

_MAX_HEADER_SIZE = 10000

# How many bytes of a file are read at first: all of the header of an array without fields.
_FIRST = 256

_FLAGS = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# Headers as NumPy writes them, of arrays without fields. Others are read by NumPy.
_PLAIN = re.compile(
    rb"\{'descr': '([<>|=][a-zA-Z?]\d*(?:\[\w+\])?)', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d+, )*(?:\d+,?)?)\), \} *\n"
)

_KINDS_OF_OBJECTS = "Array can't be memory-mapped: Python objects in dtype."

# How many bytes are written, or put in order, at a time.
_PART = 16 << 20


def open_memmap(
    filename,
    mode="r+",
    dtype=None,
    shape=None,
    fortran_order=False,
    version=None,
    *,
    max_header_size=_MAX_HEADER_SIZE,
):
    """Map the array of a `.npy` file, or make a new one: `numpy.lib.format.open_memmap`.

    Parameters
    ----------
    filename : str, bytes or path-like
    mode : {'r+', 'r', 'c', 'w+'}, optional
        'w+' makes a new file of zeros, which appears whole; the others as those of `memmap`.
    dtype, shape, fortran_order, version : optional
        Of a new file; the dtype is `float64` if not given. Ignored for a file that is there.
    max_header_size : int, optional
        How many characters a header may have.

    Returns
    -------
    memmap
        Of the shape that the file's header has, its attribute `offset` being the length of the header.

    Raises
    ------
    ValueError
        If the file is no `.npy` file, is shorter than its header says (also in mode 'r+', which does not make it
        longer), or holds Python objects; if the mode is none of these. No file was changed then.
    OSError
        What the system says, as for `memmap`.

    Examples
    --------
    >>> import ndfolio as nf
    >>> a = nf.open_memmap('made.npy', mode='w+', dtype='i2', shape=(2, 3))
    >>> a[1] = [1, 2, 3]
    >>> nf.open_memmap('made.npy', mode='r')
    memmap([[0, 0, 0],
            [1, 2, 3]], dtype=int16)
    """
    if _numpy.isfileobj(filename):
        raise ValueError(
            "Filename must be a string or a path-like object.  Memmap cannot use existing file handles."
        )
    if type(filename) is not str:
        path = os.fsdecode(filename)
    else:
        path = filename
    if mode not in _MODES:
        raise TypeError("mode must be a string") if mode is None else ValueError(f"invalid mode: {mode!r}")
    mode = _MODES[mode]
    if mode == "w+":
        return _make(filename, path, dtype, shape, fortran_order, version)
    descriptor = os.open(path, (os.O_RDWR if mode == "r+" else os.O_RDONLY) | _FLAGS)
    try:
        return _map_array(descriptor, path, filename, mode, max_header_size)
    finally:
        os.close(descriptor)


def _map_array(descriptor, path, filename, mode, max_header_size):
    """Maps the array of an open `.npy` file."""
    dtype, shape, fortran_order, offset = _read_header(descriptor, path, 0, max_header_size)
    length = dtype.itemsize
    for count in shape:
        length *= count
    return _map_items(descriptor, path, filename, mode, (dtype, shape, fortran_order, offset, length))


def _map_items(descriptor, path, filename, mode, about):
    dtype, shape, fortran_order, offset, length = about
    # The system's own words for this are no help.
    if offset + length > sys.maxsize:
        raise ValueError(f"{path}: the header says that the array has shape {shape}, which no file can hold")
    try:
        mapping = Mapping.of_descriptor(descriptor, path, mode, offset, length, False)
    except ValueError:
        found = os.fstat(descriptor).st_size - offset
        raise ValueError(
            f"{path}: mmap length is greater than file size: shape {shape} of dtype {dtype} needs {length} bytes after "
            f"the header, found {found}; the file seems not fully written"
        ) from None
    name = mapping.abspath if type(filename) is str else _name_of(filename)
    return _attached(mapping, dtype, shape, "F" if fortran_order else "C", (name, offset, mode))


def _read_header(descriptor, path, place, max_header_size):
    """dtype, shape, whether the first index changes fastest, and where the items begin, of an array at a place."""
    start = os.pread(descriptor, _FIRST, place)
    if start[:8] == b"\x93NUMPY\x01\x00":
        length = int.from_bytes(start[8:10], "little")
        found = _PLAIN.fullmatch(start, 10, 10 + length) if 10 + length <= len(start) else None
        if found is not None and length <= max_header_size:
            text, fortran_order, shape = found.groups()
            try:
                dtype = np.dtype(text.decode())
            except TypeError:
                raise ValueError(f"{path}: descr is not a valid dtype descriptor: {text.decode()!r}") from None
            if not dtype.hasobject:
                shape = tuple([int(count) for count in shape.split(b",") if count.strip()])
                return dtype, shape, fortran_order == b"True", place + 10 + length
    return _read_any_header(descriptor, path, place, max_header_size)


def _read_any_header(descriptor, path, place, max_header_size):
    """As `_read_header`, with NumPy's own reader."""
    with open(descriptor, "rb", closefd=False) as file, _accidents_are_value_errors(path):
        file.seek(place)
        version = _numpy.read_magic(file)
        _expect_version(version)
        if version == (3, 0):
            shape, fortran_order, dtype = _read_header_3_0(file, max_header_size)
        else:
            read = _numpy.read_array_header_1_0 if version == (1, 0) else _numpy.read_array_header_2_0
            shape, fortran_order, dtype = read(file, max_header_size=max_header_size)
        if dtype.hasobject:
            raise ValueError(_KINDS_OF_OBJECTS)
        try:
            shape, _ = _shape_and_length(shape, dtype.itemsize, "w+")
        except TypeError as error:
            raise ValueError(f"{path}: shape is not valid: {shape}") from error
        return dtype, shape, fortran_order, file.tell()


def _read_header_3_0(file, max_header_size):
    """NumPy has no public function for this version, which is 2.0 with other letters."""
    size = file.read(4)
    header = file.read(struct.unpack("<I", size)[0]) if len(size) == 4 else b""
    try:
        text = header.decode("utf8")
        if len(text) <= max_header_size:
            # 2.0 has long numbers of Python 2 too.
            ast.literal_eval(text)
    except (UnicodeDecodeError, SyntaxError) as error:
        raise ValueError(f"Cannot parse header: {header!r}") from error
    # Letters that 2.0 does not have are escaped within strings, which is where they are.
    text = text.encode("latin1", "backslashreplace")
    return _numpy.read_array_header_2_0(
        io.BytesIO(struct.pack("<I", len(text)) + text), max_header_size=max_header_size
    )


@contextmanager
def _accidents_are_value_errors(path):
    """What a strange header makes the reader stumble over is a `ValueError`, as everything that is wrong with it."""
    try:
        yield
    except (tokenize.TokenError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(f"{path}: Cannot parse header ({type(error).__name__}: {error})") from error


def _expect_version(version):
    if version not in ((1, 0), (2, 0), (3, 0), None):
        raise ValueError(f"we only support format version (1,0), (2,0), and (3,0), not {version}")


def _make(filename, path, dtype, shape, fortran_order, version):
    """Makes a file of zeros, when everything about it is known to be good."""
    _expect_version(version)
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        raise ValueError(_KINDS_OF_OBJECTS)
    if shape is None:
        raise ValueError("shape must be given if mode == 'w+'")
    shape, _ = _shape_and_length(shape, dtype.itemsize, "w+")
    shape = tuple([int(count) for count in shape])
    header, dtype = _header(dtype, shape, bool(fortran_order), version)
    # The axes of a dtype that is an array come behind those of the shape when NumPy makes an array of it.
    length = dtype.itemsize
    for count in shape:
        length *= count
    mapping = Mapping.create(path, header, len(header) + length, len(header), length)
    name = mapping.abspath if type(filename) is str else _name_of(filename)
    return _attached(mapping, dtype, shape, "F" if fortran_order else "C", (name, len(header), "r+"))


def _header(dtype, shape, fortran_order, version):
    """The bytes before the items, the same that NumPy writes, and the dtype that they say."""
    about = {"descr": _numpy.dtype_to_descr(dtype), "fortran_order": fortran_order, "shape": shape}
    text = "{" + "".join(f"'{key}': {value!r}, " for key, value in about.items()) + "}"
    if shape:
        # Room for more rows.
        text += " " * (_numpy.GROWTH_AXIS_MAX_DIGITS - len(repr(shape[-1 if fortran_order else 0])))
    return _wrapped(text, version), dtype


def _wrapped(text, version):
    if version is not None:
        return _wrapped_as(text, version)
    try:
        return _wrapped_as(text, (1, 0))
    except ValueError:
        pass
    try:
        header = _wrapped_as(text, (2, 0))
    except UnicodeEncodeError:
        header, since = _wrapped_as(text, (3, 0)), "3.0. It can only be read by NumPy >= 1.17"
    else:
        since = "2.0. It can only beread by NumPy >= 1.9"
    warnings.warn(f"Stored array in format {since}", UserWarning, stacklevel=4)
    return header


def _wrapped_as(text, version):
    letters = text.encode("utf8" if version == (3, 0) else "latin1")
    size = "<H" if version == (1, 0) else "<I"
    before = _numpy.MAGIC_LEN + struct.calcsize(size)
    padding = _numpy.ARRAY_ALIGN - (before + len(letters) + 1) % _numpy.ARRAY_ALIGN
    length = len(letters) + padding + 1
    if length >= 1 << (8 * struct.calcsize(size)):
        raise ValueError(f"Header length {len(letters) + 1} too big for version={version}")
    return _numpy.magic(*version) + struct.pack(size, length) + letters + b" " * padding + b"\n"


def load(
    file,
    mmap_mode=None,
    allow_pickle=False,
    fix_imports=True,
    encoding="ASCII",
    *,
    max_header_size=_MAX_HEADER_SIZE,
):
    """Load or map what is in a `.npy`, `.npz` or pickle file: `numpy.load`.

    Parameters
    ----------
    file : file object, str, bytes or path-like
    mmap_mode : {None, 'r', 'r+', 'c'}, optional
        If given, the array is mapped instead of read. Of an `.npz` file, the members that are not compressed are
        mapped when they are asked for (modes 'r' and 'c').
    allow_pickle, fix_imports, encoding, max_header_size : optional
        As those of `numpy.load`.

    Returns
    -------
    ndarray, memmap, NpzFile, or whatever a pickle holds

    Raises
    ------
    OSError, ValueError, EOFError, pickle.UnpicklingError
        As `numpy.load`; ValueError for a member that is to be mapped and is compressed, and for the mode 'w+', which
        would empty the file.

    Examples
    --------
    >>> import numpy as np, ndfolio as nf
    >>> nf.savez('both.npz', a=np.arange(3), b=np.ones(2))
    >>> with nf.load('both.npz', mmap_mode='r') as both:
    ...     both['a']
    memmap([0, 1, 2])
    """
    if not mmap_mode:
        with _accidents_are_value_errors(file):
            return np.load(
                file,
                allow_pickle=allow_pickle,
                fix_imports=fix_imports,
                encoding=encoding,
                max_header_size=max_header_size,
            )
    if encoding not in ("ASCII", "latin1", "bytes"):
        raise ValueError("encoding must be 'ASCII', 'latin1', or 'bytes'")
    mode = _MODES.get(mmap_mode)
    if mode is None or mode == "w+":
        reason = "would empty the file" if mode else "is none"
        raise ValueError(f"mmap_mode must be None, 'r', 'r+' or 'c'; {mmap_mode!r} {reason}")
    if allow_pickle:
        max_header_size = 2**64
    arguments = {
        "allow_pickle": allow_pickle,
        "pickle_kwargs": {"encoding": encoding, "fix_imports": fix_imports},
        "max_header_size": max_header_size,
    }
    if hasattr(file, "read"):
        return _load_open(file, mode, arguments)
    path = file if type(file) is str else os.fsdecode(file)
    descriptor = os.open(path, (os.O_RDWR if mode == "r+" else os.O_RDONLY) | _FLAGS)
    try:
        start = os.pread(descriptor, 6, 0)
        if start == _numpy.MAGIC_PREFIX:
            return _map_array(descriptor, path, file, mode, max_header_size)
    except IsADirectoryError:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) from None
    finally:
        os.close(descriptor)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _mapped_archive(open(path, "rb"), mode, True, arguments)
    # What is left has no items that could be mapped.
    return load(file, None, allow_pickle, fix_imports, encoding, max_header_size=max_header_size)


def _load_open(file, mode, arguments):
    start = file.read(6)
    file.seek(-len(start), 1)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _mapped_archive(file, mode, False, arguments)
    if start == _numpy.MAGIC_PREFIX:
        raise ValueError(
            "Filename must be a string or a path-like object.  Memmap cannot use existing file handles."
        )
    kwargs = arguments["pickle_kwargs"]
    return load(file, None, arguments["allow_pickle"], kwargs["fix_imports"], kwargs["encoding"])


def _mapped_archive(file, mode, own, arguments):
    from ._npz import NpzFile

    try:
        return NpzFile(file, mode, own_fid=own, **arguments)
    except BaseException:
        if own:
            file.close()
        raise


def save(file, arr, allow_pickle=True):
    """Save an array as a `.npy` file: `numpy.save`, of which nothing is left if it fails.

    A file of that name appears whole, its bytes on the disk, in the place of the one that was there; so an array may be
    saved over the file that it is mapped from. The bytes are those that NumPy writes, but for padding between fields,
    which is zeros.

    Parameters
    ----------
    file : str, path-like or file object
        `.npy` is added to a name that does not end so. An array is added to a file object at its position.
    arr : array_like
    allow_pickle : bool, optional
        Whether Python objects may be saved, as pickles.

    Raises
    ------
    OSError
        What the system says.
    ValueError
        For Python objects, if `allow_pickle` is false.

    Examples
    --------
    >>> import numpy as np, ndfolio as nf
    >>> nf.save('three.npy', np.arange(3))
    >>> three = nf.load('three.npy', mmap_mode='r')
    >>> nf.save('three.npy', three[1:])
    >>> nf.load('three.npy'), three
    (array([1, 2]), memmap([0, 1, 2]))
    """
    if hasattr(file, "write"):
        np.save(file, arr, allow_pickle=allow_pickle)
        return
    path = os.fspath(file)
    if not path.endswith(".npy"):
        path = path + ".npy"
    arr = np.asanyarray(arr)
    _check(arr)
    with _new_file(path) as new:
        if arr.dtype.hasobject:
            buffered = io.BufferedWriter(new)
            try:
                _numpy.write_array(buffered, arr, allow_pickle=allow_pickle)
            finally:
                buffered.detach()
        else:
            _write(new, arr)
        _check(arr)


def savez(file, *args, allow_pickle=True, **kwds):
    """Save several arrays as an `.npz` file without compression: `numpy.savez`, of which nothing is left if it fails.

    Examples
    --------
    >>> import numpy as np, ndfolio as nf
    >>> nf.savez('pair', np.arange(3), second=np.ones(2))
    >>> sorted(nf.load('pair.npz'))
    ['arr_0', 'second']
    """
    _savez(np.savez, file, args, kwds, allow_pickle)


def savez_compressed(file, *args, allow_pickle=True, **kwds):
    """Save several arrays as a compressed `.npz` file: `numpy.savez_compressed`, of which nothing is left if it fails.

    Examples
    --------
    >>> import numpy as np, ndfolio as nf
    >>> nf.savez_compressed('small', zeros=np.zeros(1000))
    >>> nf.load('small.npz')['zeros'].sum()
    np.float64(0.0)
    """
    _savez(np.savez_compressed, file, args, kwds, allow_pickle)


def _savez(function, file, args, kwds, allow_pickle):
    # The argument is younger than NumPy 2.0.
    extra = {} if allow_pickle else {"allow_pickle": False}
    if hasattr(file, "write"):
        function(file, *args, **extra, **kwds)
        return
    path = os.fspath(file)
    if not path.endswith(".npz"):
        path = path + ".npz"
    arrays = [*args, *kwds.values()]
    for arr in arrays:
        _check(arr)
    with _new_file(path) as new:
        function(new, *args, **extra, **kwds)
        for arr in arrays:
            _check(arr)


@contextmanager
def _new_file(path):
    """A file object to write to; the file has its name once the block has come to its end."""
    new = NewFile(path)
    try:
        yield _Writer(new)
        new.commit()
    finally:
        new.abort()


class _Writer(io.RawIOBase):
    """A new file as Python's file objects are."""

    def __init__(self, new):
        self._new = new
        self._position = 0
        self._end = 0

    def writable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=0):
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def write(self, data):
        data = memoryview(data)
        if data.nbytes == 0:
            return 0
        data = data.cast("B")
        # In parts, between which Ctrl-C is heard.
        for start in range(0, len(data), _PART):
            self._position += self._new.write_at(self._position, data[start : start + _PART])
        self._end = max(self._end, self._position)
        return len(data)

    def reserve(self, length):
        """Takes the space for so many bytes."""
        self._new.reserve(length)


def _write(new, arr):
    """Writes the header and the items of an array without Python objects."""
    if isinstance(arr, np.ma.MaskedArray):
        raise NotImplementedError("MaskedArray.tofile() not implemented yet.")
    fortran_order = arr.flags.f_contiguous and not arr.flags.c_contiguous
    header, _ = _header(arr.dtype, arr.shape, fortran_order, None)
    new.reserve(len(header) + arr.nbytes)
    new.write(header)
    arr = np.asarray(arr)
    if arr.size == 0 or arr.dtype.itemsize == 0:
        return
    if fortran_order:
        arr = arr.T
    if arr.flags.c_contiguous and not _has_padding(arr.dtype):
        new.write(arr.reshape(-1).view(np.uint8))
        return
    count = max(_PART // arr.dtype.itemsize, 1)
    parts = np.nditer(
        arr, flags=["external_loop", "buffered", "zerosize_ok"], buffersize=count, order="C"
    )
    for part in parts:
        new.write(_without_padding(np.ascontiguousarray(part)).view(np.uint8))


def _has_padding(dtype):
    if dtype.subdtype is not None:
        return _has_padding(dtype.subdtype[0])
    if dtype.names is None:
        return False
    fields = [dtype.fields[name][0] for name in dtype.names]
    return sum(field.itemsize for field in fields) != dtype.itemsize or any(map(_has_padding, fields))


def _without_padding(part):
    if not _has_padding(part.dtype):
        return part
    # Not like the other: NumPy fills the fields alone then.
    clean = np.zeros(part.shape, part.dtype)
    _copy_fields(clean, part)
    return clean


def _copy_fields(to, source):
    for name in source.dtype.names:
        if source[name].dtype.names is not None:
            _copy_fields(to[name], source[name])
        else:
            to[name] = source[name]
