"""`describe` against NumPy: counts, exact quantiles, histograms."""

import math
import warnings

import numpy as np
import pytest
from arrays import filled
from conftest import refused, run

NUMBERS = ["|i1", "|u1", "<i2", ">u2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
QUANTILES = [0.0, 0.01, 0.25, 0.5, 0.9, 1.0]


def number(value):
    """A JSON value as a number: infinities and NaN are text."""
    if isinstance(value, list):
        return np.array([number(item) for item in value])
    return math.nan if value is None else float(value)


def describe(path, *options, axis=None):
    axes = [] if axis is None else [f"--axis={','.join(map(str, np.atleast_1d(axis)))}"]
    return run("describe", path, "--json", *axes, *options).json


def asked(quantiles=QUANTILES):
    return f"--quantiles={','.join(map(str, quantiles))}"


def quiet(function, *args, **options):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args, **options)


def rows(array, axis):
    """The items of each result, in C order."""
    axes = range(array.ndim) if axis is None else np.atleast_1d(axis) % array.ndim
    moved = np.moveaxis(array, list(axes), range(-len(list(axes)), 0))
    kept = moved.shape[:array.ndim - len(list(axes))]
    return moved.reshape((math.prod(kept), -1)), kept


def check(found, array, axis=None, bins=None, range=None, quantiles=QUANTILES):
    """Everything that is counted is NumPy's to the last bit, NaN left out."""
    all_rows, kept = rows(array, axis)
    flat = lambda value, *more: np.reshape(value, (len(all_rows), *more))
    for i, row in enumerate(all_rows):
        nan = np.isnan(row) if row.dtype.kind in "fc" else np.zeros(row.shape, bool)
        numbers = row[~nan]
        assert flat(found["count"])[i] == row.size and flat(found["nan_count"])[i] == nan.sum()
        assert flat(found["pos_inf"])[i] == np.isposinf(numbers).sum()
        assert flat(found["neg_inf"])[i] == np.isneginf(numbers).sum()
        for q in quantiles:
            mine = number(flat(found["quantiles"][str(q).removesuffix(".0")])[i])
            if numbers.size == 0:
                assert math.isnan(mine)
                continue
            # NumPy's difference of integers wraps around; a wider type has the room.
            if numbers.dtype.kind in "iu" and int(numbers.max()) - int(numbers.min()) >= 2**63:
                theirs = np.quantile(numbers.astype("longdouble"), [q])[0]
                assert abs(mine - theirs) < 1e4, (q, mine, theirs)
                continue
            theirs = quiet(np.quantile, numbers.astype("i8") if numbers.dtype.kind == "i" else numbers, [q])[0]
            assert mine == theirs or math.isnan(mine) and math.isnan(theirs), (q, mine, theirs)
        if bins is not None:
            counts, edges = quiet(np.histogram, numbers, bins, range=range)
            np.testing.assert_array_equal(flat(found["histogram"]["counts"], len(counts))[i], counts)
            np.testing.assert_array_equal(number(flat(found["histogram"]["edges"], len(edges)).tolist()[i]), edges)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("axis", [None, 0, (0, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype(save, dtype, axis, order):
    array = filled(dtype, (5, 7, 6)).copy(order)
    if array.dtype.kind == "f":
        array.flat[::11] = np.nan
    check(describe(save(array), asked(), "--bins=7", axis=axis), array, axis, bins=7)
    check(describe(save(array), asked(), "--bins=9", "--range=-50,60.5", axis=axis), array, axis, 9, (-50, 60.5))


@pytest.mark.parametrize("dtype", ["|u1", ">i4", "<f2", "<f4", ">f8"])
@pytest.mark.parametrize("bins", ["1", "10", "37", "1500", "-100,-3,0,0,0.5,7", "-inf,0,inf", "0,1"])
def test_histograms(save, dtype, bins):
    """Items on edges, beside them, outside of them."""
    dtype = np.dtype(dtype)
    array = (np.arange(-700, 700) / (4 if dtype.kind == "f" else 1)).astype(dtype)
    theirs = [float(edge) for edge in bins.split(",")] if "," in bins else int(bins)
    try:
        quiet(np.histogram, array, theirs)
    except ValueError as error:
        refused("describe", save(array), f"--bins={bins}", words=[str(error)])
        return
    check(describe(save(array), asked(), f"--bins={bins}"), array, bins=theirs)
    if "," not in bins:
        for low, high in [(-3, 3), (0, 0), (0.1, 0.7), (-1e3, 1e3)]:
            try:
                quiet(np.histogram, array, theirs, range=(low, high))
            except ValueError as error:
                refused("describe", save(array), f"--bins={bins}", f"--range={low},{high}", words=[str(error)])
                continue
            found = describe(save(array), asked(), f"--bins={bins}", f"--range={low},{high}")
            check(found, array, bins=theirs, range=(low, high))


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i4", "<i8"])
def test_many_items_near_edges(save, dtype):
    """Where the bin that is computed and the bin of the edges differ by rounding."""
    random = np.random.default_rng(1)
    edges = np.linspace(0.1, 0.9, 101).astype("f4" if dtype == "<f4" else "f8")
    array = random.choice(edges, 50_000)
    array = np.concatenate([array, np.nextafter(array, 0), np.nextafter(array, 1)])
    if "i" in dtype:
        array = (array * 1e6).astype(dtype)
        check(describe(save(array), asked(), "--bins=100"), array, bins=100)
        return
    check(describe(save(array), asked(), "--bins=100"), array, bins=100)
    check(describe(save(array), asked(), "--bins=100", "--range=0.1,0.9"), array, bins=100, range=(0.1, 0.9))


@pytest.mark.parametrize("selection", ["[::3]", "[1:, ::-2]", "[:, 4]", "[..., None, 5:9]", "[::-1, ::-1]"])
@pytest.mark.parametrize("dtype", ["<f4", ">i2", "<f8"])
def test_slices(save, selection, dtype):
    array = filled(dtype, (50, 21))
    check(describe(f"{save(array)}{selection}", asked(), "--bins=5"), eval(f"array{selection}"), bins=5)


def test_nan_and_infinities(save):
    array = np.array([[np.nan, 1, -np.inf, 0, 7], [np.inf, np.inf, 2, -0.0, np.nan], [np.nan] * 5], "f4")
    path = save(array)
    for axis in [None, 0, 1]:
        check(describe(path, asked(), "--bins=4", "--range=-1,2", axis=axis), array, axis, 4, (-1, 2))
    refused("describe", path, "--bins=3", path=path, words=["autodetected range of [-inf, inf] is not finite"])


@pytest.mark.parametrize("dtype", ["<f4", "<i8"])
def test_no_items(save, dtype):
    array = np.zeros((0, 3), dtype)
    path = save(array)
    check(describe(path, asked(), "--bins=3"), array, bins=3)
    check(describe(path, asked(), "--bins=3", "--range=0,2", axis=0), array, 0, 3, (0, 2))
    assert describe(path, asked([0.5]), "--bins=3", axis=1)["quantiles"]["0.5"] == []


def test_times(save):
    array = np.array(["2020-01-31", "NaT", "1969-12-31", "2000-02-29", "2001-01-01"], "M8[D]")
    found = describe(save(array), asked([0, 0.3, 0.5, 0.8]))
    wanted = np.nanquantile(array, [0, 0.3, 0.5, 0.8])
    assert [found["quantiles"][q] for q in ("0", "0.3", "0.5", "0.8")] == [str(time) for time in wanted]
    lengths = array - np.datetime64("2000-01-01")
    found = describe(save(lengths, "m.npy"), asked([0.3, 0.8]))
    assert list(found["quantiles"].values()) == np.nanquantile(lengths, [0.3, 0.8]).astype(int).tolist()
    assert (found["nan_count"], found["pos_inf"]) == (1, None)


def test_what_there_is_not(save):
    truth, complex_numbers = save(np.array([True, False, True]), "b.npy"), save(np.ones(3, "<c8"), "c.npy")
    found = describe(truth, "--bins=2")
    assert (found["histogram"]["counts"], found["pos_inf"], found["sum"]) == ([1, 2], 0, 2)
    assert describe(complex_numbers)["pos_inf"] is None
    refused("describe", truth, asked(), path=truth, words=["a quantile is not defined for dtype('|b1')"])
    refused("describe", complex_numbers, asked(), path=complex_numbers, words=["a quantile is not defined"])
    refused("describe", complex_numbers, "--bins=3", path=complex_numbers, words=["a histogram is not defined"])
    text = save(np.array([b"a"]), "s.npy")
    refused("describe", text, path=text, words=["|S1"])


def test_wrong_use(save):
    path = save(np.arange(6.0).reshape(2, 3))
    for options, words in [
        (["--axis=2"], "axis 2 is out of bounds for array of dimension 2"), (["--axis=0,0"], "axes"),
        (["--quantiles=0.5,1.01"], "Quantiles must be in the range [0, 1]"), (["--quantiles=nan"], "Quantiles must be"),
        (["--bins=0"], "`bins` must be positive, when an integer"),
        (["--bins=1,0"], "`bins` must increase monotonically, when an array"),
        (["--bins=3", "--range=2,1"], "max must be larger than min in range parameter"),
        (["--bins=3", "--range=0,inf"], "is not finite"),
        (["--bins=99999999999", "--range=0,1"], "bytes of memory"),
    ]:
        refused("describe", path, *options, path=path, words=[words])
    for options in [["--bins=x"], ["--range=1,2"], ["--bins=2", "--range=1"], ["--quantiles=x"]]:
        run("describe", path, *options, check=2)


RANDOM = np.random.default_rng(5)
LARGE = {
    "normal": RANDOM.normal(0, 1, (400, 70, 50)).astype("<f4"),
    "few values": RANDOM.integers(0, 7, (400, 70, 50)).astype(">i4"),
    "wide": np.exp(RANDOM.normal(0, 99, (400, 70, 50))).astype("<f8"),
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("axis", [None, 0, 2, (0, 1), (1, 2)])
def test_same_bits_however_it_is_run(save, name, axis):
    array = LARGE[name]
    path = save(array)
    options = [asked([0.1, 0.5, 0.999]), "--bins=12", "--range=-2,5"]
    plain = describe(path, *options, axis=axis)
    if axis is None or np.ndim(axis):
        check(plain, array, axis, 12, (-2, 5), quantiles=[0.1, 0.5, 0.999])
    runs = [("mmap", 1, "64KiB"), ("pread", 2, "64KiB"), ("direct", 3, "200KiB")]
    runs += [("pread", 3, "4MiB"), ("direct", 2, "5MiB"), ("mmap", 1, "4MiB"), ("auto", 2, "64MiB")]
    for io, threads, memory in runs:
        assert describe(path, *options, "--io", io, "--threads", threads, "--memory", memory, axis=axis) == plain


def test_text(save):
    path = save(np.array([1.0, 2.0, 2.5, 4.0, np.nan]))
    lines = run("describe", path, "--quantiles=0.5", "--bins=2", "--range=0,4").out.splitlines()
    assert lines[:3] == ["count      5", "nan_count  1", "pos_inf    0"]
    assert "q 0.5      2.25" in lines and "passes" not in lines[-1]
    assert lines[-2].startswith("[0, 2) 1 █") and lines[-1].startswith("[2, 4] 3 █")
    assert run("describe", path, "--bins=2").out.endswith("passes     2\n")
    table = run("describe", f"{path}[None]", "--axis=1", "--bins=2").out.splitlines()
    assert table[0].endswith("histogram") and table[1].split()[0] == "0"
    assert run("describe", path).out == run("stats", path).out
