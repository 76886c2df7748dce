"""`take` and `sample` against NumPy: dtypes, layouts, modes, masks, duplicates, empty arrays, what is wrong."""

import os
import re
import subprocess

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import BIN, refused, run, same

INDEX_DTYPES = ["|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u8"]
WAYS = ["auto", "mmap", "pread", "direct"]


@pytest.fixture
def take(tmp_path):
    """`take(place, indices, ...)` gives the new file as NumPy reads it."""
    def take(place, indices, *options):
        rows, out = tmp_path / "rows.npy", tmp_path / "out.npy"
        np.save(rows, indices)
        run("take", place, "--rows", rows, "-o", out, "--force", *options)
        return np.load(out)
    return take


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(save, take, dtype):
    array = filled(DTYPES[dtype], (9, 4))
    path, indices = save(array), np.array([3, 0, 8, 3, -1])
    same(take(path, indices), array[indices])
    same(take(path, indices.reshape(5, 1) % 4, "--axis", "1"), np.take(array, indices.reshape(5, 1) % 4, axis=1))


@pytest.mark.parametrize("dtype", INDEX_DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_index_dtype(save, take, dtype, order):
    array = filled("<f4", (100, 3, 2)).copy(order)
    indices = np.random.default_rng(1).integers(0, 100, (4, 5)).astype(dtype).copy(order)
    same(take(save(array), indices), array[indices.astype("i8")])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["", "[::-1]", "[5:40:3, ::-2]", "[..., 1]", "['b']"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
def test_views_ways_and_modes(save, take, way, place, order, mode):
    array = filled([("a", "<i2"), ("b", ">f8")] if place == "['b']" else ">i4", (50, 6, 4)).copy(order)
    part = eval("array" + place)
    path = f"{save(array)}{place}"
    random = np.random.default_rng(3)
    for axis in range(-1, part.ndim):
        low, high = (-part.shape[axis], part.shape[axis]) if mode == "raise" else (-1000, 1000)
        indices = random.integers(low, high, 33)
        same(take(path, indices, "--axis", axis, "--mode", mode, "--io", way, "--memory", "16KiB"),
             np.take(part, indices, axis, mode=mode))
    low, high = (-part.size, part.size) if mode == "raise" else (-3 * part.size, 3 * part.size)
    indices = random.integers(low, high, (7, 2))
    same(take(path, indices, "--flat", "--mode", mode, "--io", way), np.take(part, indices, mode=mode))


@pytest.mark.parametrize("way", WAYS)
def test_many_rows(save, take, way):
    array = np.arange(4 << 20, dtype="<u4").reshape(-1, 64)
    path, random = save(array), np.random.default_rng(5)
    for count in [10, 3000, 100_000]:
        indices = random.integers(-len(array), len(array), count)
        for options in [[], ["--memory", "300KiB"], ["--threads", "1"]]:
            same(take(path, indices, "--io", way, *options), array[indices])
    # Neighbours, and the same ones again and again.
    indices = np.repeat(np.arange(500, 1500), 7)[::-1]
    same(take(path, indices, "--io", way), array[indices])


def test_masks(save, take, tmp_path):
    array = filled("<f8", (30, 20, 3))
    path, random = save(array), np.random.default_rng(2)
    for axis in range(3):
        mask = random.random(array.shape[axis]) < 0.4
        same(take(path, mask, "--axis", axis), np.compress(mask, array, axis))
    same(take(path, np.zeros(30, bool)), array[np.zeros(30, bool)])
    short = np.array([True, False, True])
    same(take(path, short), np.compress(short, array, 0))
    every = random.random(array.size) < 0.1
    same(take(path, every, "--flat"), np.compress(every, array))


def test_casts(save, take):
    array, indices = filled(">i2", (40, 5)), np.array([7, 7, 39])
    path = save(array)
    for dtype in ["<f4", ">i8", "<i2", "<c16"]:
        same(take(path, indices, "--to-dtype", dtype), array[indices].astype(dtype))
    same(take(path, indices, "--to-dtype", "|u1", "--casting", "unsafe", "--memory", "8KiB"),
         array[indices].astype("u1"))
    refused("take", path, "--rows", save(indices, "i.npy"), "--to-dtype", "u1", "--casting", "safe", path=path,
            words=["Cannot cast", "safe"])


def test_empty(save, take):
    for shape in [(0,), (5, 0), (0, 3), (3, 0, 2)]:
        array, none = filled("<f4", shape), np.zeros(0, "i8")
        same(take(save(array), none), np.take(array, none, 0))
    # An index of nothing is looked at too.
    path, rows = save(filled("<f4", (5, 0))), save(np.array([5]), "rows.npy")
    refused("take", path, "--rows", rows, path=path, words=["index 5", "size 5"])
    path = save(filled("<f4", (0, 3)))
    for mode in ["raise", "wrap", "clip"]:
        refused("take", path, "--rows", save(np.array([0]), "rows.npy"), "--mode", mode, path=path, words=["size 0"])


def test_what_is_wrong(save, tmp_path):
    path = save(filled("<f4", (10, 4)))
    def wrong(indices, *words, options=(), name="a.npy"):
        rows = save(indices, "rows.npy")
        refused("take", path, "--rows", rows, *options, path=tmp_path / name, words=words)
    wrong(np.array([3, 10]), "index 10 is out of bounds for axis 0 with size 10")
    wrong(np.array([-5]), "index -5 is out of bounds for axis 1 with size 4", options=["--axis", "1"])
    wrong(np.array([1.0]), "integer", "<f8", name="rows.npy")
    wrong(np.array(["a"]), "integer", name="rows.npy")
    wrong(np.array([0]), "axis 2", options=["--axis", "2"])
    wrong(np.array([2**64 - 1], "u8"), "18446744073709551615")
    wrong(np.array([True] * 11), "index 10")
    wrong(np.zeros((10, 4), bool), "mask of one axis")
    refused("take", path, "--rows", tmp_path / "none.npy", path=tmp_path / "none.npy")
    # What fails leaves no file, and an old one as it was.
    out = tmp_path / "out.npy"
    out.write_bytes(b"old")
    rows = save(np.array([10]), "rows.npy")
    run("take", path, "--rows", rows, "-o", out, "--force", check=(1, 2))
    assert out.read_bytes() == b"old"
    refused("take", path, "--rows", rows, "-o", out, path=out)


def test_printed(save, tmp_path):
    array = np.arange(12).reshape(4, 3)
    path, rows = save(array), save(np.array([2, 0]), "rows.npy")
    assert run("take", path, "--rows", rows).out == f"{array[[2, 0]]}\n"
    assert run("take", path, "--rows", rows, "--json").json == array[[2, 0]].tolist()
    # More than the memory is refused, with the way out.
    big = save(np.zeros((3000, 100)), "big.npy")
    rows = save(np.arange(3000), "rows.npy")
    refused("take", big, "--rows", rows, "--memory", "1MiB", path=big, words=["2400000 bytes", "save it to a file"])


def test_sample(save, tmp_path):
    array = np.arange(3000).reshape(1000, 3)
    path, out = save(array), tmp_path / "out.npy"
    def sample(*options):
        run("sample", path, "-o", out, "--force", *options)
        return np.load(out)
    drawn = sample("-n", "100", "--seed", "7")
    assert drawn.shape == (100, 3)
    same(drawn, array[drawn[:, 0] // 3])
    assert len(set(drawn[:, 0])) == 100
    same(sample("-n", "100", "--seed", "7", "--memory", "8KiB", "--io", "direct"), drawn)
    assert not np.array_equal(sample("-n", "100", "--seed", "8"), drawn)
    assert not np.array_equal(sample("-n", "100"), sample("-n", "100"))
    everything = sample("-n", "1000", "--seed", "1")
    assert not np.array_equal(everything, array)
    same(everything[np.argsort(everything[:, 0])], array)
    # The generator is the one that the documentation names.
    assert drawn[:, 0].tolist() == [3 * row for row in splitmix_sample(100, 1000, 7)]
    assert len(run("sample", path, "--seed", "1", "--json").json) == 10
    refused("sample", path, "-n", "1001", path=path, words=["1001", "1000"])


def splitmix_sample(count, size, seed):
    """Floyd's algorithm and a shuffle with SplitMix64, as documented."""
    full = (1 << 64) - 1
    def draw():
        nonlocal seed
        seed = (seed + 0x9E3779B97F4A7C15) & full
        z = seed
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & full
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & full
        return z ^ (z >> 31)
    def below(bound):
        while True:
            product = draw() * bound
            if product & full >= (1 << 64) % bound:
                return product >> 64
    chosen, numbers = set(), []
    for last in range(size - count, size):
        number = below(last + 1)
        number = last if number in chosen else number
        chosen.add(number)
        numbers.append(number)
    for at in range(count - 1, 0, -1):
        other = below(at + 1)
        numbers[at], numbers[other] = numbers[other], numbers[at]
    return numbers


def test_explain_says_what_happens(save, tmp_path):
    path = save(np.zeros((40_000, 256), "u1"))
    with open(path, "rb") as file:
        os.fsync(file)
    rows = save(np.random.default_rng(1).integers(0, 40_000, 2000), "rows.npy")
    call = ["take", path, "--rows", rows, "-o", tmp_path / "out.npy", "--io", "direct"]
    plan = run("explain", "--json", "--", *call).json
    assert not (tmp_path / "out.npy").exists()
    [reading] = plan["files"]
    assert (plan["passes"], plan["bytes"], plan["bytes_written"]) == (1, 512_000, 512_000)
    assert reading["engine"] == "direct" and 1 <= reading["requests"] <= 2000
    told = subprocess.run([BIN, *map(str, call), "--profile"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0 and re.search(r"read by +direct +direct", told.stderr), told.stderr
    assert re.search(f"bytes of items +500.0 KiB +500.0 KiB in {reading['requests']} pieces", told.stderr), told.stderr
    # The rows lie so close that all that is between them is read.
    assert 9 << 20 < reading["device_bytes"] < 11 << 20


def test_memory_stays_small(save, tmp_path):
    """Far more rows than the memory has room for, drawn again and again."""
    path = save(np.arange(8 << 20, dtype="<u4").reshape(-1, 256))
    rows = save(np.random.default_rng(1).integers(0, 32768, 100_000), "rows.npy")
    out = tmp_path / "out.npy"
    told = subprocess.run([BIN, "take", path, "--rows", rows, "-o", out, "--memory", "4MiB", "--profile"],
                          capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    same(np.load(out, mmap_mode="r")[::1000], np.load(path, mmap_mode="r")[np.load(rows)[::1000]])
    found = re.search(r"private memory .* ([0-9.]+) MiB at most", told.stderr)
    assert found and float(found[1]) < 16, told.stderr
