"""NumPy's functions on arrays larger than memory, block by block: NumPy's types and values, in bounded memory."""

import os
import tracemalloc
import warnings

import ndfolio as nf
import numpy as np
import pytest
from ndfolio import _accelerate, _blocks, _inblocks, _memmap

ROWS, COLUMNS = 3000, 24


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # So that small files are large, and have many blocks that do not fit the rows.
    monkeypatch.setattr(_memmap, "_LARGE", 1 << 15)
    monkeypatch.setattr(_accelerate, "_VERY_LARGE", 1 << 15)
    monkeypatch.setattr(_blocks, "_ENOUGH", 20_000)
    monkeypatch.setattr(_blocks, "_LEAST", 20_000)
    yield
    for name in os.listdir(tmp_path):
        os.remove(name)


@pytest.fixture
def used(monkeypatch):
    """Which functions were done in blocks."""
    done = set()

    def watched(function, ours):
        def act(*args, **kwargs):
            result = ours(*args, **kwargs)
            if result is not NotImplemented:
                done.add(function.__name__)
            return result

        act.__module__ = ours.__module__
        return act

    for table in (_blocks.TABLE, _inblocks.OF_MAPS):
        for function, ours in table.items():
            monkeypatch.setitem(table, function, watched(function, ours))
    return done


#: With the same bits as NumPy's.
EXACT = """
np.digitize(a, [0.1, 0.3, 20]) | np.digitize(a, [20, 0.3, 0.1], right=True) | np.interp(a, [0, 0.5, 70], [1, 2, 0.5])
np.interp(a, [0, 0.5, 3], [1, 2j, 0.5], period=2) | np.interp(a, [0, 1], [1, 2], left=-1, right=9) | np.nan_to_num(a, nan=3)
np.isin(a, [1, 2, 3.5]) | np.isin(a, [1, 7], invert=True) | np.isin([1, 2, 400], a) | np.isin([[1], [5]], a, invert=True)
np.nonzero(a) | np.argwhere(a) | np.flatnonzero(a) | np.where(a) | a.nonzero() | np.nonzero(a.reshape(30, 100, 24)) | np.argwhere(a.T)
np.unique(a, True, True, True) | np.unique(a, return_inverse=True) | np.unique(a, return_index=True) | np.histogram(a, [0, 1, 5])
np.histogram(a, [0, 1, 5], density=True) | np.bincount(a.reshape(-1)) | np.bincount(a[:, 3], minlength=200)
np.bincount(a.reshape(-1), weights=a.reshape(-1)) | np.bincount(a[:, 0], a[:, 1] * 0.1) | np.cumsum(a) | np.cumsum(a, axis=0) | a.cumsum(1)
np.cumprod(a, axis=1, dtype='f8') | np.cumsum(a.T) | np.cumsum(a[:, ::2], 0) | np.cumsum(a, dtype='i2') | np.cumprod(a, 0)
np.sort(a) | np.sort(a, 0) | np.argsort(a, axis=1, kind='stable') | a.argsort(0, kind='stable') | np.partition(a, 3)
np.partition(a, [1, 5], axis=0) | np.sort(a.reshape(30, 100, 24), axis=1) | np.fft.rfft(a) | np.fft.fft(a, axis=0)
np.fft.rfft(a, 32, axis=0, norm='ortho') | np.fft.ifft(a, 5) | np.median(a, axis=1) | np.median(a, 0, keepdims=True) | np.nanmedian(a, 1)
np.quantile(a, [0.1, 0.5], axis=0) | np.percentile(a, 30, axis=1, keepdims=True) | np.quantile(a.reshape(30, 100, 24), [[0.5], [1]], axis=1)
np.gradient(a) | np.gradient(a, 2.0, axis=0, edge_order=2) | np.gradient(a, np.arange(24) ** 2, axis=1) | np.gradient(a.reshape(-1), 0.5)
"""

#: With the same digits.
CLOSE = """
a @ w | a @ w[:, 0] | w.T @ a.T | np.dot(a, w) | np.inner(a, w.T) | np.tensordot(a, w, 1) | np.tensordot(a, w, ([1], [0]))
a.T @ b | np.dot(b, a) | a.dot(w) | np.matmul(a.reshape(30, 100, 24), w) | np.vdot(a, a * 2) | np.tensordot(c, a, 2)
np.cov(a.T) | np.cov(a, rowvar=False, bias=True) | np.corrcoef(a, rowvar=False) | np.cov(a[:, 0], a[:, 1]) | np.cov(a[:, 2])
np.cov(a.T, b, ddof=0) | np.corrcoef(a[:, 1]) | np.linalg.svdvals(a) | np.linalg.svd(a, compute_uv=False) | np.linalg.svdvals(a.T)
np.linalg.lstsq(a, b) | np.linalg.lstsq(a, np.stack((b, b * b), 1), rcond=1e-9) | np.linalg.lstsq(a[:, [0, 0, 1]], b)
np.trapezoid(a, axis=0) | np.trapezoid(a, dx=2) | np.average(a, weights=np.arange(24.0), axis=1) | np.average(a) | np.array_equiv(a, a[:1])
"""


