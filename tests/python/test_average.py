"""`reduce FILE average --weights W` against NumPy's `average`."""

import warnings

import numpy as np
import pytest
from arrays import filled
from conftest import plain, refused, run

ITEMS = ["|b1", "|u1", ">i4", "<i8", "<f2", "<f4", ">f4", "<f8", ">c8", "<c16"]
WEIGHTS = ["|b1", "|i1", "<u2", ">i8", "<f2", ">f4", "<f8", "<c8"]


def average(path, weights, *options, axis=None):
    axes = [] if axis is None else [f"--axis={','.join(map(str, np.atleast_1d(axis)))}"]
    found = run("reduce", path, "average", "--weights", weights, *axes, *options, "--json").json
    return np.array(plain(found["average"]))


def numpys(array, weights, axis=None, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.average(array, axis=axis, weights=weights, **options)


def positive(dtype, shape, seed=1):
    """Weights that do not cancel."""
    dtype = np.dtype(dtype)
    values = np.random.default_rng(seed).integers(1, 100, shape)
    if dtype.kind == "b":
        # One true item in every row along every axis.
        values = sum(np.indices(shape)) % 5 == 0
    return values.astype(dtype)


def moderate(dtype, shape):
    """Items whose products NumPy can add in their own dtype without an overflow."""
    array = filled(dtype, shape)
    return (array / 16).astype(dtype) if array.dtype.kind in "fc" else (array // 3 if array.dtype.kind != "b" else array)


def check(found, array, weights, axis=None, **options):
    wanted = numpys(array, weights, axis, **options)
    assert found.shape == wanted.shape
    exact = numpys(array.astype("c16" if array.dtype.kind == "c" else "f8"), weights, axis, **options)
    digits = {"f2": 2e-3, "f4": 1e-6, "c8": 1e-6}.get(np.asarray(wanted).dtype.str[1:], 1e-12)
    size = numpys(abs(array.astype("c16")), abs(weights.astype("c16")), axis, **options).real.max()
    np.testing.assert_allclose(found, exact, rtol=digits, atol=digits * size)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("dtype", ITEMS)
def test_every_dtype(save, dtype, weights):
    array, weights = moderate(dtype, (5, 7, 6)), positive(weights, (5, 7, 6))
    path, other = save(array), save(weights, "w.npy")
    for axis in [None, 0, 2, (0, 2)]:
        check(average(path, other, axis=axis), array, weights, axis)
    # Printed as NumPy prints the result's dtype.
    few, ones = np.array([1, 0, 1]).astype(dtype), np.ones(3, weights.dtype)
    found = run("reduce", save(few), "average", "--weights", save(ones, "w.npy")).out
    assert found == str(np.average(few, weights=ones)) + "\n"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weights_order", ["C", "F"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1), (1, 2), (2, 0), (0, 1, 2)])
def test_layouts(save, order, weights_order, axis):
    array = filled("<f8", (11, 17, 13)).copy(order)
    weights = positive(">f4", (11, 17, 13)).copy(weights_order)
    path, other = save(array), save(weights, "w.npy")
    check(average(path, other, axis=axis), array, weights, axis)
    check(average(path, other, "--keepdims", axis=axis), array, weights, axis, keepdims=True)
    if axis is not None:
        shape = tuple(array.shape[a] for a in np.atleast_1d(axis))
        along = positive("<f8", shape).copy(weights_order)
        other = save(along, "along.npy")
        theirs = int(axis) if np.ndim(axis) == 0 else axis
        check(average(path, other, axis=axis), array, along, theirs)
        # Weights backwards.
        turned = "[" + ", ".join(["::-1"] * len(shape)) + "]"
        check(average(path, f"{other}{turned}", axis=axis), array, eval(f"along{turned}"), theirs)


@pytest.mark.parametrize("selection", ["[::3]", "[1:, ::-2]", "[..., 5:9]", "[::-1, ::-1]"])
def test_slices(save, selection):
    array, weights = filled(">f4", (50, 21)), positive("<f8", (50, 21))
    path, other = save(array), save(weights, "w.npy")
    for axis in [None, 0, 1]:
        found = average(f"{path}{selection}", f"{other}{selection}", axis=axis)
        check(found, eval(f"array{selection}"), eval(f"weights{selection}"), axis)


def test_nan_propagates_and_nothing_averages(save):
    path, ones = save(np.array([[1.0, np.nan], [3, 4]])), save(np.ones(2), "w.npy")
    np.testing.assert_array_equal(average(path, ones, axis=0), [2, np.nan])
    refused("reduce", path, "average", "--weights", ones, "--axis=0", "--skip-nan", path=path, words=["NaN"])
    empty = save(np.zeros((0, 3)), "e.npy")
    assert average(empty, empty, axis=1).shape == (0,)
    refused("reduce", empty, "average", "--weights", empty, path=empty, words=["Weights sum to zero, can't be normalized"])


def test_one_of_many_operations(save):
    array = np.arange(12.0).reshape(3, 4)
    path, weights = save(array), save(np.array([1, 0, 2]), "w.npy")
    lines = run("reduce", path, "max", "average", "min", "--weights", weights, "--axis", "0").out.splitlines()
    assert [line.split()[0] for line in lines] == ["max", "average", "min"]
    assert lines[1].split(None, 1)[1] == str(np.average(array, axis=0, weights=[1, 0, 2]))
    assert run("reduce", path, "average").out == f"{np.average(array)}\n"
    refused("reduce", path, "sum", "--weights", weights, path=path, words=["average"])


def test_wrong_weights(save):
    path = save(np.ones((2, 3), "f4"))
    weights = save(np.array([1.0, -1.0]), "w.npy")
    words = "Weights sum to zero, can't be normalized"
    refused("reduce", path, "average", "--weights", weights, "--axis=0", path=path, words=[words])
    words = "Axis must be specified when shapes of a and weights differ"
    refused("reduce", path, "average", "--weights", weights, path=path, words=[words])
    words = "Shape of weights must be consistent with shape of a along specified axis"
    refused("reduce", path, "average", "--weights", weights, "--axis=1", path=path, words=[words])
    words = "axis 5 is out of bounds for array of dimension 2"
    refused("reduce", path, "average", "--weights", weights, "--axis=5", path=path, words=[words])
    text = save(np.array([b"a", b"b"]), "s.npy")
    refused("reduce", path, "average", "--weights", text, "--axis=0", path=path, words=["average is not defined for dtype('|S2')"[:31]])
    times = save(np.zeros(3, "m8[s]"), "t.npy")
    refused("reduce", times, "average", "--weights", times, path=times, words=["average is not defined"])
    gone = path.parent / "gone.npy"
    refused("reduce", path, "average", "--weights", gone, path=gone)


@pytest.mark.parametrize("axis", [None, 0, 2, (0, 1), (1, 2)])
@pytest.mark.parametrize("along", [False, True])
def test_same_bits_however_it_is_run(save, axis, along):
    array = np.random.default_rng(3).normal(5, 1, (300, 60, 50)).astype("<f4")
    shape = tuple(array.shape[a] for a in np.atleast_1d(axis)) if along and axis is not None else array.shape
    weights = np.random.default_rng(4).random(shape)
    path, other = save(array), save(weights, "w.npy")
    first = average(path, other, axis=axis)
    check(first, array, weights, axis)
    for io, threads, memory in [("mmap", 1, "64KiB"), ("pread", 3, "64KiB"), ("direct", 2, "2MiB"), ("auto", 2, "64MiB")]:
        again = average(path, other, "--io", io, "--threads", threads, "--memory", memory, axis=axis)
        np.testing.assert_array_equal(again, first)
