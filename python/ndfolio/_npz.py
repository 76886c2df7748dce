"""`.npz` archives whose members are mapped."""

import struct
import zipfile

import numpy as np
from numpy.lib import format as _numpy

_LOCAL_HEADER = struct.Struct("<4s22xHH")


class NpzFile(np.lib.npyio.NpzFile):
    """What `load` gives for an `.npz` file and an `mmap_mode`: NumPy's class, with members that are mapped.

    A mapped member stays valid when the archive is closed.
    """

    def __init__(self, file, mode, **arguments):
        self._mode = mode
        super().__init__(file, **arguments)
        self._file = file
        if mode == "r+":
            raise ValueError(
                f"{_name(file)}: a member of an archive cannot be written in place (mode 'r+'), its checksum would be "
                "wrong; map it with mode 'r' or 'c', or save it as a .npy file"
            )

    def close(self):
        """Close the archive. What was mapped stays."""
        super().close()
        self._file = None

    def __getitem__(self, key):
        try:
            name = self._files[key]
        except KeyError:
            raise KeyError(f"{key} is not a file in the archive") from None
        info = self.zip.getinfo(name)
        with self.zip.open(info) as member:
            if member.read(len(_numpy.MAGIC_PREFIX)) != _numpy.MAGIC_PREFIX:
                return super().__getitem__(key)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(
                f"{_name(self._file)}::{key}: the member is compressed, so it cannot be mapped; load it without "
                "mmap_mode, or save the archive with savez"
            )
        return self._mapped(info)

    def _mapped(self, info):
        from . import _format

        descriptor, path = self._file.fileno(), _name(self._file)
        # The length of the member's own header is known from that alone.
        signature, *lengths = _LOCAL_HEADER.unpack(_pread(descriptor, 30, info.header_offset))
        start = info.header_offset + 30 + sum(lengths)
        if signature != b"PK\x03\x04":
            raise ValueError(f"{path}::{info.filename}: expected a member at {info.header_offset}, found none")
        dtype, shape, fortran_order, offset = _format._read_header(
            descriptor, path, start, self.max_header_size
        )
        length = dtype.itemsize
        for count in shape:
            length *= count
        if offset + length > start + info.file_size:
            raise ValueError(
                f"{path}::{info.filename}: shape {shape} of dtype {dtype} needs {length} bytes, the member has "
                f"{start + info.file_size - offset} after its header"
            )
        about = (dtype, shape, fortran_order, offset, length)
        return _format._map_items(descriptor, path, path, self._mode, about)


def _pread(descriptor, count, place):
    import os

    data = os.pread(descriptor, count, place)
    return data.ljust(count, b"\0")


def _name(file):
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else f"/proc/self/fd/{file.fileno()}"
