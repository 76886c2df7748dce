"""Every bad input: one line that names the path, what was expected, what was found and the way out.

And no byte of a file changed.
"""

import gzip
import io
import os
import resource
import shutil
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN, header, npy_bytes, refused, run

READERS = [("info",), ("show",), ("stats",), ("digest",)]
ROOT = os.geteuid() == 0


def limited(resource_name, limit):
    """What to do in the child before the command starts, so that it has no more than this."""
    return lambda: resource.setrlimit(resource_name, (limit, limit))


def content(line, *numbers):
    """A line about what is in a file says what was expected, what was found, and then a way out."""
    for number in numbers:
        assert str(number) in line.replace(",", ""), f"does not say {number}: {line}"
    assert "; " in line, f"no way out: {line}"


# Raw files: shape, offset and dtype against the file's size.

# Options, and the number that was expected of a file of 100 bytes.
RAW = {
    "too large": (["--dtype", "<f4", "--shape", "26"], 104),
    "too large with offset": (["--dtype", "<f4", "--shape", "25", "--offset", "1"], 101),
    "not a multiple": (["--dtype", "<f4", "--shape", "7,-1"], 7),
    "not a multiple of the item": (["--dtype", "<f8"], 8),
    "offset past the end": (["--dtype", "<f4", "--offset", "101"], 101),
    "offset far past the end": (["--dtype", "<f4", "--offset", "9223372036854775807"], 9223372036854775807),
}
SHAPES = {
    "two unknown": "-1,-1", "negative": "-5", "product overflows": "4294967296,4294967296",
    "wraps to the size": "9223372036854775808,2", "no number": "a,b", "65 axes": ",".join(["1"] * 65),
    "hidden by a zero": "0,9223372036854775807,9223372036854775807", "too many digits": "1" * 30}


@pytest.mark.parametrize("options, expected", RAW.values(), ids=RAW)
def test_raw_that_does_not_fit(tmp_path, options, expected):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    for reader in READERS:
        line = refused(*reader, path, *options, path=path)
    content(line, 100, expected)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shapes_that_cannot_be(tmp_path, shape):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    refused("stats", path, "--dtype", "<f4", f"--shape={shape}", path=path)


@pytest.mark.parametrize("dtype", ["f3", "float33", "<f3", "q4", "[('a', 'f4'", "[('a', 'f4'), ('a', 'i4')]",
                                   "(0x", "M8[xs]", "",
                                   "<f4>", "S-1", "__import__('os')"])
def test_dtypes_that_do_not_exist(tmp_path, dtype):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    line = refused("stats", path, f"--dtype={dtype}", path=path)
    assert dtype in line


def test_raw_without_a_dtype(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    line = refused("stats", path, path=path)
    assert "--dtype" in line


@pytest.mark.parametrize("start", [b"\x93NUMPY\1\0", b"PK\3\4", b"\x1f\x8b\x08\0", b"\x89HDF\r\n\x1a\n"],
                         ids=str)
def test_raw_that_looks_like_something_else(tmp_path, start):
    path = tmp_path / "a.bin"
    path.write_bytes(start + bytes(120))
    line = refused("stats", path, "--dtype", "u1", path=path, code=(2, 3))
    assert "--force-raw" in line
    run("stats", path, "--dtype", "u1", "--force-raw")


SIDECARS = {
    "no json": "{", "not an object": "[1, 2]", "no dtype": '{"shape": [2]}',
    "bad dtype": '{"dtype": "f3", "shape": [2]}',
    "negative": '{"dtype": "<f4", "shape": [-2]}', "fraction": '{"dtype": "<f4", "shape": [1.5]}',
    "too large": '{"dtype": "<f4", "shape": [26]}', "order": '{"dtype": "<f4", "shape": [2], "order": "K"}',
    "offset": '{"dtype": "<f4", "shape": [2], "offset": -1}', "deep": "[" * 100_000}


@pytest.mark.parametrize("text", SIDECARS.values(), ids=SIDECARS)
def test_sidecars(tmp_path, text):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(100))
    (tmp_path / "a.bin.json").write_text(text)
    refused("stats", path, path=path)


# .npy headers.

GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
HEADERS = {
    "extra key": GOOD.replace("}", "'more': 1, }"),
    "missing key": "{'descr': '<f4', 'shape': (3, 4), }",
    "key twice": GOOD.replace("}", "'shape': (2, 2), }"),
    "no dict": "('<f4', False, (3, 4))",
    "empty": "",
    "open text": GOOD.replace("'<f4'", "'<f4"),
    "open dict": GOOD.replace("}", ""),
    "something behind": GOOD + " 5",
    "shape is a list": GOOD.replace("(3, 4)", "[3, 4]"),
    "shape is a number": GOOD.replace("(3, 4)", "12"),
    "shape of bools": GOOD.replace("(3, 4)", "(True, 4)"),
    "shape of floats": GOOD.replace("(3, 4)", "(3.0, 4)"),
    "negative shape": GOOD.replace("(3, 4)", "(-3, 4)"),
    "order is a number": GOOD.replace("False", "0"),
    "dtype unknown": GOOD.replace("<f4", "<f3"),
    "dtype is a number": GOOD.replace("'<f4'", "4"),
    "dtype is None": GOOD.replace("'<f4'", "None"),
    "call": GOOD.replace("(3, 4)", "__import__('os').getcwd()"),
    "product overflows": GOOD.replace("(3, 4)", "(4294967296, 4294967296)"),
    "bytes wrap to the size": GOOD.replace("(3, 4)", "(4611686018427387916,)"),
    "zero hides a product": GOOD.replace("(3, 4)", "(0, 9223372036854775807, 9223372036854775807)"),
    "digits": GOOD.replace("(3, 4)", f"({'9' * 30},)"),
    "65 axes": GOOD.replace("(3, 4)", f"({'1, ' * 65})"),
    "nested brackets": GOOD.replace("'<f4'", "[" * 5000 + "]" * 5000),
    "nested tuples": GOOD.replace("(3, 4)", "(" * 5000 + ")" * 5000),
    "nested minus": GOOD.replace("(3, 4)", f"({'-' * 5000}1,)"),
    "fields twice": GOOD.replace("'<f4'", "[('a', '<i2'), ('a', '<i2')]"),
    "huge subarray": GOOD.replace("'<f4'", "[('a', '<i2', (9223372036854775807, 3))]"),
    "nothing in a lot": GOOD.replace("<f4", "|V0").replace("(3, 4)", "(1099511627776,)"),
    "more than there is": GOOD.replace("(3, 4)", "(3, 5)"),
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_headers(tmp_path, text):
    path = tmp_path / "a.npy"
    path.write_bytes(header(text) + bytes(48))
    start = time.monotonic()
    # A zero-sized item may be an empty array as well as an error: NumPy takes it.
    code = (0, 1, 2) if "V0" in text else (1, 2)
    for command in [("info", path), ("stats", path), ("set", f"{path}[0, 0]", "1"), ("fill", path, "1"),
                    ("convert", path, tmp_path / "out.npy")]:
        if 0 in code:
            run(*command, check=None)
        else:
            refused(*command, path=path, code=code)
    assert time.monotonic() - start < 5


def test_header_in_other_encodings(tmp_path):
    path = tmp_path / "a.npy"
    bad = GOOD.encode().replace(b"'<f4'", b"[('\xff\xfe', '<f4')]")
    path.write_bytes(header(bad, (3, 0)) + bytes(48))
    refused("info", path, path=path)
    path.write_bytes(header(bad, (1, 0)) + bytes(48))
    assert run("info", "--json", path).json["dtype"] == [["ÿþ", "<f4"]]


@pytest.mark.parametrize("version", [(0, 0), (1, 1), (4, 0), (255, 255)])
def test_versions_that_do_not_exist(tmp_path, version):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY" + bytes(version) + header(GOOD)[8:] + bytes(48))
    content(refused("info", path, path=path), "{}.{}".format(*version))


def test_every_cut(tmp_path):
    """A file cut anywhere, in the header or in the data."""
    whole, path = npy_bytes(np.arange(6, dtype="<f4")), tmp_path / "a.npy"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        code = (1, 2) if length else (1, 2, 3)
        line = refused("stats", path, path=path, code=code)
        if length >= 128:
            content(line, 24, length - 128)
            refused("set", f"{path}[0]", "1", path=path)


def test_empty_file(tmp_path):
    path = tmp_path / "a.npy"
    path.touch()
    assert "empty" in refused("info", path, path=path)


@pytest.mark.parametrize("version, length", [((1, 0), 65535), ((2, 0), 2**32 - 1), ((3, 0), 2**31),
                                             ((1, 0), 3)])
def test_header_lengths_that_lie(tmp_path, version, length):
    """Refused by its number, before anything of that size is read; the sparse file really is that long."""
    width = 2 if version == (1, 0) else 4
    path = tmp_path / "a.npy"
    text = GOOD.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY" + bytes(version) + length.to_bytes(width, "little") + text)
    refused("info", path, path=path)
    os.truncate(path, 2**32 + 4096)
    start = time.monotonic()
    refused("info", path, path=path, preexec_fn=limited(resource.RLIMIT_DATA, 128 << 20))
    assert time.monotonic() - start < 1


# Files that cannot be mapped: exit 3, in three parts.

def not_mappable(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def gz():
    return gzip.compress(npy_bytes(np.arange(10)))


def zipped():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(1000))
    return file.getvalue()


def objects():
    file = io.BytesIO()
    np.save(file, np.array([1, "a", None], object), allow_pickle=True)
    return file.getvalue()


FOREIGN = {"a.npy.gz": gz, "renamed.npy": gz, "z.npz": zipped, "o.npy": objects,
           "h.h5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(2048),
           "nested.npy": lambda: header(GOOD.replace("'<f4'", "[('a', '<i4'), ('b', '|O')]")) + bytes(144)}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("command", ["show", "stats", "digest"])
def test_not_mappable(tmp_path, name, command):
    path = not_mappable(tmp_path, name, FOREIGN[name]())
    target = f"{path}::a" if name == "z.npz" else path
    before = path.read_bytes()
    result = run(command, target, check=3)
    assert result.raw == b"" and result.err.count("\n") == 1
    line = result.err.rstrip("\n").removeprefix("ndfolio: ")
    parts = line.split("; ", 2)
    assert len(parts) == 3, parts
    assert parts[0].startswith(f"{target}: ") and parts[2].startswith("run: "), parts
    assert path.read_bytes() == before


def test_zip_without_arrays(tmp_path):
    path = tmp_path / "text.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello.txt", "hello")
    refused("show", path, path=path, code=(1, 2, 3))


