"""`stats` against NumPy in the widest type that it has."""

import math

import numpy as np
import pytest
from arrays import filled
from conftest import refused, run

NUMBERS = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", ">f4",
           "<f8", ">f8",
           "<c8", ">c16"]
KEYS = ["count", "nan_count", "zeros", "min", "max", "mean", "std", "sum"]


def stats(*args):
    found = run("stats", "--json", *args).json
    assert set(KEYS) <= set(found), found
    return found


def number(value):
    """A JSON value as a number: infinities and NaN are text, complex numbers too."""
    if isinstance(value, list):
        return np.array([number(item) for item in value])
    if isinstance(value, str):
        return complex(value) if value.endswith("j") else float(value)
    return math.nan if value is None else value


def check(found, array, axis=None):
    """NaN counted and left out; sums of integers exact; floats to within the rounding of f64."""
    array = np.asarray(array)
    kind = array.dtype.kind
    wide = array.astype({"c": "clongdouble", "f": "longdouble"}.get(kind, "O"))
    nan = np.isnan(array) if kind in "fc" else np.zeros(array.shape, bool)
    count = np.sum(~nan, axis=axis)
    shape = np.shape(count)
    for key in KEYS:
        assert np.shape(found[key]) == shape, (key, found[key])
    np.testing.assert_array_equal(found["nan_count"], nan.sum(axis=axis))
    np.testing.assert_array_equal(found["count"], np.full(shape, array.size // max(1, math.prod(shape))))
    np.testing.assert_array_equal(found["zeros"], (array == 0).sum(axis=axis))
    total = np.where(nan, wide.dtype.type(0) if kind in "fc" else 0, wide).sum(axis=axis)
    if kind in "biu":
        # Exact, whatever the width: Python's integers on both sides.
        assert np.array_equal(np.array(found["sum"], "O"), np.array(total, "O")), (found["sum"], total)
    size = np.where(nan, 0, abs(wide)).astype("longdouble").sum(axis=axis)
    close(found["sum"], total, 1e-14 * size)
    filled_in = np.where(nan, 0, wide)
    with np.errstate(invalid="ignore", divide="ignore"):
        floating = wide.dtype if kind in "fc" else "longdouble"
        mean = np.asarray(filled_in.sum(axis=axis)).astype(floating) / count
        middle = mean if axis is None else np.expand_dims(mean, axis)
        deviation = np.where(nan, 0, abs(filled_in.astype(mean.dtype) - middle))
        std = np.sqrt((deviation.astype("longdouble") ** 2).sum(axis=axis) / count)
        close(found["mean"], mean, 1e-14 * size / np.maximum(count, 1))
        close(found["std"], std, 1e-11 * std + 1e-14 * size / np.maximum(count, 1))
    if kind != "c" and array.size:
        low = np.where(nan, np.inf, array) if kind == "f" else array
        high = np.where(nan, -np.inf, array) if kind == "f" else array
        assert_extreme(found["min"], low.min(axis=axis), count)
        assert_extreme(found["max"], high.max(axis=axis), count)


def close(found, expected, tolerance):
    found, expected = np.asarray(number(found)), np.asarray(expected)
    finite = np.isfinite(expected.astype("clongdouble" if expected.dtype.kind == "c" else "longdouble"))
    wide = np.where(finite, expected, 0).astype("clongdouble")
    ok = np.where(finite, abs(np.where(finite, found, 0) - wide) <= tolerance + 1e-300, True)
    assert np.all(ok), (found, expected, tolerance)
    # Infinities and NaN must be the same ones.
    if found.dtype.kind == "f" and expected.dtype.kind == "f":
        np.testing.assert_array_equal(found[~finite], expected[~finite])


def assert_extreme(found, expected, count):
    found, expected = np.ravel(np.array(found, "O")), np.ravel(expected)
    for mine, theirs, any_value in zip(found, expected, np.ravel(count)):
        if not any_value:
            assert mine is None
        elif theirs.dtype.kind in "biu":
            assert int(mine) == int(theirs)
        else:
            # The nearest f64 is the most that a JSON number carries of a long double.
            assert theirs.dtype.type(number(mine)) == theirs or number(mine) == float(theirs), (mine, theirs)


@pytest.mark.parametrize("dtype", ["<f16", "<c32", "|S3", "<U3", "|V3"])
def test_what_has_no_arithmetic(save, dtype):
    """Long doubles are kept as they are, not computed with; text and void have no arithmetic."""
    path = save(np.zeros(3, dtype))
    refused("stats", path, path=path, words=[np.dtype(dtype).str])


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype(save, dtype, order):
    array = filled(dtype, (13, 37)).copy(order)
    check(stats(save(array)), array)


@pytest.mark.parametrize("dtype", ["|b1", "<i4", ">u2", "<f4", ">f8", "<c8"])
@pytest.mark.parametrize("axis", [(0,), (1,), (2,), (-1,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_axes(save, dtype, axis, order):
    array = filled(dtype, (5, 6, 7)).copy(order)
    if array.dtype.kind == "f":
        array[1, 2] = np.nan
    check(stats(save(array), "--axis=" + ",".join(map(str, axis))), array, axis)


@pytest.mark.parametrize("selection", ["[::3]", "[1:, ::-2]", "[:, 4]", "[..., None, 5:9]", "[3, 7]",
                                       "[::-1, ::-1]"])
@pytest.mark.parametrize("dtype", ["<f4", ">i2", "<f8"])
def test_slices(save, selection, dtype):
    array = filled(dtype, (50, 21))
    check(stats(f"{save(array)}{selection}"), eval(f"array{selection}"))


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<u2", "<c16"])
@pytest.mark.parametrize("offset", [1, 3, 6])
def test_unaligned_raw(tmp_path, dtype, offset):
    array = filled(dtype, (1001,))
    (tmp_path / "a.bin").write_bytes(b"x" * offset + array.tobytes())
    check(stats(tmp_path / "a.bin", "--dtype", dtype, "--offset", offset), array)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 127, 128, 129, 4095, 65537, 300_001])
@pytest.mark.parametrize("dtype", ["|u1", "<i4", "<f4", ">f8"])
def test_sizes_around_every_block(save, size, dtype):
    array = filled(dtype, (size,), size)
    check(stats(save(array)), array)


def test_nan(save):
    array = np.array([np.nan, 1.0, -2.0, 0.0, -0.0, np.nan])
    found = stats(save(array))
    assert (found["count"], found["nan_count"], found["zeros"]) == (6, 2, 2)
    assert (found["min"], found["max"], found["sum"], found["mean"]) == (-2, 1, -1, -0.25)


@pytest.mark.parametrize("array", [np.zeros(0), np.full(3, np.nan, "f4"), np.zeros((0, 3), "i4")], ids=str)
def test_without_a_value(save, array):
    found = stats(save(array))
    assert [found[key] for key in ("min", "max", "mean", "std", "sum")] == [None, None, None, None, 0]
    assert found["nan_count"] == np.isnan(array).sum() and found["count"] == array.size


def test_axis_without_values(save):
    found = stats(save(np.zeros((0, 3))), "--axis", "0")
    assert found["min"] == [None] * 3 and found["sum"] == [0] * 3
    assert stats(save(np.zeros((0, 3))), "--axis", "1")["min"] == []


def test_infinities_are_text(save):
    found = stats(save(np.array([1, np.inf])))
    assert [found[key] for key in ("min", "max", "sum", "mean", "std")] == [1, "inf", "inf", "inf", "nan"]
    found = stats(save(np.array([1, -np.inf, np.inf], "f4")))
    assert [found[key] for key in ("min", "max", "sum", "mean")] == ["-inf", "inf", "nan", "nan"]


def test_sums_of_integers_are_exact(save):
    large = np.full(1000, 2**64 - 1, "u8")
    assert stats(save(large))["sum"] == 1000 * (2**64 - 1)
    small = np.full(1000, -(2**63), "i8")
    assert stats(save(small))["sum"] == -1000 * 2**63
    odd = np.full(100_003, 2**53 + 1, "i8")
    assert stats(save(odd))["sum"] == 100_003 * (2**53 + 1)


def test_no_cancellation(save):
    """A small spread on a large value: the squares alone would leave nothing of it."""
    array = 1e8 + np.random.default_rng(0).normal(0, 1, 100_000)
    found = stats(save(array))
    exact = array.astype("longdouble")
    assert abs(found["std"] - float(exact.std())) < 1e-7
    assert abs(found["mean"] - float(exact.mean())) < 1e-7


def test_better_than_numpy_where_it_adds_naively(save):
    array = np.full((1 << 18, 4), 0.1, "f4")
    expected = float(np.float32(0.1)) * (1 << 18)
    assert np.allclose(stats(save(array), "--axis", "0")["sum"], expected, rtol=1e-12)


def test_half_precision_does_not_overflow(save):
    array = np.full(100_000, 100, "f2")
    found = stats(save(array))
    assert (found["sum"], found["mean"], found["std"]) == (1e7, 100, 0)


def test_numbers_are_the_shortest_that_read_back(save):
    text = run("stats", "--json", save(np.array([0.1, 0.1]))).out
    assert "0.1" in text and "0.10000000000000001" not in text
    text = run("stats", "--json", save(np.array([0.1, 0.1], "f4"))).out
    assert '"min": 0.1,' in text or '"min":0.1,' in text


def test_times(save):
    array = np.array(["2020-01-31", "NaT", "1969-12-31", "2000-02-29"], "M8[D]")
    found = stats(save(array))
    assert (found["min"], found["max"]) == ("1969-12-31", "2020-01-31")
    assert (found["count"], found["nan_count"]) == (4, 1)
    found = stats(save(array.astype(">M8[ns]")))
    assert found["min"] == "1969-12-31T00:00:00.000000000"


def test_same_bits_in_every_container(save, tmp_path):
    """C order, byte order and container change nothing of the result; nor does a second run."""
    array = filled("<f4", (300, 501))
    (tmp_path / "r.bin").write_bytes(b"abc" + array.tobytes())
    texts = [run("stats", "--json", *args).json for args in [
        (save(array, "a.npy"),), (save(array, "a.npy"),), (save(array.astype(">f4"), "b.npy"),),
        (tmp_path / "r.bin", "--dtype", "<f4", "--shape", "300,501", "--offset", "3")]]
    assert all([t[key] for key in KEYS] == [texts[0][key] for key in KEYS] for t in texts)


def test_text_output_and_refusals(save):
    path = save(np.arange(5.0))
    out = run("stats", path).out
    for word in ["count", "min", "max", "mean", "std", "sum"]:
        assert word in out
    run("stats", path, "--axis", "1", check=(1, 2))
    run("stats", save(np.zeros(2, [("a", "f4")]), "s.npy"), check=(1, 2))
    assert stats(f"{save(np.ones(2, [('a', 'f4')]), 's.npy')}['a']")["sum"] == 2
