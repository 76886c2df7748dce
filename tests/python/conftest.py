"""What every black-box test uses: the command, files made by NumPy, and what NumPy says about them."""

import io
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("NDFOLIO_BIN", ROOT / "target/release/ndfolio")).resolve()

set_hypothesis_home_dir(ROOT / "target/hypothesis")
hypothesis.settings.register_profile(
    "ndfolio", deadline=None, database=None, max_examples=100,
    derandomize=not os.environ.get("NDFOLIO_RANDOM"),
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("ndfolio")


def pytest_configure(config):
    if not os.access(BIN, os.X_OK):
        pytest.exit(f"{BIN} is not there; run: cargo build --release", returncode=4)


@dataclass
class Result:
    code: int
    raw: bytes
    err: str

    @property
    def out(self):
        return self.raw.decode()

    @property
    def json(self):
        return json.loads(self.raw)


def run(*args, check=0, input=None, timeout=60, cwd=None, env=None, binary=BIN, prefix=(), **popen):
    """Runs the command. `check` is the exit code it must have, several, or None for any but a signal.

    After a success nothing may stand on stderr: a pipeline's log stays clean.
    """
    words = [word if isinstance(word, bytes) else os.fsencode(str(word)) for word in args]
    command = [*prefix, os.fsencode(binary), *words]
    environment = {**os.environ, **(env or {})}
    popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
    done = subprocess.run(command, input=input, timeout=timeout, cwd=cwd, env=environment, **popen)
    result = Result(done.returncode, done.stdout or b"", (done.stderr or b"").decode(errors="surrogateescape"))
    told = f"{command}\nexit {result.code}\nstdout: {result.raw[:2000]!r}\nstderr: {result.err[:2000]}"
    assert result.code >= 0, f"ended by signal {-result.code}: {told}"
    allowed = (check,) if isinstance(check, int) else check
    assert allowed is None or result.code in allowed, f"expected exit {check}: {told}"
    if result.code == 0:
        assert result.err == "", told
    else:
        assert "panicked" not in result.err, told
    return result


def refused(*args, path=None, words=(), code=(1, 2), **options):
    """Runs what must fail: one line on stderr that names the path and says `words`, nothing on stdout.

    No byte of any file in the path's folder may change, and no file come or go.
    """
    folder = Path(os.fsdecode(path)).parent if path is not None else None
    before = contents(folder)
    result = run(*args, check=code, **options)
    assert result.raw == b"", f"a refusal on stdout: {result.raw[:500]!r}"
    line = result.err.rstrip("\n")
    assert line and "\n" not in line, f"not one line: {result.err!r}"
    assert line.startswith("ndfolio: "), line
    if path is not None:
        assert os.fsdecode(path) in line, f"does not name {path}: {line}"
    for word in words:
        assert str(word) in line, f"does not say {word!r}: {line}"
    assert contents(folder) == before, "files changed"
    return line


def plain(value):
    """A JSON value as a number."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return complex(value) if value.endswith("j") else float(value)
    return value


def contents(folder):
    """Every file of a folder with its bytes, large ones by size and time: to see whether they change."""
    if folder is None or not folder.is_dir():
        return None
    found = {}
    for entry in os.scandir(folder):
        about = entry.stat(follow_symlinks=False)
        found[entry.name] = about.st_size, about.st_mtime_ns
        if stat.S_ISREG(about.st_mode) and about.st_size < 1 << 22 and os.access(entry.path, os.R_OK):
            found[entry.name] = Path(entry.path).read_bytes()
    return found


@pytest.fixture
def save(tmp_path):
    """`save(array, name, version)` writes a .npy as NumPy does and gives its path."""
    def save(array, name="a.npy", version=None):
        path = tmp_path / name
        with open(path, "wb") as file:
            if version is None:
                np.save(file, array)
            else:
                np.lib.format.write_array(file, np.asanyarray(array), version=version)
        return path
    return save


def npy_bytes(array):
    """What np.save writes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def header(text, version=(1, 0), encoding="latin1", pad=64):
    """A .npy header with this dict as its text, padded as NumPy pads it."""
    width = 2 if version == (1, 0) else 4
    body = text if isinstance(text, bytes) else text.encode(encoding)
    body += b" " * (-(8 + width + len(body) + 1) % pad) + b"\n"
    return b"\x93NUMPY" + bytes(version) + len(body).to_bytes(width, "little") + body


def little_and_packed(dtype):
    """The dtype with all of it little-endian and no bytes between the fields."""
    if dtype.subdtype:
        base, shape = dtype.subdtype
        return np.dtype((little_and_packed(base), shape))
    if dtype.names is None:
        return dtype.newbyteorder("<")
    return np.dtype([(name, little_and_packed(dtype.fields[name][0])) for name in dtype.names])


def canonical(array):
    """The bytes that `digest` hashes: C order, little-endian, packed."""
    target = little_and_packed(array.dtype)
    if array.dtype.names == ():
        return b""
    return np.ascontiguousarray(array).astype(target).tobytes()


def json_dtype(dtype):
    """How --json writes a dtype: dtype.str, or the descr list."""
    return dtype.str if dtype.names is None else json.loads(json.dumps(dtype.descr))


def same(a, b):
    """Whether two arrays hold the same values, NaN and NaT included, in the same dtype and shape."""
    assert a.dtype == b.dtype, (a.dtype, b.dtype)
    assert a.shape == b.shape, (a.shape, b.shape)
    np.testing.assert_array_equal(a, b)


if sys.version_info < (3, 11):
    pytest.exit("these tests need Python 3.11 or newer", returncode=4)
