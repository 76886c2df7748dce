"""`shuffle` against NumPy: the documented order, dtypes, layouts, ways, memory, what is wrong."""

import os
import re
import subprocess

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import BIN, refused, run, same

FULL = (1 << 64) - 1
# Through buckets, whatever the page cache holds.
BUCKETS = ["--io", "direct"]


def mixed(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & FULL
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & FULL
    return z ^ (z >> 31)


def order(rows, seed):
    """The order of a seed, as documented: a shuffle by SplitMix64, or a Feistel network for more than 65,536 rows."""
    state = seed
    def draw():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & FULL
        return mixed(state)
    def below(bound):
        while True:
            product = draw() * bound
            if product & FULL >= (1 << 64) % bound:
                return product >> 64
    if rows <= 1 << 16:
        numbers = list(range(rows))
        for at in range(rows - 1, 0, -1):
            other = below(at + 1)
            numbers[at], numbers[other] = numbers[other], numbers[at]
        return np.array(numbers, "i8")
    base = int(rows ** 0.5)
    base += base * base < rows
    keys = [draw() for _ in range(8)]
    def number(place):
        while True:
            high, low = divmod(place, base)
            for key in keys:
                high, low = low, (high + (mixed(low ^ key) * base >> 64)) % base
            place = high * base + low
            if place < rows:
                return place
    return np.array([number(place) for place in range(rows)], "i8")


@pytest.fixture
def shuffle(tmp_path):
    """`shuffle(place, seed, ...)` gives the new file as NumPy reads it."""
    def shuffle(place, seed, *options):
        out = tmp_path / "out.npy"
        run("shuffle", place, out, "--seed", seed, "--force", *options)
        return np.load(out)
    return shuffle


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(save, shuffle, dtype):
    array = filled(DTYPES[dtype], (300, 4))
    path = save(array)
    same(shuffle(path, 5), array[order(300, 5)])
    same(shuffle(path, 5, *BUCKETS, "--memory", "64KiB"), array[order(300, 5)])


@pytest.mark.parametrize("way", ["auto", "mmap", "pread", "direct"])
@pytest.mark.parametrize("place", ["", "[::-1]", "[5:40:3, ::-2]", "[..., 1]", "['b']"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_views_and_ways(save, shuffle, way, place, layout):
    array = filled([("a", "<i2"), ("b", ">f8")] if place == "['b']" else ">i4", (500, 6, 4)).copy(layout)
    part = eval("array" + place)
    for memory in ["16KiB", "100KiB", "1MiB"]:
        found = shuffle(f"{save(array)}{place}", 11, "--io", way, "--memory", memory)
        same(found, np.ascontiguousarray(part[order(len(part), 11)]))
        assert found.flags.c_contiguous


def test_many_rows_of_a_word(save, shuffle):
    tokens = np.arange(200_000, dtype="<u2")
    wanted = tokens[order(200_000, 2**64 - 1)]
    for options in [[], BUCKETS, [*BUCKETS, "--memory", "256KiB"], [*BUCKETS, "--threads", "1"]]:
        same(shuffle(save(tokens), 2**64 - 1, *options), wanted)


def test_past_the_page_cache(save, tmp_path):
    """A file so long that both passes go past the page cache."""
    rows = 300 << 10
    path, out = save(np.arange(rows << 8, dtype="<u4").reshape(rows, 256)), tmp_path / "out.npy"
    call = ["shuffle", path, out, "--seed", "3", *BUCKETS, "--memory", "24MiB", "--profile"]
    told = subprocess.run([BIN, *map(str, call)], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    assert re.search(r"passes +2 +2", told.stderr), told.stderr
    assert re.search(r"written +600.0 MiB +600.0 MiB", told.stderr), told.stderr
    found = re.search(r"private memory .* ([0-9.]+) MiB at most", told.stderr)
    assert found and float(found[1]) < 32, told.stderr
    made = np.load(out, mmap_mode="r")
    firsts = np.array(made[:, 0])
    assert np.array_equal(np.sort(firsts), np.arange(rows, dtype="u4") << 8)
    assert np.array_equal(made[:, 255], firsts + 255) and np.array_equal(made[:, 100], firsts + 100)
    # The same order as in one pass.
    run("shuffle", path, out, "--seed", "3", "--force", timeout=120)
    assert np.array_equal(np.load(out, mmap_mode="r")[:, 0], firsts)


def test_rows_of_several_files_stay_together(save, shuffle):
    features, labels = filled("<f4", (1000, 7)), np.arange(1000)
    found = shuffle(save(features), 9), shuffle(save(labels), 9)
    same(found[0], features[found[1]])
    assert not np.array_equal(shuffle(save(labels), 10), found[1])


def test_few_rows(save, shuffle):
    for shape in [(0,), (0, 3), (5, 0), (1,), (1, 4), (2,)]:
        array = filled("<f4", shape)
        same(shuffle(save(array), 1), array[order(shape[0], 1)])


def test_onto_itself(save, shuffle):
    array = filled("<i4", (5000, 3))
    for options in [[], [*BUCKETS, "--memory", "32KiB"]]:
        path = save(array)
        run("shuffle", path, path, "--seed", "4", "--force", *options)
        same(np.load(path), array[order(5000, 4)])


def test_what_is_wrong(save, tmp_path):
    path = save(np.arange(10))
    refused("shuffle", path, path, "--seed", "1", path=path)
    refused("shuffle", path, tmp_path / "none" / "out.npy", "--seed", "1", path=tmp_path / "none")
    item = save(np.array(7), "item.npy")
    refused("shuffle", item, tmp_path / "out.npy", "--seed", "1", path=item, words=["no rows"])
    refused("shuffle", tmp_path / "none.npy", tmp_path / "out.npy", "--seed", "1", path=tmp_path / "none.npy")
    told = run("shuffle", path, tmp_path / "out.npy", check=2)
    assert "--seed" in told.err


def test_explain_says_what_happens(save, tmp_path):
    path = save(np.zeros((40_000, 256), "u1"))
    with open(path, "rb") as file:
        os.fsync(file)
    call = ["shuffle", path, tmp_path / "out.npy", "--seed", "1", *BUCKETS, "--memory", "1MiB"]
    plan = run("explain", "--json", "--", *call).json
    assert not (tmp_path / "out.npy").exists()
    assert (plan["passes"], plan["bytes"], plan["bytes_written"]) == (2, 2 * 10_240_000, 2 * 10_240_000)
    assert len(plan["files"]) == 2 and len(plan["stages"]) == 2 and "buckets" in plan["stages"][0]
    assert plan["buffer_bytes"] <= 1 << 20
    hot = run("explain", "--json", "--", "shuffle", path, tmp_path / "out.npy", "--seed", "1").json
    assert hot["passes"] == 1 and "page cache" in hot["files"][0]["reason"]
    long = save(np.zeros((64, 1 << 20), "u1"), "long.npy")
    plan = run("explain", "--json", "--", "shuffle", long, tmp_path / "out.npy", "--seed", "1", *BUCKETS,
               "--memory", "8MiB").json
    assert plan["passes"] == 1 and "1048576 bytes" in plan["notes"][0]
