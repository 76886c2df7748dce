"""What a process may not have: descriptors, addresses, long files, folders to write to, ways of reading. It works
another way, or says what is missing; never a signal, and nothing is left behind."""

import os
import resource
import shutil
import subprocess

import numpy as np
import pytest
from conftest import BIN, refused, run, same

MIB = 1 << 20
IS_ROOT = os.geteuid() == 0
WAYS = ["auto", "mmap", "pread", "direct"]
strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the calls fail")


def limited(limit, value):
    return lambda: resource.setrlimit(limit, (value, value))


# Long files.

@pytest.fixture
def square(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1 << 19, dtype="<f8").reshape(512, 1024))
    return path


@pytest.mark.parametrize("words", [
    ("create", "NEW", "--dtype", "f8", "--shape", "1000000", "--sparse"),
    ("create", "NEW", "--dtype", "f8", "--shape", "1000000", "--fill", "1"),
    ("convert", "OLD", "NEW"), ("convert", "OLD", "NEW", "--to-order", "F"),
    ("convert", "OLD", "NEW", "--sparse"), ("eval", "x + 1", "x=OLD", "-o", "NEW")])
def test_new_files_beyond_the_size_limit(square, tmp_path, words):
    new = tmp_path / "new.npy"
    words = [word.replace("OLD", str(square)).replace("NEW", str(new)) for word in words]
    line = refused(*words, path=new, code=1, preexec_fn=limited(resource.RLIMIT_FSIZE, MIB))
    assert "limit" in line and str(MIB) in line
    assert [one.name for one in tmp_path.iterdir()] == ["a.npy"]


def test_items_behind_the_size_limit(square):
    before = square.read_bytes()
    limit = limited(resource.RLIMIT_FSIZE, MIB)
    refused("set", f"{square}[-1, -1]", "7", path=square, code=1, preexec_fn=limit)
    refused("eval", "x * 2", f"x={square}[0]", "--into", f"{square}[-1]", path=square, code=1, preexec_fn=limit)
    assert square.read_bytes() == before
    run("set", f"{square}[0, 0]", "7", preexec_fn=limit)
    assert np.load(square)[0, 0] == 7


def test_output_beyond_the_size_limit(square, tmp_path):
    """The shell's file is none of ours, so nobody asks for the limit before it is written."""
    for words in [["show", "--format", "raw"], ["show", "--all"], ["show", "--format", "npy"]]:
        with open(tmp_path / "out", "wb") as out:
            done = subprocess.run([BIN, *words, square], stdout=out, stderr=subprocess.PIPE, text=True, timeout=60,
                                  preexec_fn=limited(resource.RLIMIT_FSIZE, MIB))
        assert done.returncode == 1 and "standard output: File too large" in done.stderr, (words, done)


def test_checksums_beyond_the_size_limit(square):
    refused("checksum", square, path=square, code=1, preexec_fn=limited(resource.RLIMIT_FSIZE, 64))
    assert [one.name for one in square.parent.iterdir()] == ["a.npy"]


# Descriptors.

@pytest.mark.parametrize("io", WAYS)
@pytest.mark.parametrize("words", [("stats", "--json"), ("digest",), ("reduce", "sum", "--axis", "0", "--json")])
def test_few_descriptors(square, words, io):
    command, *options = words
    place = [*options[:1], *options[1:]] if command == "reduce" else options
    words = [command, square, *place, "--io", io] if command != "digest" else [command, square]
    expected = run(*words).raw
    for most in range(4, 12):
        result = run(*words, check=None, preexec_fn=limited(resource.RLIMIT_NOFILE, most))
        if result.code == 0:
            assert result.raw == expected
        else:
            assert result.code == 1 and "Too many open files" in result.err and str(square) in result.err, result
    assert result.code == 0, "a dozen is enough"


def test_new_files_with_few_descriptors(square, tmp_path):
    new = tmp_path / "new.npy"
    for most in range(4, 16):
        result = run("convert", square, new, "--to-order", "F", "--force", check=None,
                     preexec_fn=limited(resource.RLIMIT_NOFILE, most))
        if result.code:
            assert "Too many open files" in result.err and not new.exists()
        assert {one.name for one in tmp_path.iterdir()} <= {"a.npy", "new.npy"}
    assert result.code == 0
    same(np.load(new), np.load(square))


