"""`append`, `resize`, `compact`: what NumPy finds afterwards, meanwhile, and after a crash."""

import fcntl
import os
import random
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import BIN, refused, run, same
from lossy_disk import lossy_disk

# How many appenders are killed.
KILLS = int(os.environ.get("NDFOLIO_KILLS", "20"))
# As the library locks: the byte behind all that a file can have.
APPEND_BYTE = 1 << 62
F_OFD_SETLK = 37
linux = pytest.mark.skipif(sys.platform != "linux", reason="locks of open files are Linux's")


def numbered(first, count, columns=16):
    """Rows that can be told from each other and from zeros."""
    return np.arange(1 + first * columns, 1 + (first + count) * columns, dtype="i8").reshape(count, columns)


def expect_numbered(path):
    """How many rows a file has; all of them must be as they were written."""
    array = np.load(path)
    np.testing.assert_array_equal(array, numbered(0, len(array)))
    return len(array)


def hold_lock(path, start=APPEND_BYTE, length=1):
    """An open file that holds a lock of the library's kind."""
    file = open(path, "r+b")
    fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0))
    return file


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_every_dtype(save, tmp_path, name, order):
    a, b = (np.asarray(filled(DTYPES[name], (n, 3), n), order=order) for n in (4, 2))
    first, second = save(a, "a.npy"), save(b, "b.npy")
    if order == "F":
        # Rows lie along the last axis then.
        first, second = save(np.asfortranarray(a.T), "a.npy"), save(np.asfortranarray(b.T), "b.npy")
    for target in [first, tmp_path / "new.npy"]:
        before = a if target == first else a[:0]
        for rows in (second, second):
            run("append", target, rows)
        # np.concatenate would change the byte order and pack the fields.
        expected = np.zeros((len(before) + 4, 3), a.dtype)
        expected[:len(before)], expected[len(before):-2], expected[-2:] = before, b, b
        found = np.load(target)
        same(found if order == "C" else found.T, expected)
        assert found.flags.c_contiguous == (order == "C") and found.flags.f_contiguous == (order == "F")


def test_several_and_selections_are_counted_as_one(save, tmp_path):
    rows, path = save(numbered(0, 10), "rows.npy"), tmp_path / "a.npy"
    run("append", path, f"{rows}[:4]", f"{rows}[4:]")
    assert expect_numbered(path) == 10
    # The last one is wrong: none is there.
    refused("append", path, f"{rows}[:4]", f"{rows}[:, :3]", path=path, words=["(n, 16)", "(10, 3)"])
    assert expect_numbered(path) == 10
    run("append", path, save(numbered(10, 1)[0], "row.npy"))
    assert expect_numbered(path) == 11


def test_rows_are_cast_by_the_rule_same_kind(save):
    path = save(np.zeros((2, 3), ">f4"))
    run("append", path, save(np.arange(6.0).reshape(2, 3), "b.npy"))
    assert np.load(path).tolist() == [[0] * 3, [0] * 3, [0, 1, 2], [3, 4, 5]]
    whole = save(np.zeros((2, 3), "i4"), "c.npy")
    refused("append", whole, save(np.arange(6.0).reshape(2, 3), "b.npy"), path=whole,
            words=["same_kind", "--casting unsafe"])
    run("append", whole, save(np.arange(6.0).reshape(2, 3), "b.npy"), "--casting", "unsafe")
    assert np.load(whole).tolist() == [[0] * 3, [0] * 3, [0, 1, 2], [3, 4, 5]]


def test_what_cannot_be_appended_to(save, tmp_path):
    rows = save(np.arange(3.0), "rows.npy")
    raw = tmp_path / "a.bin"
    raw.write_bytes(bytes(24))
    refused("append", raw, rows, path=raw)
    single = save(np.float64(1), "single.npy")
    refused("append", single, rows, path=single, words=["no axes"])
    refused("append", tmp_path / "no.npy", tmp_path / "missing.npy", path=tmp_path / "missing.npy")
    assert not (tmp_path / "no.npy").exists()
    archive = tmp_path / "a.npz"
    np.savez(archive, x=np.arange(3.0))
    refused("append", archive, rows, path=archive)