def texts(given):
    return [part.strip() for part in given.replace("\n", "|").split("|") if part.strip()]


def stored(dtype, order):
    rng = np.random.default_rng(3)
    data = rng.integers(0, 100, (ROWS, COLUMNS)).astype("f8")
    if np.dtype(dtype).kind == "f":
        data /= 32
        data[5, 3] = 0
    elif dtype == "c8":
        data = data / 32 + 1j
    np.save("a.npy", np.asarray(data.astype(dtype), order=order))
    b = rng.random(ROWS)
    return {"w": rng.random((COLUMNS, 3)).astype("f4"), "b": b, "c": rng.random((2, ROWS, COLUMNS)), "np": np}


def parts(result):
    if type(result) is nf.Array:
        result = result.compute()
    if isinstance(result, tuple):
        return [np.asarray(one.compute() if type(one) is nf.Array else one) for one in result]
    return [np.asarray(result)]


def compare(text, given, close):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            wanted = eval(text, {"a": np.load("a.npy", mmap_mode="r"), **given})
        except TypeError:
            wanted = None
        for face, a in (("map", nf.load("a.npy", mmap_mode="r")), ("lazy", nf.open("a.npy"))):
            if wanted is None:
                with pytest.raises(TypeError):
                    eval(text, {"a": a, **given})
                continue
            found = eval(text, {"a": a, **given})
            assert isinstance(found, tuple) == isinstance(wanted, tuple) or face == "lazy"
            for ours, numpys in zip(parts(found), parts(wanted), strict=True):
                # Arrays on disk give this machine's byte order.
                kinds = (ours.dtype, numpys.dtype)
                assert kinds[0] == kinds[1] or (face == "lazy" and kinds[0] == kinds[1].newbyteorder("=")), face
                if not close and not (face == "lazy" and "cum" in text):
                    np.testing.assert_array_equal(ours, numpys, err_msg=face)
                    continue
                single = kinds[1].itemsize <= 4 or kinds[1] == np.complex64
                rtol = 2e-2 if kinds[1] == np.float16 else 2e-4 if single else 1e-10
                scale = np.abs(numpys.astype("c16"))
                scale = scale[np.isfinite(scale)].max(initial=0)
                np.testing.assert_allclose(ours, numpys, rtol=rtol, atol=rtol * scale / 10, err_msg=face)


#: Those that do not look at dtypes themselves are tried with a few.
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", ["f8", ">f4", "i4", "u1", "c8"])
@pytest.mark.parametrize("text", texts(EXACT))
def test_bits_are_numpys(text, dtype, order):
    # NumPy's own unique of halves finds more values than there are on some machines.
    compare(text, stored(dtype, order), False)


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i4", "c8"])
@pytest.mark.parametrize("text", texts(CLOSE))
def test_digits_are_numpys(text, dtype, order):
    if dtype == "f2" and ("lstsq" in text or "trapezoid" in text or "average" in text):
        pytest.skip("NumPy has none, or adds halves as they lie")
    compare(text, stored(dtype, order), True)


def test_they_are_done_in_blocks(used):
    given = stored("i4", "C")
    small = {"np": np, **given}
    for text in texts(EXACT) + texts(CLOSE):
        for a in (nf.load("a.npy", mmap_mode="r"), nf.open("a.npy")):
            eval(text, {**small, "a": a})
    expected = {function.__name__ for function in _inblocks.OF_MAPS} - {"hfft", "ihfft", "irfft", "nanpercentile"}
    assert expected - used == {"argpartition", "nanquantile", "unique_values"}
    used.clear()
    with nf.config(accelerate=False):
        for text in texts(EXACT):
            eval(text, {**small, "a": nf.load("a.npy", mmap_mode="r")})
    assert not used


def test_maps_that_the_engine_cannot_see():
    stored("i4", "C")
    private, numpys = nf.load("a.npy", mmap_mode="c"), np.load("a.npy", mmap_mode="c")
    for a in (private, numpys):
        a[7, 3] = 1000
    for text in ("np.bincount(a.reshape(-1))", "np.flatnonzero(a == 1000)", "np.unique(a)", "np.sort(a, 0)"):
        np.testing.assert_array_equal(eval(text, {"a": private, "np": np}), eval(text, {"a": numpys, "np": np}))


