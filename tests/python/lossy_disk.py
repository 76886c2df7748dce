"""A real ext4 file system in an image, whose power can be cut: what was not flushed is gone.

`EXT4_IOC_SHUTDOWN` stops the file system at once without writing anything more. Mounting needs root and a loop device.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import subprocess

EXT4_IOC_SHUTDOWN, WITHOUT_FLUSHING_THE_LOG = 0x8004587D, 2


class LossyDisk:
    def __init__(self, folder, megabytes=64):
        self.image, self.root = folder / "disk.img", folder / "disk"
        self.root.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        self.call("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    @staticmethod
    def call(*words):
        if shutil.which(words[0]) is None:
            raise OSError(f"there is no {words[0]}")
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"{words[0]}: {done.stderr.strip()}")

    def mount(self):
        self.call("mount", "-o", "loop", self.image, self.root)

    def cut_power(self):
        """From now on nothing is written, and every call fails."""
        root = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(root, EXT4_IOC_SHUTDOWN, ctypes.c_uint32(WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(root)

    def restart(self):
        self.call("umount", self.root)
        self.mount()

    def close(self):
        with contextlib.suppress(OSError):
            self.call("umount", self.root)


@contextlib.contextmanager
def lossy_disk(folder):
    """Raises OSError where that is not allowed."""
    disk = LossyDisk(folder)
    try:
        yield disk
    finally:
        disk.close()
