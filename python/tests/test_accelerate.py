"""Large maps are reduced by the engine, with the types and values of NumPy's results."""

import contextlib
import os
import tracemalloc
import warnings

import ndfolio as nf
import numpy as np
import pytest
from ndfolio import _accelerate, _memmap

SIZE = 5 << 18

ARRAYS = ["f8", "f4", "f2", "<i8", "i2", "u1", ">f4", ">i4", "c16", "?"]


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # So that small files are large.
    monkeypatch.setattr(_memmap, "_LARGE", 1 << 20)
    monkeypatch.setattr(_accelerate, "_VERY_LARGE", 1 << 20)
    yield
    # Pytest keeps what is left, of every test.
    for name in os.listdir(tmp_path):
        os.remove(name)


@pytest.fixture
def used(monkeypatch):
    """Counts how often the engine had an array to work on."""
    count = []
    real = _accelerate._lazy

    def lazy(array):
        found = real(array)
        if found is not None:
            count.append(array.shape)
        return found

    monkeypatch.setattr(_accelerate, "_lazy", lazy)
    return count


def maps(dtype, mode="r"):
    rows = SIZE // np.dtype(dtype).itemsize // 64
    rng = np.random.default_rng(3)
    data = rng.integers(0, 100, (rows, 64)) if np.dtype(dtype).kind != "f" else rng.random((rows, 64)) - 0.25
    np.save("a.npy", data.astype(dtype))
    return nf.load("a.npy", mmap_mode=mode), np.load("a.npy", mmap_mode=mode)


CALLS = """
a.sum() | np.sum(a, axis=0) | a.sum(1) | a.sum(axis=(0, 1), keepdims=True) | a.mean() | np.mean(a, axis=0) | a.var() | a.std(0)
np.std(a, ddof=1) | np.var(a, axis=1, correction=1) | a.min() | np.max(a, axis=0) | a.argmin() | np.argmax(a) | a.argmax(0)
np.any(a) | a.all(axis=0) | np.nansum(a) | np.nanmean(a, axis=0) | np.nanstd(a) | np.nanvar(a, 0) | np.nanmin(a) | np.nanmax(a, 1)
np.nanargmin(a) | np.nanargmax(a, axis=0) | np.count_nonzero(a) | np.count_nonzero(a, axis=1) | np.ptp(a) | np.allclose(a, a)
np.array_equal(a, a) | np.linalg.norm(a) | np.median(a) | np.quantile(a, 0.3) | np.percentile(a, [0, 25, 100]) | a.prod(axis=1)
np.sum(a[::2, 1:]) | a.T.sum(0) | a[::-1].argmax() | a.sum(dtype='c16') | np.sum(a, out=np.zeros((), a.sum().dtype))
"""


@pytest.mark.parametrize("dtype", ARRAYS)
@pytest.mark.parametrize("text", [part.strip() for part in CALLS.replace("\n", "|").split("|") if part.strip()])
def test_results_are_numpys(text, dtype):
    ours, numpys = maps(dtype)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            wanted = eval(text, {"np": np}, {"a": numpys})
        except TypeError:
            with pytest.raises(TypeError):
                eval(text, {"np": np}, {"a": ours})
            return
    with warnings.catch_warnings(record=True) as ours_warned:
        warnings.simplefilter("always")
        found = eval(text, {"np": np}, {"a": ours})
    # Copies are plain arrays, where NumPy has maps of no file.
    assert type(found) is (np.ndarray if type(wanted) is np.memmap else type(wanted))
    if dtype == "f2":
        # NumPy adds halves as they are, and comes to other numbers.
        kind, shape = getattr(wanted, "dtype", None), np.shape(wanted)
        wanted = eval(text, {"np": np}, {"a": numpys.astype("f8")})
        assert getattr(found, "dtype", None) == kind and np.shape(found) == shape
        with np.errstate(over="ignore"):
            wanted = np.asarray(wanted).astype(kind).astype("c16")
        np.testing.assert_allclose(np.asarray(found, "c16"), wanted, rtol=2e-3, atol=1e-3)
        return
    assert {str(w.message) for w in ours_warned} == {str(w.message) for w in warned}
    if isinstance(found, np.ndarray | np.generic):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        # NumPy adds floats as they are, one after the other along the first axis.
        rtol = {"f4": 1e-4}.get(np.dtype(dtype).str[1:], 1e-9)
        # The smallest numbers have few digits.
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-40)
    else:
        assert found == wanted


