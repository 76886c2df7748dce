"""A device that fails in the middle: an error with the file and the bytes, nothing printed, nothing left behind."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import BIN, npy_bytes, run
from failing_disk import failing_disk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's ways to make calls fail")
ROWS, COLUMNS = 1024, 2048
DATA = np.arange(ROWS * COLUMNS, dtype="f4").reshape(ROWS, COLUMNS)
# The second half of the file, some bytes into it.
BAD = range(5_000_000, 5_100_000)
READERS = [("stats",), ("stats", "--axis", "0"), ("stats", "--axis", "1"), ("reduce", "sum"), ("reduce", "max", "--axis", "0"),
           ("reduce", "argmin", "--axis", "1"), ("digest",)]
ENGINES = ["mmap", "pread", "direct", "auto"]


def fails(*args, path, folder=None, prefix=(), words=("Input/output error",)):
    """Runs what must fail: nothing on stdout, one line on stderr with the path and, of reads, a range of bytes."""
    before = None if folder is None else sorted(os.listdir(folder))
    command = [*prefix, BIN, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, (args, done.returncode, done.stderr)
    assert done.stdout == "", (args, done.stdout[:300])
    [line] = done.stderr.splitlines()
    assert str(path) in line and all(word in line for word in words), line
    assert folder is None or sorted(os.listdir(folder)) == before, "something is left"
    return line


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("failing")
    try:
        with failing_disk(folder, "a.npy", npy_bytes(DATA), BAD) as path:
            assert run("show", f"{path}[0, :2]").out == "[0. 1.]\n"
            yield path
    except OSError as error:
        pytest.skip(f"a file system of our own cannot be mounted: {error}")


@pytest.mark.parametrize("io", ENGINES)
@pytest.mark.parametrize("command", READERS)
def test_a_bad_place(disk, command, io):
    line = fails(command[0], disk, *command[1:], "--io", io, path=disk)
    start, end = map(int, re.search(r"bytes (\d+)\.\.(\d+)", line).groups())
    assert start < BAD.stop and end > BAD.start, line


def test_what_lies_before_it_can_be_read(disk):
    for io in ENGINES:
        run("reduce", f"{disk}[:256]", "sum", "--io", io)
    assert run("digest", f"{disk}[:256]").out.split()[0] == run("digest", f"{disk}[:256]").out.split()[0]


@pytest.mark.parametrize("options", [(), ("--to-order", "F"), ("--to-dtype", "<f8")])
def test_a_copy_of_it_is_not_left(disk, tmp_path, options):
    fails("convert", disk, tmp_path / "new.npy", *options, path=disk, folder=tmp_path)
    old = tmp_path / "old.npy"
    np.save(old, np.arange(3))
    fails("convert", disk, old, "--force", *options, path=disk, folder=tmp_path)
    assert np.array_equal(np.load(old), np.arange(3))


def test_comparing_with_it(disk, save):
    good = save(DATA)
    fails("diff", disk, good, path=disk)
    fails("diff", good, disk, path=disk)
    fails("cache", "touch", disk, path=disk)


strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the calls fail")


def inject(call, error, number):
    return ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}+"]


@strace
@pytest.mark.parametrize("number", [3, 4, 6, 8])
@pytest.mark.parametrize("command", READERS)
def test_reads_that_fail_from_one_on(save, command, number):
    path = save(DATA)
    prefix = inject("pread64", "EIO", number)
    # Calls are counted for each thread by itself.
    options = ["--io", "pread", "--threads", "1"]
    fails(command[0], path, *command[1:], *options, path=path, prefix=prefix, words=["Input/output error", "bytes "])


@strace
@pytest.mark.parametrize("call, error, words", [
    ("pwrite64", "EIO", ["Input/output error", "bytes "]), ("pwrite64", "ENOSPC", ["no space left"]),
    ("sync_file_range", "EIO", ["Input/output error"]), ("fsync", "EIO", ["Input/output error"]),
    ("fsync", "ENOSPC", ["no space left"])])
# Calls are counted for each thread by itself; in little memory one thread makes many small writes.
@pytest.mark.parametrize("options", [(), ("--to-order", "F", "--memory", "8MiB"), ("--force",)])
def test_writes_that_fail(save, tmp_path, call, error, words, options):
    path, target = save(DATA), tmp_path / "new.npy"
    if "--force" in options:
        np.save(target, np.arange(5))
    # Hints about pages fail too, and nobody minds.
    prefix = inject(call, error, 2 if call == "pwrite64" else 1)
    fails("convert", path, target, *options, path=target, folder=tmp_path, prefix=prefix, words=words)
    if "--force" in options:
        assert np.array_equal(np.load(target), np.arange(5))
