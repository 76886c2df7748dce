"""`reduce` against NumPy: values, result dtypes, NaN, NaT, empty arrays, axes."""

import json
import subprocess
import warnings

import numpy as np
import pytest
from arrays import filled
from conftest import plain, refused, run

NUMBERS = ["|b1", "|i1", "|u1", "<i2", ">i2", "<i4", "<u4", "<i8", ">i8", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8", "<c8",
           ">c16"]
OPERATIONS = ["sum", "prod", "mean", "var", "std", "min", "max", "ptp", "argmin", "argmax", "any", "all", "count_nonzero"]


def numpy_result(name, array, axis, skip_nan=False, **options):
    function = getattr(np, ("nan" if skip_nan and name in NAN_NAMES else "") + name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.asarray(function(array, axis=axis, **options))


NAN_NAMES = {"sum", "prod", "mean", "var", "std", "min", "max", "argmin", "argmax"}


def reduce(path, *names, axis=None, options=()):
    axes = [] if axis is None else [f"--axis={','.join(map(str, np.atleast_1d(axis)))}"]
    found = run("reduce", path, *names, *axes, *options, "--json").json
    assert list(found) == list(names)
    return {name: np.array(plain(value)) for name, value in found.items()}


def tolerance(dtype):
    return {"f2": 2e-3, "f4": 2e-6, "c8": 2e-6}.get(np.dtype(dtype).str[1:], 1e-12)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_operation(save, dtype, axis, order):
    array = filled(dtype, (5, 7, 6)).copy(order)
    # ptp is not defined for truth values; a product of random numbers only tests overflow.
    names = [n for n in OPERATIONS if n != "prod" and (n != "ptp" or dtype != "|b1")]
    names = [n for n in names if not n.startswith("arg") or np.ndim(axis) == 0]
    found = reduce(save(array), *names, axis=axis)
    for name in names:
        # Exact sums are what the command promises; NumPy's of short floats are checked in double precision.
        wide = array.astype("c16" if array.dtype.kind == "c" else "f8") if array.dtype.kind in "fc" else array
        source = wide if name in ("sum", "mean", "var", "std") else array
        wanted = numpy_result(name, source, axis)
        if name == "sum" and array.dtype.kind in "fc":
            with np.errstate(all="ignore"):
                wanted = wanted.astype(array.dtype)
        np.testing.assert_allclose(found[name], wanted, rtol=tolerance(dtype), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "<c8"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_nan(save, dtype, axis):
    array = filled(dtype, (6, 8))
    array.flat[::5] = np.nan
    array[2] = np.nan
    path = save(array)
    wide = array.astype("c16" if array.dtype.kind == "c" else "f8")
    for options in [(), ("--skip-nan",)]:
        names = ["sum", "mean", "var", "min", "max", "count_nonzero", "any", "all"]
        if options and axis is None:
            names += ["argmin", "argmax"]
        found = reduce(path, *names, axis=axis, options=options)
        for name in names:
            if options and name in ("count_nonzero", "any", "all"):
                continue
            wanted = numpy_result(name, wide, axis, skip_nan=bool(options))
            np.testing.assert_allclose(found[name], wanted, rtol=tolerance(dtype), err_msg=f"{name} {options}")


@pytest.mark.parametrize("dtype", ["<M8[ns]", ">M8[D]", "<m8[s]"])
def test_times(save, dtype):
    array = np.array([5, 3, 9, 3, 8], "i8").astype(dtype)
    path = save(array)
    for name in ["min", "max", "ptp", "argmin", "argmax"]:
        wanted = numpy_result(name, array, None)
        assert run("reduce", path, name).out == f"{wanted}\n", name
    array[2] = "NaT"
    path = save(array, "nat.npy")
    assert run("reduce", path, "min").out == "NaT\n"
    assert run("reduce", path, "argmax").out == "2\n"
    assert run("reduce", path, "max", "--skip-nan").out == f"{np.nanmax(array)}\n"
    if "M" in dtype:
        refused("reduce", path, "sum", path=path)


def test_results_print_as_numpys(save):
    array = filled("<f4", (40, 50))
    path = save(array)
    with np.errstate(all="ignore"):
        expected = array.max(axis=0)
    assert run("reduce", path, "max", "--axis", "0").out == f"{expected}\n"
    assert run("reduce", path, "argmin", "--axis", "1").out == f"{array.argmin(axis=1)}\n"
    assert run("reduce", path, "count_nonzero").out == f"{np.count_nonzero(array)}\n"
    lines = run("reduce", path, "min", "max").out.splitlines()
    assert [line.split()[0] for line in lines] == ["min", "max"]


def test_keepdims_and_ddof(save):
    array = np.arange(24.0).reshape(2, 3, 4)
    path = save(array)
    found = run("reduce", path, "var", "--axis", "0,2", "--keepdims", "--ddof", "1", "--json").json["var"]
    np.testing.assert_allclose(found, array.var(axis=(0, 2), keepdims=True, ddof=1))


def test_wrapping(save):
    array = np.full(3, 2**62, "<i8")
    with np.errstate(all="ignore"):
        assert run("reduce", save(array), "sum").out == f"{array.sum()}\n"
    array = np.full(70, 3, "|u1")
    assert run("reduce", save(array, "u.npy"), "prod").out == f"{array.prod()}\n"


def test_short_floats_are_summed_better_than_numpy_does(save):
    """gh-9393: NumPy is off by percents along axis 0."""
    array = np.full((1 << 20, 4), 0.1, "<f4")
    found = reduce(save(array), "sum", "mean", axis=0)
    np.testing.assert_allclose(found["sum"], 0.1 * (1 << 20), rtol=1e-6)
    np.testing.assert_allclose(found["mean"], np.float32(0.1), rtol=1e-7)


def test_empty(save):
    path = save(np.zeros((0, 3), "<f4"))
    assert run("reduce", path, "sum").out == "0.0\n"
    assert run("reduce", path, "mean", "--json").json["mean"] == "nan"
    assert run("reduce", path, "sum", "--axis", "0", "--json").json["sum"] == [0, 0, 0]
    assert run("reduce", path, "max", "--axis", "1", "--json").json["max"] == []
    refused("reduce", path, "max", path=path, words=["zero-size array to reduction operation maximum which has no identity"])
    refused("reduce", path, "argmin", path=path, words=["attempt to get argmin of an empty sequence"])


def test_wrong_use(save):
    path = save(np.arange(6.0).reshape(2, 3))
    refused("reduce", path, "sum", "--axis", "2", path=path, words=["axis 2 is out of bounds for array of dimension 2"])
    refused("reduce", path, "sum", "--axis", "0,0", path=path)
    text = save(np.array([b"a"]), "s.npy")
    refused("reduce", text, "sum", path=text, words=["|S1"])
    assert run("reduce", path, "median", check=2).raw == b""


@pytest.mark.parametrize("io", ["mmap", "pread", "direct", "auto"])
@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits_however_it_is_run(save, io, threads):
    array = filled("<f4", (300, 40, 50))
    path = save(array)
    operations = ["sum", "mean", "var", "min", "argmax"]
    for axis in [None, 0, 1, 2]:
        axes = [] if axis is None else ["--axis", axis]
        plain = run("reduce", path, *operations, *axes, "--json").out
        forced = run("reduce", path, *operations, *axes, "--json", "--io", io, "--threads", threads, "--memory", "4MiB").out
        assert forced == plain


def test_profile_and_environment(save):
    path = save(np.ones((1000, 1000)))
    told = run("reduce", path, "sum", "--profile", "--threads", "1", stderr=subprocess.STDOUT).out
    assert told.startswith("1000000.0\n") and "read by" in told and "GB/s" in told
    environment = {"NDFOLIO_IO": "pread", "NDFOLIO_THREADS": "1"}
    told = run("reduce", path, "sum", "--profile", env=environment, stderr=subprocess.STDOUT).out
    assert "it was asked for" in told
    assert json.loads(run("reduce", path, "sum", "--json", env={"NDFOLIO_MEMORY": "1MiB"}).out) == {"sum": 1e6}
