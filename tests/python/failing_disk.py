"""A file system of one file whose bytes cannot be read from a place on: what a dying disk looks like to a program.

It speaks the kernel's FUSE protocol itself, so that nothing has to be installed; mounting needs root.
"""

import contextlib
import ctypes
import errno
import os
import struct
import threading

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR = 1, 2, 3, 14, 15, 17, 18, 25, 26, 27
READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 28, 29, 36, 42
NO_REPLY = {FORGET, INTERRUPT, BATCH_FORGET}
MNT_DETACH, MS_NOSUID, MS_NODEV = 2, 2, 4
ROOT, FILE = 1, 2


class Disk:
    """The file `name` of these bytes; reads that touch `bad` (a range of bytes) fail with EIO."""

    def __init__(self, name, data, bad):
        self.name, self.data, self.bad = name.encode(), data, bad
        self.device = os.open("/dev/fuse", os.O_RDWR)

    def serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 21)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in NO_REPLY:
                continue
            answer = self.answer(opcode, node, request[40:])
            code, body = (answer, b"") if isinstance(answer, int) else (0, answer)
            with contextlib.suppress(OSError):
                os.write(self.device, struct.pack("<IiQ", 16 + len(body), -code, unique) + body)

    def answer(self, opcode, node, body):
        if opcode == INIT:
            # Version 7.31, read-ahead of 128 KiB, nothing else.
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 128 << 10, 0, 12, 9, 1 << 20, 1, 256, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != self.name:
                return errno.ENOENT
            return struct.pack("<QQQQII", FILE, 0, 60, 60, 0, 0) + self.attributes(FILE)
        if opcode == GETATTR:
            return struct.pack("<QII", 60, 0, 0) + self.attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            return self.read(*struct.unpack_from("<QI", body, 8))
        if opcode == READDIR:
            return b""
        if opcode == STATFS:
            return struct.pack("<QQQQQIII4x24x", 1 << 20, 1 << 19, 1 << 19, 9, 9, 4096, 255, 4096)
        return 0 if opcode in (RELEASE, RELEASEDIR, FLUSH) else errno.ENOSYS

    def attributes(self, node):
        mode, size = (0o40755, 4096) if node == ROOT else (0o100644, len(self.data))
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, -(-size // 512), 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def read(self, offset, size):
        end = min(offset + size, len(self.data))
        if offset < self.bad.stop and end > self.bad.start:
            return errno.EIO
        return self.data[offset:end]


@contextlib.contextmanager
def failing_disk(folder, name, data, bad):
    """Mounts it at a folder; raises OSError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    disk = Disk(name, data, bad)
    options = f"fd={disk.device},rootmode=40000,user_id=0,group_id=0"
    flags = MS_NOSUID | MS_NODEV
    if libc.mount(b"failing", os.fsencode(folder), b"fuse", flags, options.encode()) != 0:
        os.close(disk.device)
        raise OSError(ctypes.get_errno(), "cannot mount")
    server = threading.Thread(target=disk.serve, daemon=True)
    server.start()
    try:
        yield folder / name
    finally:
        libc.umount2(os.fsencode(folder), MNT_DETACH)
        server.join(timeout=10)
        os.close(disk.device)