@pytest.mark.parametrize("dtype", [">f4", "f4"])
def test_running_sums_into_files(dtype, used):
    stored(dtype, "C")
    a, numpys = nf.load("a.npy", mmap_mode="r"), np.load("a.npy")
    for axis, shape in ((None, (ROWS * COLUMNS,)), (0, (ROWS, COLUMNS)), (1, (ROWS, COLUMNS))):
        out = nf.open_memmap("out.npy", mode="w+", dtype=dtype, shape=shape)
        assert np.cumsum(a, axis=axis, out=out) is out
        np.testing.assert_array_equal(out, np.cumsum(numpys, axis=axis))
        assert a.cumsum(axis, out=out) is out
        np.testing.assert_array_equal(out, np.cumsum(numpys, axis=axis))
        out.close()
    assert used == {"cumsum"}
    # In place, and to a place that is still to be read.
    one = nf.load("a.npy", mmap_mode="r+").reshape(-1)
    flat = numpys.reshape(-1).copy()
    assert np.cumsum(one[:-1], out=one[1:]).base is not None
    np.testing.assert_array_equal(one[1:], np.cumsum(flat[:-1]))


def test_wrong_arguments_have_numpys_words():
    stored("f8", "C")
    ours, numpys = nf.load("a.npy", mmap_mode="r"), np.load("a.npy", mmap_mode="r")
    for text in """np.digitize(a, [1, 5, 3]) | np.bincount(a) | np.cumsum(a, axis=7) | np.sort(a, axis=5) | np.dot(a, a) | a @ a[0, :3]
        np.cov(a, ddof=0.5) | np.linalg.lstsq(a, [1, 2]) | np.interp(a, [], []) | np.median(a, axis=4) | np.gradient(a, 1, 2, 3)
        np.partition(a, 99) | np.fft.rfft(a, 0) | np.histogram(a, [3, 1]) | np.cumsum(a, foo=1) | np.quantile(a, 3, axis=0)
        np.bincount(a[:, 0].astype(int) - 1) | np.cumsum(a, out=np.empty(3))""".replace("\n", "|").split("|"):
        with pytest.raises(Exception) as wanted:
            eval(text.strip(), {"a": numpys, "np": np})
        with pytest.raises(type(wanted.value)) as found:
            eval(text.strip(), {"a": ours, "np": np})
        assert str(found.value) == str(wanted.value)


def test_not_a_number_among_distinct_values():
    stored("f8", "C")
    w = nf.load("a.npy", mmap_mode="r+")
    w[::100] = np.nan
    w[1::100] = -0.0
    w.flush()
    for text in ("np.unique(a, True, True, True)", "np.unique(a, return_counts=True, equal_nan=False)", "np.nan_to_num(a)"):
        compare(text, {"np": np}, False)


