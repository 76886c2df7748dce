"""Ctrl-C in the middle of every long command: it ends within a tenth of a second, with exit code 130, and leaves
nothing behind."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import BIN, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# Seconds from the signal to the end.
LIMIT = 0.1
ROWS, COLUMNS = 8192, 32768
# A busy machine can be slow once.
TRIES = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """1 GiB in C order, and its beginning again for comparisons."""
    folder = tmp_path_factory.mktemp("cancel")
    run("create", folder / "c.npy", "--dtype", "<f4", "--shape", f"{ROWS},{COLUMNS}", "--fill", "1.5", timeout=120)
    yield folder
    for path in folder.iterdir():
        path.unlink()


def interrupt(args, delay, wanted=130):
    """Starts a command and interrupts it after so many seconds; how long its end took, None if it came first."""
    process = subprocess.Popen([BIN, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(delay)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    took = time.monotonic() - start
    if process.returncode == 0:
        return None
    assert process.returncode == wanted, (args, process.returncode, err)
    if wanted == 130:
        assert out == b"" and err.count(b"\n") == 1 and b"cancelled" in err, (args, out[:200], err)
    return took


def check(folder, *args, prepare=lambda: None, keep=("c.npy",), **options):
    """Interrupts a command at several moments, until one of them was in the middle of its work."""
    fast, delays = [], [0.12, 0.06, 0.2, 0.03, 0.3]
    for delay in delays[:TRIES]:
        prepare()
        took = interrupt(args, delay, **options)
        if took is None:
            # It came to its end first, and what it made is no leftover.
            for path in folder.iterdir():
                if path.name not in keep:
                    path.unlink()
            continue
        fast.append(took)
        assert sorted(path.name for path in folder.iterdir()) == sorted(keep), "something is left"
    print(args[0], *(word for word in args[1:] if "/" not in str(word)), [f"{took * 1e3:.0f} ms" for took in fast])
    if not fast:
        pytest.skip("this machine is faster than its signals")
    # Others use the disk and the processors too: once in so many is no habit.
    assert sorted(fast)[len(fast) // 2] < LIMIT, fast


@pytest.mark.parametrize("io", ["direct", "mmap", "pread", "auto"])
@pytest.mark.parametrize("command", [("stats",), ("reduce", "sum"), ("reduce", "max", "--axis", "0"), ("digest",)])
def test_reading_a_cold_file(folder, command, io):
    path = folder / "c.npy"

    def cold():
        run("cache", "evict", path, "--json")

    check(folder, command[0], path, *command[1:], "--io", io, prepare=cold)


@pytest.mark.parametrize("command", [("stats", "--axis", "0"), ("digest",), ("reduce", "var", "argmax", "--axis", "1")])
def test_reading_what_is_in_memory(folder, command):
    path = folder / "c.npy"
    run("cache", "touch", path, "--json")
    check(folder, command[0], path, *command[1:])


def test_gathering(folder):
    path = folder / "c.npy"
    check(folder, "digest", f"{path}[::-1, ::3]")
    check(folder, "stats", f"{path}[:, ::7]", prepare=lambda: run("cache", "evict", path, "--json"))


@pytest.mark.parametrize("options", [(), ("--to-order", "F"), ("--to-dtype", "<f2"), ("--force",)])
def test_converting(folder, options):
    # The interruption can come while it is read, written or brought to the device.
    check(folder, "convert", folder / "c.npy", folder / "new.npy", *options)


@pytest.mark.parametrize("options", [[], ["--io", "direct"], ["--io", "direct", "--memory", "8MiB", "--threads", "1"]])
def test_shuffling(folder, options):
    check(folder, "shuffle", folder / "c.npy", folder / "new.npy", "--seed", "1", *options)


def test_bringing_a_file_to_the_page_cache(folder):
    path = folder / "c.npy"
    words = ("convert", path, folder / "new.npy", "--to-order", "F", "--force")
    check(folder, *words, prepare=lambda: run("cache", "evict", path, "--json"))


def test_converting_leaves_the_old_file(folder):
    old = folder / "old.npy"
    np.save(old, np.arange(10))
    check(folder, "convert", folder / "c.npy", old, "--force", keep=("c.npy", "old.npy"))
    assert np.array_equal(np.load(old), np.arange(10))
    old.unlink()


def test_comparing(folder):
    path = folder / "c.npy"
    check(folder, "diff", path, f"{path}[:, ::-1]")


def test_creating(folder):
    check(folder, "create", folder / "new.npy", "--dtype", "<f8", "--shape", "8192,16384", "--fill", "2")


@pytest.mark.skipif(not os.path.isdir("/dev/shm") or os.statvfs("/dev/shm").f_bavail << 12 < 4 << 30, reason="little memory")
def test_creating_in_memory():
    """Where reserving the space is what takes long."""
    path = f"/dev/shm/ndfolio-cancel-{os.getpid()}.npy"
    fast = []
    for delay in [0.1, 0.2, 0.05, 0.15, 0.3]:
        took = interrupt(["create", path, "--dtype", "u1", "--shape", "3000000000", "--force"], delay)
        fast += [] if took is None else [took]
        names = [name for name in os.listdir("/dev/shm") if "ndfolio-cancel" in name]
        assert names == ([] if took else [os.path.basename(path)])
        for name in names:
            os.unlink(f"/dev/shm/{name}")
    print("create in memory", [f"{took * 1e3:.0f} ms" for took in fast])
    if not fast:
        pytest.skip("this machine is faster than its signals")
    assert sorted(fast)[len(fast) // 2] < LIMIT, fast


def test_filling(folder):
    path = folder / "filled.npy"
    run("create", path, "--dtype", "<f8", "--shape", "8192,16384", timeout=120)
    check(folder, "fill", path, "3", keep=("c.npy", "filled.npy"))
    # What was filled stays, and the file is what it was otherwise.
    values = np.unique(np.load(path, mmap_mode="r")[::512])
    assert set(values) <= {0.0, 3.0}
    path.unlink()


@pytest.mark.parametrize("word", ["touch", "evict", "lock"])
def test_moving_the_page_cache(folder, word):
    path = folder / "c.npy"
    if word == "lock" and os.geteuid() != 0:
        pytest.skip("locking so much needs root")
    state = "touch" if word == "evict" else "evict"

    def other():
        run("cache", state, path, "--json")

    check(folder, "cache", word, path, prepare=other)


def test_measuring(folder, tmp_path):
    os.environ["XDG_CACHE_HOME"] = str(tmp_path)
    check(folder, "bench", folder)
    check(folder, "bench", folder, prepare=lambda: time.sleep(0.1))
    assert list(tmp_path.iterdir()) == []


def test_printing_ends_as_the_shell_expects(folder):
    """A command that prints has no handler: whoever reads its output may be gone."""
    with subprocess.Popen([BIN, "show", "--all", folder / "c.npy"], stdout=subprocess.PIPE) as process:
        process.stdout.read(100)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        process.wait(timeout=20)
        assert time.monotonic() - start < LIMIT
        assert process.returncode in (-signal.SIGINT, 130, 0)


@pytest.mark.parametrize(
    "command",
    [
        ("append", "{grow}", "{rows}", "--wait", "60"),
        ("resize", "{grow}", "3", "--wait", "60"),
        ("compact", "{grow}", "--wait", "60"),
        ("set", "{grow}[0]", "1", "--wait", "60"),
        ("fill", "{grow}", "1", "--wait", "60"),
        ("eval", "a + 1", "a={rows}", "--into", "{grow}", "--wait", "60"),
    ],
)
def test_waiting_for_another_writer(tmp_path, command):
    grow, rows = tmp_path / "g.npy", tmp_path / "rows.npy"
    np.save(rows, np.zeros((2, 3)))
    run("append", grow, rows)
    before = grow.read_bytes()
    with open(grow, "r+b") as other:
        # Both locks: that of the bytes and that of the end.
        fcntl.fcntl(other, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, (1 << 62) + 1, 0))
        words = [word.format(grow=grow, rows=rows) for word in command]
        took = sorted(interrupt(words, 0.3) for _ in range(3))
    assert None not in took and took[1] < LIMIT, took
    assert grow.read_bytes() == before