@pytest.mark.parametrize("text", ["a.sum()", "np.var(a)", "np.argmax(a)", "np.nanmax(a)", "np.median(a)", "np.allclose(a, a)"])
def test_the_engine_is_used_where_it_is_wanted(used, text):
    a, _ = maps("f8")
    eval(text, {"np": np}, {"a": a})
    assert used
    used.clear()
    with nf.config(accelerate=False):
        eval(text, {"np": np}, {"a": a})
    eval(text, {"np": np}, {"a": a[:10]})
    eval(text, {"np": np}, {"a": nf.load("a.npy", mmap_mode="c")})
    eval(text, {"np": np}, {"a": a.copy()})
    assert not used


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i4", "f8", "u1", ">i2"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_searches_read_few_items(dtype, side):
    size = SIZE // np.dtype(dtype).itemsize
    data = np.sort(np.random.default_rng(4).integers(-100, 100, size).astype(dtype))
    if np.dtype(dtype).kind == "f":
        data[-50:] = np.nan
    np.save("a.npy", data)
    ours, numpys = nf.load("a.npy", mmap_mode="r"), np.load("a.npy", mmap_mode="r")
    for v in (0.5, 3, [[-200, 7.0], [1e9, 50]], np.float32(7), np.nan, np.arange(3), np.arange(3.0), [], True):
        found, wanted = np.searchsorted(ours, v, side), np.searchsorted(numpys, v, side)
        assert np.array_equal(found, wanted) and type(found) is type(wanted)
        assert found.dtype == wanted.dtype and ours.searchsorted(v, side=side).shape == wanted.shape
    with tracemalloc_peak() as peak:
        ours.searchsorted(0.25)
        assert peak() < 1 << 20


@contextlib.contextmanager
def tracemalloc_peak():
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_functions_that_numpy_copies_for_take_little_memory():
    a, _ = maps("f8")
    for text in ("a.var()", "a.argmax()", "np.nansum(a)", "np.median(a)", "np.allclose(a, a)", "np.nanmax(a)"):
        with tracemalloc_peak() as peak:
            eval(text, {"np": np}, {"a": a})
            assert peak() < 1 << 20, text


def test_stores_that_were_just_made_count():
    a, _ = maps("f8", "r+")
    for value in range(5):
        a[-1, -1] = 1e6 + value
        assert a.max() == 1e6 + value and a.argmax() == a.size - 1
    private = nf.load("a.npy", mmap_mode="c")
    private[0, 0] = 1e9
    assert private.max() == 1e9 and a.max() == 1e6 + 4


def test_nan_is_what_it_is_in_numpy():
    a, numpys = maps("f8", "r+")
    a[5, 5] = np.nan
    a[7] = np.nan
    for text in ("a.sum()", "np.median(a)", "np.nanmedian(a)", "a.max(0)", "np.nanmax(a, 0)", "a.argmax()"):
        np.testing.assert_allclose(eval(text, {"np": np, "a": a}), eval(text, {"np": np, "a": numpys}))
    for text in ("np.nanmean(a, 1)", "np.nanmax(a, 1)", "np.nanstd(a, 1)"):
        with pytest.warns(RuntimeWarning):
            np.testing.assert_allclose(eval(text, {"np": np, "a": a}), eval(text, {"np": np, "a": numpys}))
    with pytest.raises(ValueError, match="All-NaN"):
        np.nanargmax(a, axis=1)


def test_wrong_arguments_have_numpys_words():
    ours, numpys = maps("f8")
    for text in ("a.sum(axis=5)", "a.argmax(axis=(0, 1))", "a.sum(foo=1)", "np.quantile(a, 2)", "np.nansum(a, axis='x')"):
        with pytest.raises(Exception) as wanted:
            eval(text, {"np": np}, {"a": numpys})
        with pytest.raises(type(wanted.value)):
            eval(text, {"np": np}, {"a": ours})


def test_subclasses_keep_their_class():
    class Mine(nf.memmap):
        pass

    maps("f8")
    mine = Mine("a.npy", mode="r", dtype="f8", offset=128, shape=(1 << 17,))
    assert type(mine.sum()) is Mine


def test_a_file_that_is_cut_is_an_error():
    for text in ("a.sum()", "np.nanmax(a)", "np.median(a)", "np.sort(a)", "np.dot(a, np.ones(64))"):
        a, _ = maps("f8")
        os.truncate("a.npy", 1 << 19)
        with pytest.raises(OSError, match="cut"):
            eval(text, {"np": np}, {"a": a})