# Addresses.

@pytest.mark.parametrize("io", WAYS)
def test_files_larger_than_the_address_space(tmp_path, io):
    path = tmp_path / "huge.npy"
    run("create", path, "--dtype", "<f8", "--shape", "134217728", "--sparse")
    limit = limited(resource.RLIMIT_AS, 600 * MIB)
    assert "134217728" in run("stats", path, "--io", io, "--memory", "16MiB", "--json", preexec_fn=limit).out
    run("set", f"{path}[-1]", "5", preexec_fn=limit)
    assert run("show", f"{path}[-1]", preexec_fn=limit).out == "5.0\n"


# Folders that cannot be written to.

@pytest.fixture
def read_only(square):
    """The folder on a file system that is mounted for reading."""
    if not IS_ROOT:
        pytest.skip("mounting needs root")
    run("checksum", square)
    folder = square.parent
    binds = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]]
    for words in binds:
        mounted = subprocess.run(words, capture_output=True)
        if mounted.returncode:
            subprocess.run(["umount", "-l", folder], capture_output=True)
            pytest.skip(f"no mount: {mounted.stderr.decode().strip()}")
    yield square
    subprocess.run(["umount", "-l", folder], check=True)


def test_reading_needs_no_more_than_reading(read_only):
    expected = np.load(read_only)
    for words in [("info",), ("show",), ("verify",), ("check",), ("digest",), ("cache", "show")]:
        run(*words, read_only)
    for io in WAYS:
        assert str(int(expected.sum())) in run("reduce", read_only, "sum", "--io", io).out


def test_writing_says_what_is_in_the_way(read_only):
    new = read_only.parent / "new.npy"
    for words in [("set", f"{read_only}[0, 0]", "1"), ("fill", read_only, "1"), ("checksum", read_only)]:
        assert "Read-only file system" in refused(*words, path=read_only, code=1)
    assert "Read-only file system" in refused("convert", read_only, new, path=new, code=1)
    run("check", read_only, "--repair")


# Ways of reading and writing that are refused.

REFUSALS = [("io_uring_setup", "EPERM"), ("io_uring_setup", "ENOSYS"), ("io_uring_setup", "ENOMEM"),
            ("mincore", "ENOMEM"), ("fadvise64", "EINVAL"), ("pwritev2", "EOPNOTSUPP"), ("madvise", "EINVAL"),
            ("sync_file_range", "ENOSYS"), ("fallocate", "EOPNOTSUPP"), ("flock", "ENOLCK"), ("statfs", "EACCES"),
            ("mlock", "EPERM")]


@strace
@pytest.mark.parametrize("call, error", REFUSALS)
def test_calls_that_are_refused(square, tmp_path, call, error):
    prefix = ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    expected = run("reduce", square, "sum", "mean", "--axis", "0", "--json").raw
    for io in WAYS:
        words = ["reduce", square, "sum", "mean", "--axis", "0", "--json", "--io", io]
        assert run(*words, prefix=prefix).raw == expected, io
    new = tmp_path / "new.npy"
    run("convert", square, new, "--to-order", "F", prefix=prefix)
    same(np.load(new), np.asfortranarray(np.load(square)))
    run("eval", "x + 1", f"x={square}", "-o", new, "--force", "--sync", prefix=prefix)
    same(np.load(new), np.load(square) + 1)
    run("checksum", square, prefix=prefix)
    run("set", f"{square}[3, 3]", "7", prefix=prefix)
    run("verify", square, prefix=prefix)
    assert {one.name for one in tmp_path.iterdir()} == {"a.npy", "a.npy.ndsum", "new.npy"}


@strace
def test_files_that_cannot_be_read_past_the_page_cache(square):
    """A file system without O_DIRECT: the second opening of the file is refused."""
    prefix = ["strace", "-f", "-o", os.devnull, "-e", "trace=openat", "-P", str(square), "-e",
              "inject=openat:error=EINVAL:when=2+"]
    expected = run("stats", square, "--json").raw
    for io in WAYS:
        assert run("stats", square, "--json", "--io", io, prefix=prefix).raw == expected