def test_growable_files_are_appended_to_in_place(save, tmp_path):
    path, rows = tmp_path / "a.npy", save(numbered(0, 3), "rows.npy")
    run("create", path, "--dtype", "i8", "--shape", "0,16", "--growable")
    assert np.load(path).shape == (0, 16)
    number = path.stat().st_ino
    run("append", path, rows)
    assert path.stat().st_ino == number and expect_numbered(path) == 3
    # NumPy's own file is copied once.
    plain = save(numbered(0, 3), "plain.npy")
    number = plain.stat().st_ino
    run("append", plain, save(numbered(3, 3), "more.npy"))
    assert plain.stat().st_ino != number and expect_numbered(plain) == 6
    number = plain.stat().st_ino
    run("append", plain, save(numbered(6, 3), "more.npy"))
    assert plain.stat().st_ino == number and expect_numbered(plain) == 9
    refused("create", tmp_path / "b.bin", "--dtype", "i8", "--shape", "0,16", "--growable",
            path=tmp_path / "b.bin", words=["raw"])


def test_resize_and_compact(save):
    path = save(numbered(0, 100))
    run("resize", path, 10)
    size = path.stat().st_size
    assert expect_numbered(path) == 10 and size > 100 * 16 * 8
    mapped = np.load(path, mmap_mode="r")
    run("resize", path, 12)
    assert path.stat().st_size == size
    found = np.load(path)
    assert found.shape == (12, 16) and not found[10:].any()
    np.testing.assert_array_equal(mapped, numbered(0, 10))
    run("compact", path)
    assert path.stat().st_size < 128 + 12 * 16 * 8 + 64
    np.testing.assert_array_equal(np.load(path), found)


@linux
def test_a_second_writer_is_refused_or_waits(save, tmp_path):
    path, rows = tmp_path / "a.npy", save(numbered(0, 3), "rows.npy")
    run("append", path, rows)
    with hold_lock(path):
        started = time.monotonic()
        refused("append", path, rows, path=path, words=["somebody else appends", "--wait"])
        refused("append", path, rows, "--wait", "0.3", path=path, words=["still does after 0.3 s"])
        assert time.monotonic() - started < 20
        waiting = subprocess.Popen([BIN, "append", path, save(numbered(3, 3), "more.npy"), "--wait", "60"])
        time.sleep(0.2)
        assert waiting.poll() is None
    assert waiting.wait(60) == 0
    assert expect_numbered(path) == 6
    with hold_lock(path, 0, APPEND_BYTE):
        # Somebody who writes to the rows that are there is not in the way.
        run("append", path, save(numbered(6, 1), "more.npy"))
        for command in [("set", f"{path}[0]", "1"), ("fill", path, "1"), ("compact", path), ("resize", path, "3")]:
            refused(*command, path=path, words=["open for writing"])
        run("resize", path, "8", "--lock", "off")
        run("show", path)


@linux
def test_two_that_append_lose_nothing(save, tmp_path):
    path = tmp_path / "a.npy"
    files = [save(np.full((50, 16), number, "i8"), f"{number}.npy") for number in (1, 2)]
    command = "for i in 1 2 3 4 5 6 7 8 9 10; do \"$0\" append \"$1\" \"$2\" --wait 60 || exit 1; done"
    both = [subprocess.Popen(["sh", "-c", command, BIN, path, file]) for file in files]
    assert [one.wait(120) for one in both] == [0, 0]
    array = np.load(path)
    assert array.shape == (1000, 16) and [int((array == n).sum()) for n in (1, 2)] == [8000, 8000]
    # Batches do not mix.
    assert (array.reshape(20, 50 * 16).min(axis=1) == array.reshape(20, 50 * 16).max(axis=1)).all()