@pytest.mark.parametrize("rows", [5000, 5431])
def test_triangles_of_many_parts(rows, monkeypatch, used):
    monkeypatch.setattr(_blocks, "_ENOUGH", 1 << 19)
    a = np.random.default_rng(5).random((rows, 9))
    a[-1] = 1000
    np.save("a.npy", a)
    ours, b = nf.load("a.npy", mmap_mode="r"), a @ np.arange(9.0) + a[:, 0] ** 2
    np.testing.assert_allclose(np.linalg.svdvals(ours), np.linalg.svdvals(a), rtol=1e-10)
    for found, wanted in zip(np.linalg.lstsq(ours, b), np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert used == {"svdvals", "lstsq"}


MEMORY = """
np.digitize(a, [0.5]) | np.interp(a, [0, 1], [2, 3]) | np.isin(a, [1, 2]) | np.flatnonzero(a > 3) | np.unique(a, return_counts=True)
np.bincount(i) | np.bincount(i, a[:, 0]) | np.sort(a, 0) | np.median(a, axis=1) | a @ w | a.T @ a | np.cov(a, rowvar=False)
np.linalg.svdvals(a) | np.linalg.lstsq(a, a[:, 0]) | np.gradient(a, axis=0) | np.nan_to_num(a) | np.cumsum(a) | np.histogram(a, [0, 1])
"""


@pytest.mark.parametrize("text", texts(MEMORY))
def test_they_take_little_memory_beside_the_result(text, monkeypatch):
    monkeypatch.setattr(_blocks, "_ENOUGH", 1 << 18)
    monkeypatch.setattr(_blocks, "_LEAST", 1 << 16)
    monkeypatch.setattr(_blocks, "_WIDE", 2)
    a = np.random.default_rng(0).integers(0, 100, (1 << 17, 16)).astype("f4")
    np.save("a.npy", a)
    np.save("i.npy", a[:, 0].astype("u1"))
    w = np.ones((16, 2))
    for load, config in ((lambda p: nf.load(p, mmap_mode="r"), {}), (nf.open, {"memory": "40MiB"})):
        x, i = load("a.npy"), load("i.npy")
        if "> 3" in text and type(x) is nf.memmap:
            # A comparison of NumPy's is an array of its own.
            continue
        with nf.config(**config):
            eval(text, {"a": x[:500], "i": i[:500], "w": w, "np": np})
            tracemalloc.start()
            try:
                result = eval(text, {"a": x, "i": i, "w": w, "np": np})
                if type(result) is nf.Array:
                    continue
                results = result if isinstance(result, tuple) else (result,)
                size = sum(np.asarray(one).nbytes for one in results)
                assert tracemalloc.get_traced_memory()[1] - size < 3 << 20
            finally:
                tracemalloc.stop()


def test_results_are_refused_before_they_are_made():
    x = nf.create("x.npy", (1 << 17, 8), "f8")
    with nf.config(memory="2MiB"):
        for text in ("np.digitize(x, [1])", "np.sort(x, 1)", "x @ np.ones((8, 4))", "np.concatenate([x, x])", "np.cov(x)"):
            with pytest.raises(MemoryError, match="budget is 2097152 bytes"):
                eval(text, {"x": x, "np": np})
        assert np.unique(x).tolist() == [0] and np.nonzero(x)[0].size == 0
        assert np.cov(x, rowvar=False).shape == (8, 8) and (x @ np.ones(8)).shape == (1 << 17,)


def test_arrays_are_put_together_in_files():
    a = np.arange(60_000.0).reshape(-1, 6)
    np.save("a.npy", a)
    x = nf.open("a.npy")
    for function, shape in (
        (lambda p, out: np.concatenate([p, p * 2, a[:5]], out=out), (20_005, 6)),
        (lambda p, out: np.concatenate((p, p + 1), axis=1, out=out), (10_000, 12)),
        (lambda p, out: np.concatenate((p, [[1, 2, 3, 4, 5, 6]]), axis=None, out=out), (60_006,)),
        (lambda p, out: np.stack((p, -p), axis=1, out=out), (10_000, 2, 6)),
    ):
        wanted = function(a, None)
        assert wanted.shape == shape
        with nf.config(memory="256KiB"):
            with nf.create("out.npy", shape, "f8", overwrite=True) as out:
                assert function(x, out) is out
            np.testing.assert_array_equal(np.load("out.npy"), wanted)
            out = nf.open_memmap("out.npy", mode="w+", dtype="f8", shape=shape)
            assert function(x, out) is out
            np.testing.assert_array_equal(out, wanted)
        np.testing.assert_array_equal(function(x, None), wanted)
    for text in """np.vstack((x, x[0])) | np.hstack((x, x)) | np.hstack((x[0], x[1])) | np.dstack((x, x)) | np.dstack((x[0], x[1]))
        np.column_stack((x[:, 0], x)) | np.append(x, [1]) | np.append(x, x, axis=0) | np.vstack((x, x), dtype='f4')
        np.concatenate((x, x), dtype='f4') | np.stack((x, x), -1) | np.concatenate((x, x.astype('c8')))""".replace("\n", "|").split("|"):
        found, wanted = (eval(text.strip(), {"x": one, "np": np}) for one in (x, a))
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype and type(found) is np.ndarray
    for text in ("np.concatenate((x, x[:, :2]))", "np.concatenate((x, x[0]))", "np.stack((x, x[0]))", "np.concatenate((x, x), 5)", "np.concatenate(())"):
        with pytest.raises(Exception) as wanted:
            eval(text, {"x": a, "np": np})
        with pytest.raises(type(wanted.value)):
            eval(text, {"x": x, "np": np})
    with pytest.raises(TypeError, match="same_kind"):
        np.concatenate((x, x), dtype="i4")


def test_products_go_to_files():
    a = np.arange(60_000.0).reshape(-1, 6)
    np.save("a.npy", a)
    x, w = nf.open("a.npy"), np.arange(12.0).reshape(6, 2)
    with nf.config(memory="128KiB"), nf.create("out.npy", (10_000, 2), "f8") as out:
        assert np.matmul(x, w, out=out) is out
    np.testing.assert_allclose(np.load("out.npy"), a @ w)


def test_expressions_with_reductions():
    a = np.random.default_rng(1).random((5000, 6))
    np.save("a.npy", a)
    x = nf.open("a.npy")
    z = x - x.mean(axis=0)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.cov(a, rowvar=False))
    with nf.config(memory="100KiB"), pytest.raises(MemoryError, match="save it first"):
        np.cov(z, rowvar=False)


def test_a_file_that_is_cut_is_an_error():
    for text in ("np.unique(a)", "np.digitize(a, [1])", "np.cumsum(a)", "a.T @ a", "np.sort(a, 0)"):
        stored(">f4", "C")
        for mode in "rc":
            a = nf.load("a.npy", mmap_mode=mode)
            os.truncate("a.npy", 100_000)
            with pytest.raises(OSError, match="cut"):
                eval(text, {"a": a, "np": np})
            stored(">f4", "C")