def test_damaged_archives(tmp_path):
    good, path = io.BytesIO(), tmp_path / "z.npz"
    np.savez(good, w=np.arange(100))
    data = good.getvalue()
    for length in range(4, len(data), 11):
        path.write_bytes(data[:length])
        refused("stats", path, path=path, code=(1, 2, 3))
    for place in range(0, len(data), 7):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        path.write_bytes(broken)
        run("info", "--json", path, check=None, timeout=5)


# What is at the path.

def test_missing_file(tmp_path):
    for reader in READERS:
        line = refused(*reader, tmp_path / "no.npy", path=tmp_path / "no.npy")
    assert "not found" in line.lower() or "no such file" in line.lower() or "does not exist" in line.lower()


def test_folder(tmp_path):
    (tmp_path / "d").mkdir()
    for command in [("info",), ("stats",), ("convert", tmp_path / "out.npy")]:
        assert "directory" in refused(command[0], tmp_path / "d", *command[1:], path=tmp_path / "d")
    run("create", tmp_path / "d", "--dtype", "f4", "--shape", "3", "--force", check=(1, 2))
    assert (tmp_path / "d").is_dir()


def test_fifo_and_devices_do_not_hang(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for command in [("info", fifo), ("stats", fifo, "--dtype", "f4"), ("fill", fifo, "1", "--dtype", "f4"),
                    ("convert", fifo, tmp_path / "o.npy")]:
        assert "FIFO" in refused(*command, path=fifo, timeout=10)
    for device in ["/dev/zero", "/dev/null"]:
        result = run("stats", device, "--dtype", "f4", check=(1, 2), timeout=10)
        assert device in result.err


@pytest.fixture
def open_folder():
    """A folder that every user may enter, with the command in it."""
    folder = Path(tempfile.mkdtemp(prefix="ndfolio-"))
    folder.chmod(0o755)
    shutil.copy(BIN, folder / "command")
    (folder / "command").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody():
    """How to run without root's rights over every file."""
    if not ROOT:
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root may read everything, and setpriv, which would lower that, is missing")
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all")


def test_no_permission(open_folder):
    path = open_folder / "a.npy"
    np.save(path, np.arange(5))
    options = {"prefix": as_nobody(), "binary": open_folder / "command", "path": path}
    path.chmod(0o444)
    run("stats", path, prefix=options["prefix"], binary=options["binary"])
    line = refused("set", f"{path}[0]", "1", **options)
    assert "permission" in line.lower()
    path.chmod(0)
    assert "permission" in refused("stats", path, **options).lower()
    if ROOT:
        assert "permission" in refused("create", open_folder / "new.npy", "--dtype", "f4", "--shape", "2",
                                       **{**options, "path": open_folder / "new.npy"}).lower()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    if not ROOT:
        pytest.skip("a full disk needs root, to mount one of 1 MiB")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a full disk needs a mount: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(small_disk, tmp_path):
    target, source = small_disk / "a.npy", tmp_path / "a.npy"
    np.save(source, np.ones(1 << 19))
    for command in [("create", target, "--dtype", "f8", "--shape", str(1 << 19)),
                    ("create", target, "--dtype", "f8", "--shape", str(1 << 19), "--fill", "1"),
                    ("convert", source, target), ("convert", source, target, "--to-order", "F")]:
        line = refused(*command, path=target, code=1)
        assert "space" in line.lower()
        assert list(small_disk.iterdir()) == []


def test_full_disk_leaves_the_old_file(small_disk, tmp_path):
    target, source = small_disk / "a.npy", tmp_path / "a.npy"
    np.save(source, np.ones(1 << 19))
    np.save(target, np.arange(10))
    refused("convert", source, target, "--force", path=target, code=1)
    assert np.load(target).tolist() == list(range(10))


def test_size_limit_is_no_signal(tmp_path):
    """RLIMIT_FSIZE: SIGXFSZ would end the process before it could say why."""
    path = tmp_path / "a.npy"
    refused("create", path, "--dtype", "f8", "--shape", "1000000", path=path, code=1,
            preexec_fn=limited(resource.RLIMIT_FSIZE, 1 << 20))


# Output.

def test_closed_pipe(save):
    """`show --all | head -1` ends quietly."""
    path = save(np.arange(1_000_000))
    for command in [["show", "--all"], ["show", "--format", "csv"], ["show", "--format", "json"],
                    ["show", "--format", "raw"]]:
        process = subprocess.Popen([BIN, *command, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        told = process.stderr.read()
        process.stderr.close()
        assert (process.wait(timeout=30), told) == (0, b""), command


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_output_that_cannot_be_written(save):
    path = save(np.arange(100_000))
    with open("/dev/full", "wb") as full:
        for command in [("show", "--all"), ("stats",), ("info", "--json"), ("digest",)]:
            result = run(*command, path, check=1, stdout=full)
            assert result.err.startswith("ndfolio: ") and result.err.count("\n") == 1


def terminal(*args, **environment):
    """What the command writes when stdout and stderr are a terminal."""
    import pty
    leader, follower = pty.openpty()
    process = subprocess.Popen([BIN, *map(str, args)], stdout=follower, stderr=follower, stdin=follower,
                               env={**os.environ, "TERM": "xterm-256color", **environment})
    os.close(follower)
    output = b""
    while True:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(leader)
    process.wait(timeout=30)
    return output


def test_no_color(save):
    path = save(np.arange(10))
    for args in [("info", path), ("stats", path), ("stats",), ("show", "/no/such/file"), ("--help",)]:
        assert b"\x1b[3" not in terminal(*args, NO_COLOR="1"), args
        assert "\x1b" not in (run(*args, check=None).out + run(*args, check=None).err), args


def test_json_is_alone_on_stdout(save, tmp_path):
    path = save(np.arange(10.0))
    for args in [("info", path), ("stats", path), ("digest", path), ("diff", path, path)]:
        assert run(*args, "--json").raw.count(b"\n") >= 1 and run(*args, "--json").json
    refused("stats", "--json", tmp_path / "no.npy", path=tmp_path / "no.npy")


USAGES = [(), ("nothing",), ("stats",), ("create", "x"), ("stats", "a", "--axis", "x"), ("convert", "a"),
          ("info", "a", "--order", "K"), ("diff", "a"), ("info", "--wrong", "a")]


@pytest.mark.parametrize("args", USAGES, ids=str)
def test_wrong_usage(tmp_path, args):
    result = run(*args, check=None, cwd=tmp_path)
    assert result.code in ((2,) if args != ("nothing",) else (1, 2)) and result.err
    assert list(tmp_path.iterdir()) == []


def test_help_version_and_completions():
    assert "stats" in run("--help").out
    assert run("--version").out.startswith("ndfolio ")
    for command in ["info", "show", "create", "set", "fill", "stats", "convert", "digest", "diff"]:
        assert command in run(command, "--help").out
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"]:
        assert "ndfolio" in run("completions", shell).out
    assert subprocess.run(["bash", "-n"], input=run("completions", "bash").raw).returncode == 0
