"""`put` against NumPy's `x[idx] = y`: dtypes, axes, modes, masks, broadcasting, duplicates, what is wrong."""

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import refused, run, same


@pytest.fixture
def put(save, tmp_path):
    """`put(array, indices, values, ...)` gives the file as NumPy reads it afterwards."""
    def put(array, indices, values, *options, place=""):
        path = save(array)
        run("put", f"{path}{place}", save(values, "values.npy"), "--rows", save(indices, "rows.npy"), *options)
        return np.load(path)
    return put


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(put, dtype):
    array, values, indices = filled(DTYPES[dtype], (9, 4)), filled(DTYPES[dtype], (5, 4), 1), np.array([3, 0, 8, 3, -1])
    wanted = array.copy()
    wanted[indices] = values
    same(put(array, indices, values), wanted)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("memory", [[], ["--memory", "64KiB"]])
def test_axes_modes_and_views(put, layout, mode, memory):
    array, random = filled(">i4", (30, 6, 4)).copy(layout), np.random.default_rng(1)
    for place in ["", "[::-2]", "[:, 1:5]"]:
        for axis in range(-1, 3):
            wanted = array.copy()
            part = eval("wanted" + place)
            size = part.shape[axis]
            indices = random.integers(*((-size, size) if mode == "raise" else (-50, 50)), 11)
            meant = {"raise": indices % size, "wrap": indices % size, "clip": np.clip(indices, 0, size - 1)}[mode]
            moved = np.moveaxis(part, axis, 0)
            values = filled("<i4", (11, *moved.shape[1:]), 2)
            for i, row in zip(meant, values):
                moved[i] = row
            given = np.ascontiguousarray(np.moveaxis(values, 0, axis))
            same(put(array, indices, given, "--axis", axis, "--mode", mode, *memory, place=place), wanted)


def test_masks_and_broadcasting(put):
    array = filled("<f8", (20, 3))
    mask = np.arange(20) % 3 == 1
    for values in [np.float64(7), np.arange(3.0), np.arange(7.0).reshape(7, 1), np.ones((7, 3)), np.ones((1, 7, 3))]:
        wanted = array.copy()
        wanted[mask] = values
        same(put(array, mask, values), wanted)
    wanted = array.copy()
    wanted.ravel()[[5, 0, 5]] = [1, 2, 3]
    same(put(array, np.array([5, 0, 5]), np.array([1.0, 2, 3]), "--flat"), wanted)


def test_casts(put):
    array, indices = filled("<f4", (9, 4)), np.array([2, 1])
    wanted = array.copy()
    wanted[indices] = np.arange(8, dtype=">i2").reshape(2, 4)
    same(put(array, indices, np.arange(8, dtype=">i2").reshape(2, 4)), wanted)


def test_what_is_wrong(save, tmp_path):
    path = save(filled("<i4", (10, 4)))
    def wrong(indices, values, *words, options=(), name="a.npy"):
        rows, given = save(indices, "rows.npy"), save(values, "values.npy")
        refused("put", path, given, "--rows", rows, *options, path=tmp_path / name, words=words)
    wrong(np.array([3, 10]), np.zeros(4, "i4"), "index 10 is out of bounds for axis 0 with size 10")
    wrong(np.array([3, 1]), np.zeros(4, "f8"), "Cannot cast")
    wrong(np.array([3, 1]), np.zeros(3, "i4"), "(3,)")
    wrong(np.array([1.5]), np.zeros(4, "i4"), "integer", name="rows.npy")
    wrong(np.arange(10), np.zeros((10, 4), "i8"), "960 bytes", options=["--memory", "600", "--casting", "unsafe"],
          name="values.npy")


def test_of_its_own(save):
    array = filled("<i4", (100, 4))
    path = save(array)
    run("put", path, f"{path}[:50]", "--rows", save(np.arange(50, 100)[::-1].copy(), "rows.npy"))
    wanted = array.copy()
    wanted[50:][::-1] = array[:50]
    same(np.load(path), wanted)