def test_readers_see_whole_rows_only(save, tmp_path):
    path, rows = tmp_path / "a.npy", tmp_path / "rows.npy"
    np.save(rows, np.full((200, 16), 7, "i8"))
    run("append", path, rows)
    command = "for i in $(seq 25); do \"$0\" append \"$1\" \"$2\" || exit 1; done"
    writer = subprocess.Popen(["sh", "-c", command, BIN, path, rows])
    seen = set()
    while writer.poll() is None:
        array = np.load(path)
        assert array.shape[0] % 200 == 0 and (array == 7).all()
        seen.add(len(array))
    assert writer.returncode == 0 and len(np.load(path)) == 26 * 200
    assert len(seen) > 2, seen


def test_acknowledged_rows_survive_kill_9(save, tmp_path):
    """Appenders are killed at any moment; what was acknowledged is there, and the next one goes on behind it."""
    path, dice = tmp_path / "a.npy", random.Random(1)
    acknowledged = kills = rounds = 0
    run("append", path, save(numbered(0, 1), "rows.npy"))
    acknowledged = 1
    while kills < KILLS:
        rounds += 1
        assert rounds < 50 * KILLS, "no appender is slow enough to be killed"
        batch = dice.choice([1, 100, 20_000])
        rows = save(numbered(acknowledged, batch), "rows.npy")
        appender = subprocess.Popen([BIN, "append", path, rows], stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0, 0.05))
        appender.kill()
        killed = appender.wait(60) == -signal.SIGKILL
        kills += killed
        found = expect_numbered(path)
        expected = {acknowledged, acknowledged + batch} if killed else {acknowledged + batch}
        assert found in expected, (found, acknowledged, batch)
        acknowledged = found
        if acknowledged > 200_000:
            run("resize", path, "1")
            run("compact", path)
            acknowledged = 1
    run("append", path, save(numbered(acknowledged, 5), "rows.npy"))
    assert expect_numbered(path) == acknowledged + 5


def test_killed_while_the_first_append_copies_the_file(save, tmp_path):
    path, dice = save(numbered(0, 60_000)), random.Random(2)
    plain, more = path.read_bytes(), save(numbered(60_000, 10), "more.npy")
    for _ in range(max(KILLS // 4, 3)):
        path.write_bytes(plain)
        appender = subprocess.Popen([BIN, "append", path, more], stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0, 0.05))
        appender.kill()
        appender.wait(60)
        assert expect_numbered(path) in (60_000, 60_010)
    run("append", path, more)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


@linux
def test_a_power_loss_takes_nothing_that_was_acknowledged(tmp_path):
    rows, dice = tmp_path / "rows.npy", random.Random(3)
    try:
        with lossy_disk(tmp_path) as disk:
            path, acknowledged = disk.root / "a.npy", 0
            for _ in range(5):
                for _ in range(dice.randrange(1, 4)):
                    batch = dice.choice([1, 50, 3000])
                    np.save(rows, numbered(acknowledged, batch))
                    run("append", path, rows)
                    acknowledged += batch
                # One more is under way, or not yet on stable storage, when the power goes.
                np.save(rows, numbered(acknowledged, 2000))
                durability = dice.choice(["data", "commit"])
                last = subprocess.Popen([BIN, "append", path, rows, "--durability", durability],
                                        stderr=subprocess.DEVNULL)
                time.sleep(dice.uniform(0, 0.03))
                disk.cut_power()
                done = last.wait(60) == 0
                disk.restart()
                found = expect_numbered(path)
                assert found in (acknowledged, acknowledged + 2000), (found, acknowledged, durability)
                assert found > acknowledged or not (done and durability == "commit")
                run("resize", path, acknowledged)
    except OSError as error:
        pytest.skip(f"a file system of our own cannot be mounted: {error}")
