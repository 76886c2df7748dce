"""Files larger than the memory that a command may use: private memory stays small, answers stay right.

Private memory is what is left when the file's pages are given back: RssAnon of /proc/PID/status, asked for
every millisecond. RLIMIT_DATA beside it catches what comes and goes between two looks.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LIMIT = 64 << 20
# The stacks of threads count here, whether they are used or not.
HARD_LIMIT = LIMIT + (os.cpu_count() + 1) * (4 << 20)
ROWS, COLUMNS = 8192, 16384


def peak(*args, check=0, timeout=30, most_private=LIMIT):
    """Runs the command, which may hold so much private memory; gives its stdout."""
    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (HARD_LIMIT, HARD_LIMIT))

    command, most, end = [BIN, *map(str, args)], 0, time.monotonic() + timeout
    with (tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err,
          subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=limit) as process):
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                pytest.fail(f"{args}: did not end within {timeout} s")
            most = max(most, private(process.pid))
            time.sleep(0.001)
        out.seek(0)
        err.seek(0)
        output, told = out.read(), err.read().decode()
    assert process.returncode == check, f"{args}: exit {process.returncode}: {told}"
    assert most < most_private, f"{args}: {most >> 20} MiB of private memory"
    return output.decode()


def private(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0]) * 1024 if found else 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """512 MiB of 1.5 with a few values that differ, and the same in F order."""
    folder = tmp_path_factory.mktemp("memory")
    peak("create", folder / "c.npy", "--dtype", "<f4", "--shape", f"{ROWS},{COLUMNS}", "--fill", "1.5")
    mapped = np.load(folder / "c.npy", mmap_mode="r+")
    mapped[0, 0], mapped[-1, -1], mapped[1234, 5678], mapped[5, 6] = -7, 9, np.nan, 0
    del mapped
    peak("convert", folder / "c.npy", folder / "f.npy", "--to-order", "F")
    yield folder
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("name", ["c.npy", "f.npy"])
def test_stats(folder, name):
    found = json.loads(peak("stats", "--json", folder / name))
    count = ROWS * COLUMNS
    total = 1.5 * (count - 4) + 2
    assert [found[key] for key in ("count", "nan_count", "zeros", "min", "max")] == [count, 1, 1, -7, 9]
    assert found["sum"] == pytest.approx(total, rel=1e-14)
    assert found["mean"] == pytest.approx(total / (count - 1), rel=1e-14)


@pytest.mark.parametrize("name", ["c.npy", "f.npy"])
@pytest.mark.parametrize("axis", ["0", "1"])
def test_stats_along_an_axis(folder, name, axis):
    found = json.loads(peak("stats", "--json", folder / name, "--axis", axis))
    length, other = (ROWS, COLUMNS) if axis == "0" else (COLUMNS, ROWS)
    assert np.shape(found["sum"]) == (other,)
    assert (found["sum"][0], found["min"][0], found["max"][-1]) == (1.5 * length - 8.5, -7, 9)
    assert found["sum"][1] == 1.5 * length


@pytest.mark.parametrize("name", ["c.npy", "f.npy"])
@pytest.mark.parametrize("axis", [None, "0", "1"])
def test_describe(folder, name, axis):
    """Nearly all items are equal, so none of them can be left out before the last pass."""
    options = ["--quantiles=0,0.5,1", "--bins=16", "--range=-7,9"]
    found = json.loads(peak("describe", "--json", folder / name, *options, *([f"--axis={axis}"] if axis else [])))
    length = {None: ROWS * COLUMNS, "0": ROWS, "1": COLUMNS}[axis]
    first, second = (lambda value: value, None) if axis is None else (lambda value: value[0], lambda value: value[1])
    low, middle, high = found["quantiles"].values()
    assert (first(low), first(middle), first(high)) == (-7, 1.5, 9 if axis is None else 1.5)
    counts = first(found["histogram"]["counts"])
    assert (counts[0], sum(counts), len(counts)) == (1, length - (axis is None), 16)
    if second:
        assert (second(low), second(middle), second(found["histogram"]["counts"])[8]) == (1.5, 1.5, length)


@pytest.mark.parametrize("io", ["mmap", "pread", "direct"])
@pytest.mark.parametrize("columns, operations", [(16384, ["argmin", "std"]), (65536, ["sum"]), (1 << 20, ["max", "sum"])])
@pytest.mark.parametrize("memory", [12, 48])
def test_running_values_of_columns(folder, io, columns, operations, memory):
    """They are part of the memory that was allowed, and lists about NaN are too."""
    shape = ROWS * COLUMNS // columns, columns
    raw = ["--force-raw", "--dtype=<f4", "--offset=128", f"--shape={shape[0]},{shape[1]}"]
    how = [f"--memory={memory}MiB", f"--io={io}", "--threads=2", "--axis=0", "--json"]
    # Results, their text, and the program itself come to that.
    beside = (4 << 20) + columns * 400
    output = peak("reduce", folder / "c.npy", *operations, *raw, *how, most_private=(memory << 20) + beside)
    items = np.load(folder / "c.npy", mmap_mode="r").reshape(shape)[:, :16]
    if "sum" in operations:
        np.testing.assert_allclose(json.loads(output)["sum"][:16], items.sum(0, dtype="f8"))


@pytest.mark.parametrize("name, axis", [("c.npy", None), ("c.npy", "1"), ("f.npy", "0")])
def test_average(folder, name, axis):
    """Weights as large as the items, in the other order too."""
    part = f"[6:, :{COLUMNS // 4}]"
    axes = [f"--axis={axis}"] if axis else []
    weights = f"{folder / name}{part}"
    found = json.loads(peak("reduce", f"{folder / 'c.npy'}{part}", "average", "--weights", weights, *axes, "--json"))
    assert np.all(np.array(found["average"]) == 1.5)


def test_convert_to_f_order(folder):
    ours = np.load(folder / "f.npy", mmap_mode="r")
    assert ours.flags.f_contiguous and ours.shape == (ROWS, COLUMNS)
    for row, column in [(0, 0), (5, 6), (1234, 5678), (ROWS - 1, COLUMNS - 1), (0, COLUMNS - 1)]:
        theirs = np.load(folder / "c.npy", mmap_mode="r")[row, column]
        np.testing.assert_equal(ours[row, column], theirs)


def test_convert_to_another_dtype(folder):
    peak("convert", folder / "c.npy", folder / "half.npy", "--to-dtype", ">f2")
    mapped = np.load(folder / "half.npy", mmap_mode="r")
    assert (mapped[0, 0], mapped[-1, -1], mapped[77, 77]) == (-7, 9, 1.5)
    (folder / "half.npy").unlink()


def test_digest(folder):
    c, f = (peak("digest", folder / name).split()[0] for name in ("c.npy", "f.npy"))
    with open(folder / "c.npy", "rb") as file:
        file.seek(128)
        assert c == f == hashlib.file_digest(file, "sha256").hexdigest()


def test_diff(folder):
    peak("diff", folder / "c.npy", folder / "f.npy", "--equal-nan")
    peak("diff", folder / "c.npy", folder / "f.npy", check=1)


def test_fill_and_show(folder):
    path = folder / "filled.npy"
    peak("create", path, "--dtype", "<f4", "--shape", f"{ROWS},{COLUMNS}")
    peak("fill", path, "2")
    peak("fill", f"{path}[:, ::3]", "3")
    assert peak("show", path) == f"{np.load(path, mmap_mode='r')}\n"
    assert peak("show", f"{path}[4000:, 1]") == f"{np.full(ROWS - 4000, 2, 'f4')}\n"
    path.unlink()


def test_a_hundred_gigabytes(tmp_path):
    """More than the machine's memory: opening and showing touch what is shown."""
    path = tmp_path / "huge.npy"
    peak("create", path, "--dtype", "<f8", "--shape", "12500000,1000", "--sparse")
    start = time.monotonic()
    peak("info", path)
    peak("set", f"{path}[-1, -1]", "4")
    assert peak("show", path) == f"{np.load(path, mmap_mode='r')}\n"
    assert peak("show", f"{path}[6000000:6000002, 999]") == "[0. 0.]\n"
    assert time.monotonic() - start < 5
    assert path.stat().st_blocks * 512 < 1 << 20


def test_all_of_a_large_array_is_streamed(folder):
    """--all prints item after item, and does not hold them first."""
    command = f"'{BIN}' show --all '{folder / 'c.npy'}[:200]' | tail -c 40"
    script = f"ulimit -d {HARD_LIMIT >> 10}; set -o pipefail; {command}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout.rstrip().endswith(b"1.5  1.5]]")


def test_empty_run_uses_little(save):
    peak("stats", save(np.arange(10)))
    run("stats", save(np.arange(10)))
