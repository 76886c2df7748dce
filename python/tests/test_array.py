"""`ndfolio.Array`: what it is, its views, its values, its file."""

import copy
import pickle
import struct
import time
import zlib

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _html, _indexing


@pytest.fixture
def known():
    return np.random.default_rng(5).normal(size=(6, 7, 8)).astype("f4")


@pytest.fixture
def path(tmp_path, known):
    np.save(tmp_path / "x.npy", known)
    return tmp_path / "x.npy"


@pytest.fixture
def x(path):
    return nf.open(path)


def same(found, expected):
    assert type(found) is nf.Array
    values = np.asarray(found)
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected, strict=True)


def test_what_it_is(x, known, path):
    assert (x.shape, x.ndim, x.size, x.nbytes, x.itemsize, len(x)) == ((6, 7, 8), 3, 336, 1344, 4, 6)
    assert x.dtype == known.dtype and isinstance(x.dtype, np.dtype)
    assert x.filename == str(path) and x.mode == "r"
    assert (x + 1).filename is None and (x + 1).mode is None
    with pytest.raises(TypeError, match="unsized"):
        len(x[0, 0, 0])
    with pytest.raises(TypeError, match="ndfolio.open"):
        nf.Array()
    with pytest.raises(AttributeError):
        x.no_such_thing
    with pytest.raises(TypeError):
        hash(x)


KEYS = [
    0, -1, slice(1, 4), slice(None, None, -2), ..., None, (), (1, 2), (1, ..., 3), (slice(2), None, -1),
    (slice(None), slice(5, 1, -1), 3), np.int64(2), (np.uint8(1), slice(None)), slice(100, 200), (1, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_basic_indexing(key, x, known):
    same(x[key], np.asarray(known[key]))
    same((x + 1)[key], np.asarray((known + 1)[key]))


FANCY = [
    [0, 2, -1], ([1, 2], [3, 4]), np.array([[0, 1], [2, 3]]), (slice(None), [1, 1, 0]), (..., [0, 7]),
    ([0, 1], slice(2, 5), [3, 4]), np.array([True, False, True, True, False, False]), [], (None, [1, 2]),
    (slice(None), np.arange(7) % 2 == 0, 1), np.array(2), True, (2, [0, 3]),
]  # fmt: skip


@pytest.mark.parametrize("key", FANCY, ids=str)
def test_indexing_by_arrays(key, x, known):
    expected = np.asarray(known[key])
    same(x[key], expected)
    same((x * 2)[key], expected * 2)


@pytest.mark.parametrize("key", FANCY, ids=str)
def test_the_size_of_a_result_is_known_before(key, known):
    parts = tuple(_indexing._part(part) for part in (key if isinstance(key, tuple) else (key,)))
    assert _indexing.selected(known.shape, parts) == np.asarray(known[key]).size


def test_indexing_by_conditions(x, known):
    same(x[x > 0], known[known > 0])
    same(x[known > 0], known[known > 0])
    same((x + 1)[x > 0], (known + 1)[known > 0])
    same(x[x[:, 0, 0] > 0], known[known[:, 0, 0] > 0])


@pytest.mark.parametrize("key", [6, -7, (0, 7), (0, 0, 0, 0), [9], (..., [-9])], ids=str)
def test_places_that_there_are_not(key, x):
    with pytest.raises(IndexError):
        x[key]
    with pytest.raises(IndexError):
        (x + 1)[key]


@pytest.mark.parametrize("key", [1.5, "a", (0, 1.5), [1.5], (..., ...)], ids=str)
def test_what_is_no_index(key, x):
    with pytest.raises((IndexError, ValueError)):
        x[key]


def test_views(x, known):
    same(x.T, known.T)
    same(x.mT, known.mT)
    same(x.transpose(2, 0, 1), known.transpose(2, 0, 1))
    same(x.transpose((1, 0, 2)), known.transpose(1, 0, 2))
    same(x.swapaxes(0, -1), known.swapaxes(0, -1))
    same(x.reshape(42, 8), known.reshape(42, 8))
    same(x.reshape((-1, 4)), known.reshape(-1, 4))
    same(x.reshape(8, -1, order="F"), known.reshape(8, -1, order="F"))
    same(x.ravel(), known.ravel())
    same(x[None, 0].squeeze(), known[None, 0].squeeze())
    same(x[None, 0].squeeze(0), known[0])
    # What strides cannot express is a copy in memory.
    same(x.T.reshape(-1), known.T.reshape(-1))
    with pytest.raises(ValueError, match="without copying"):
        x.T.reshape(-1, copy=False)
    with pytest.raises(ValueError, match="reshape"):
        x.reshape(5)
    with pytest.raises(ValueError, match="squeeze"):
        x.squeeze(0)


def test_casts(x, known):
    same(x.astype("i4"), known.astype("i4"))
    assert x.astype(np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="safe"):
        x.astype("i4", casting="safe")


def test_records(tmp_path):
    dtype = np.dtype([("a", "<i4"), ("b", ">f8", (2,)), ("c", "S3")])
    known = np.zeros(5, dtype)
    known["a"], known["b"], known["c"] = range(5), np.arange(10).reshape(5, 2), b"xy"
    np.save(tmp_path / "r.npy", known)
    x = nf.open(tmp_path / "r.npy")
    assert x.dtype == dtype
    same(x["a"], known["a"])
    np.testing.assert_array_equal(np.asarray(x["b"]), known["b"])
    assert x["b"].shape == (5, 2)
    assert float(x["b"].sum()) == known["b"].sum()
    same(x[1:3], known[1:3])
    np.testing.assert_array_equal(np.asarray(x[["a", "c"]])["a"], known["a"])
    for computed in [x.compute(), x[::-1].compute()[::-1], np.load(x.save(tmp_path / "s.npy").filename)]:
        assert computed.dtype.fields["b"][0].base == np.dtype(">f8")
        np.testing.assert_array_equal(computed, known)
    with pytest.raises(ValueError, match="no field of name d; there are a, b, c"):
        x["d"]


def test_single_values(x, known):
    assert float(x[1, 2, 3]) == known[1, 2, 3]
    assert int(nf.asarray(7)) == 7 and complex(nf.asarray([1j])[0]) == 1j
    assert bool(nf.asarray([True])) and not bool(nf.asarray([[0]]))
    assert x.item(5) == known.item(5) and x.item(1, 2, 3) == known.item(1, 2, 3)
    assert [10, 20, 30][nf.asarray([1, 2]).argmax()] == 20
    assert round(nf.asarray(2.567), 1) == 2.6
    assert f"{x.mean():.3f}" == f"{known.mean(dtype='f8'):.3f}"
    for call in (float, int, complex):
        with pytest.raises(TypeError, match="length-1"):
            call(x)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(ValueError, match="empty"):
        bool(x[:0])
    with pytest.raises(TypeError):
        range(nf.asarray(1.5))


def test_iteration(x, known):
    rows = list(x)
    assert len(rows) == 6 and all(type(row) is np.ndarray for row in rows)
    np.testing.assert_array_equal(rows, known)
    assert [float(item) for item in x[0, 0]] == known[0, 0].tolist()
    assert known[1, 2, 3] in x and 1000.0 not in x
    assert list(x[:0]) == []
    with pytest.raises(TypeError, match="0-d"):
        iter(x[0, 0, 0])


def test_rows_are_read_in_windows(monkeypatch, x, known):
    monkeypatch.setattr(_indexing, "_WINDOW", 500)
    np.testing.assert_array_equal(list(x), known)


def test_values(x, known):
    assert type(x.compute()) is np.ndarray and type(x.sum().compute()) is np.float32
    np.testing.assert_array_equal(x.compute(), known)
    assert x.tolist() == known.tolist() and x.tobytes() == known.tobytes()
    copied = x.compute()
    copied[0] = 0
    np.testing.assert_array_equal(x.compute(), known)
    low, high, other = nf.compute(x.min(), x.max(), 5)
    assert (low, high, other) == (known.min(), known.max(), 5)


def test_several_results_take_one_pass(x):
    total = x.sum()
    assert len(nf.compute(total, x.max(), x.std())) == 3
    assert total.profile["passes"] == 1
    assert total.profile["bytes"] == x.nbytes


@pytest.mark.parametrize(
    ("passes", "results"),
    [
        (1, lambda x, y: (x.sum(), x.max(axis=1), x.mean(axis=0), x.argmin())),
        (1, lambda x, y: (x + y, x - y)),
        (1, lambda x, y: ((x + y).sum(), (x * y).std(axis=-1), abs(y).max())),
        (1, lambda x, y: (x * 2, x.sum(axis=0), np.sqrt(abs(x)).sum())),
        (1, lambda x, y: (x, x.T.max(axis=0), (x * 2).any())),
        (2, lambda x, y: (x - x.mean(), x.max(axis=0))),
        (2, lambda x, y: (x[:3].sum(), x[3:].max())),
    ],
)
def test_results_of_the_same_files_take_one_pass(passes, results, x, path, known):
    arrays = results(x, nf.open(path)[::-1])
    assert f"passes   {passes}\n" in nf.explain(*arrays, 5)
    found = nf.compute(*arrays)
    assert arrays[0].profile["passes"] == passes
    for value, expected in zip(found, results(known, known[::-1]), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    for value, array in zip(found, arrays, strict=True):
        alone = array.compute()
        assert np.asarray(value).tobytes() == np.asarray(alone).tobytes() and value.dtype == alone.dtype


def test_numpy_sees_the_file_itself(path, known):
    x = nf.open(path)
    view = np.asarray(x)
    assert not view.flags.owndata and not view.flags.writeable
    assert np.shares_memory(view, np.asarray(x[1:]))
    assert np.shares_memory(view, np.asarray(x.T[::-1]))
    np.testing.assert_array_equal(np.asarray(x.T[::-1, 1:]), known.T[::-1, 1:])
    assert np.array(x, copy=False) is not None
    copied = np.array(x, copy=True)
    assert copied.flags.owndata or copied.flags.writeable
    copied[0] = 1
    np.testing.assert_array_equal(view, known)
    assert np.asarray(x, "f8").dtype == np.float64
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(x + 1, copy=False)
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(x, "f8", copy=False)


def test_numpy_writes_to_the_file_where_that_may_be(path, known):
    with nf.open(path, "r+") as x:
        np.asarray(x)[0, 0, 0] = 42
    assert np.load(path)[0, 0, 0] == 42
    private = nf.open(path, "c")
    np.asarray(private)[0, 0, 0] = 43
    assert float(private[0, 0, 0]) == 43 and np.load(path)[0, 0, 0] == 42
    private[0, 0, 1] = 44
    assert np.asarray(private)[0, 0, 1] == 44


@pytest.mark.parametrize("dtype", [">i4", "M8[s]", "S5", "U3", "c16", "?"])
def test_any_dtype_is_shared(dtype, tmp_path):
    known = np.arange(12).astype(dtype)
    np.save(tmp_path / "x.npy", known)
    x = nf.open(tmp_path / "x.npy")
    np.testing.assert_array_equal(np.asarray(x), known, strict=True)
    assert not np.asarray(x).flags.owndata
    np.testing.assert_array_equal(x.compute(), known)


def test_buffers(x, known):
    view = memoryview(x)
    assert view.readonly and view.shape == x.shape and view.tolist() == known.tolist()
    del x
    assert view[1, 2, 3] == known[1, 2, 3]
    with pytest.raises(BufferError, match="asarray"):
        memoryview(nf.asarray([1]) + 1)


def test_the_array_interface(x, known):
    interface = x.__array_interface__
    assert interface["shape"] == x.shape and interface["data"][1] is True

    class Holder:
        def __init__(self, of):
            self.of, self.__array_interface__ = of, of.__array_interface__

    np.testing.assert_array_equal(np.asarray(Holder(x)), known)
    assert not hasattr(x + 1, "__array_interface__")


def test_many_maps_of_one_file_are_one(x):
    views = [np.asarray(x[i % 6]) for i in range(5000)]
    assert all(np.shares_memory(views[i], views[i % 6]) for i in range(0, 5000, 500))


# Writing.


def test_assignment(path, known):
    known = known.copy()
    with nf.open(path, "r+") as x:
        for key, value in [
            (0, 1.5), ((1, 2), np.arange(8)), (..., known * 2), ((slice(None), 0), [[1.0]] * 6),
            (([2, 3], 1), 7), ((slice(None), [0, 1]), -1), (known > 1, 0.25), ((None, 4), 9), ((5, 6, 7), np.float64(3)),
            (np.array([True, False] * 3), 8),
        ]:  # fmt: skip
            x[key] = value
            known[key] = value
            np.testing.assert_array_equal(x.compute(), known)
        x[1:] = x[:-1]
        known[1:] = known[:-1].copy()
        x[0] = x[1] + x[2].mean()
        known[0] = known[1] + known[2].mean()
        assert x.profile["bytes_written"] > 0
        np.testing.assert_allclose(x.compute(), known, rtol=1e-6)
        x.fill(3)
    assert (np.load(path) == 3).all()


def test_assignment_that_is_refused(path, known):
    x = nf.open(path)
    with pytest.raises(ValueError, match=r"r\+"):
        x[0] = 1
    with pytest.raises(ValueError, match=r"r\+|read-only"):
        x[[0, 1]] = 1
    with pytest.raises(ValueError, match=r"r\+"):
        x += 1
    with pytest.raises(TypeError, match="real part"):
        (x + 1j).real[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        np.broadcast_to(x[0] + 1, (2, 7, 8))[0] = 1
    with nf.config(memory="1MiB"), pytest.raises(MemoryError, match="in no file"):
        (np.zeros_like(x, shape=1 << 20) + 1)[0] = 1
    with nf.open(path, "r+") as y, pytest.raises(ValueError, match="broadcast"):
        y[0] = np.zeros(3)
    np.testing.assert_array_equal(np.load(path), known)


def test_assignment_to_what_is_in_no_file(path, known):
    x = nf.open(path) + 1
    before = x[0]
    x[0] = 7
    x[1:3, [0, 2]] = x[3:5, [1, 1]]
    x[x < 0] = 0
    x[False] = 3
    expected = known + 1
    first = expected[0].copy()
    expected[0] = 7
    expected[1:3, [0, 2]] = expected[3:5, [1, 1]]
    expected[expected < 0] = 0
    same(x, expected)
    same(before, first)
    same(pickle.loads(pickle.dumps(x)), expected)
    same(x * 2, expected * 2)
    np.testing.assert_array_equal(np.load(path), known)


VIEWS = {
    "item": lambda x: x[1],
    "one": lambda x: x[1, 2, 3],
    "slice": lambda x: x[::-2, ..., None, 3],
    "dots": lambda x: x[1, ..., 3],
    "transpose": lambda x: x.T,
    "axes": lambda x: x.transpose(1, 0, 2)[1:],
    "reshape": lambda x: x.reshape(-1),
    "several": lambda x: x[1:3].reshape(2, -1).T[3:],
    "squeeze": lambda x: x[:, :1].squeeze(1),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("touched", [False, True])
def test_views_of_what_is_in_no_file_are_assigned_to(path, known, view, touched):
    """Nothing that is assigned is lost, as nothing is with NumPy's arrays."""
    x, expected = nf.open(path) + 1, known + 1
    if touched:
        x[0, 0, 0] = expected[0, 0, 0] = 50
    view(x)[...] = 9
    np.asarray(view(expected))[...] = 9
    if view(expected).ndim:
        same(x, expected)
        part, known_part = view(x), view(expected)
    else:
        expected[1, 2, 3] = 9
        same(x, expected)
        part, known_part = view(x), expected[1, 2, 3, ...]
    x[...] = x * 3
    expected[...] = expected * 3
    same(part, known_part)
    part += 1
    same(x, expected)


def test_records_in_no_file_are_assigned_to():
    known = np.zeros(4, [("a", "i4"), ("b", "f8", (2,))])
    x = nf.asarray(known)
    x["a"][1:] = [1, 2, 3]
    known["a"][1:] = [1, 2, 3]
    x["b"] = known["b"] = 2.5
    x[2] = known[2] = (5, (6, 7))
    assert np.array_equal(x["a"], [0, 1, 5, 3]) and np.array_equal(x["b"][2], [6, 7])


def test_many_assignments_are_not_many_copies():
    x = np.zeros_like(nf.asarray([0.0]), shape=(200_000, 2))
    start = time.perf_counter()
    for i in range(2000):
        x[i, 0] = i
        x[i][1] = i
    assert time.perf_counter() - start < 1
    assert float(x.sum()) == 2 * sum(range(2000))
    assert len(x._items.family) < 10


def test_operators_in_place(path, known):
    with nf.open(path, "r+") as x:
        before = x
        x += 1
        x *= 2
        assert x is before
        with pytest.raises(TypeError, match="same_kind"):
            x += 1j
    np.testing.assert_array_equal(np.load(path), (known + 1) * 2)
    y = z = nf.open(path) * 1
    y += 1
    same(y, (known + 1) * 2 + 1)
    same(z, (known + 1) * 2)


def test_parts_are_changed_in_place_once(path, known):
    known = known.copy()
    with nf.open(path, "r+") as x:
        x[1:3] += 1
        x[:, 0] *= 2
        written = x[:, 0]
        written += 1
        x[:, 0] = written
        # Nothing was written by the assignments, which come after the operators.
        assert x.profile is None
    known[1:3] += 1
    known[:, 0] = known[:, 0] * 2 + 1
    np.testing.assert_array_equal(np.load(path), known)


def test_saving(tmp_path, x, known):
    y = (x * 2).save(tmp_path / "y.npy")
    assert y.mode == "r" and y.filename == str(tmp_path / "y.npy")
    y.close()
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), known * 2)
    x.T.save(tmp_path / "t.npy", dtype="f8", order="F").close()
    found = np.load(tmp_path / "t.npy")
    assert found.flags.f_contiguous and found.dtype == np.float64
    np.testing.assert_array_equal(found, known.T)
    with pytest.raises(FileExistsError):
        x.save(tmp_path / "y.npy", overwrite=False)
    with pytest.raises(TypeError, match="same_kind"):
        x.save(tmp_path / "n.npy", dtype="i4")
    assert not (tmp_path / "n.npy").exists()
    np.save(tmp_path / "z", x)
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), known)


def test_closing(path, known):
    x = nf.open(path, "r+")
    part, view = x[0], np.asarray(x)
    x[0] = 1
    x.close()
    x.close()
    for use in (lambda: x + 1, lambda: float(x.mean()), lambda: x[0], lambda: np.asarray(x), lambda: x.save("n.npy")):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert x.shape == known.shape and "closed" in repr(x)
    assert view[0, 0, 0] == 1 and float(part[0, 0]) == 1
    with nf.open(path) as y:
        assert y.mode == "r"
    with pytest.raises(ValueError, match="closed"):
        y.sum()


def test_growing(tmp_path):
    x = nf.create(tmp_path / "g.npy", (0, 3), "i4", growable=True)
    x.append(np.arange(6).reshape(2, 3))
    x.append([7, 8, 9])
    reader = nf.open(tmp_path / "g.npy")
    assert x.shape == reader.shape == (3, 3)
    np.asarray(reader)
    with x.appender() as appender:
        appender.append([[1, 1, 1]])
        assert (appender.rows, appender.pending) == (3, 1)
        appender.commit()
        with pytest.raises(BlockingIOError):
            nf.Appender(tmp_path / "g.npy")
    assert reader.shape == (3, 3) and reader.refresh() == 4
    assert np.asarray(reader)[3].tolist() == [1, 1, 1] and reader[3].tolist() == [1, 1, 1]
    x.refresh()
    x.resize(6)
    assert x.shape == (6, 3) and x[5].tolist() == [0, 0, 0]
    x.resize(1)
    assert x.tolist() == [[0, 1, 2]]
    with pytest.raises(ZeroDivisionError), nf.Appender(tmp_path / "g.npy") as appender:
        appender.append([[5, 5, 5]])
        raise ZeroDivisionError
    assert reader.refresh() == 1
    with pytest.raises(ValueError, match="rows of shape"):
        x.append([[1, 2]])
    x.close()


def test_checksums(tmp_path):
    x = nf.create(tmp_path / "s.npy", (1000,), "f8", fill=1)
    assert nf.check(tmp_path / "s.npy")["has_checksums"] is False
    assert x.checksum()["blocks"] == 1
    x[5] = 2
    x.close()
    x = nf.open(tmp_path / "s.npy")
    assert x.verify()["is_damaged"] is False and x.check()["has_checksums"]
    data = bytearray((tmp_path / "s.npy").read_bytes())
    data[-1] ^= 1
    (tmp_path / "s.npy").write_bytes(data)
    found = nf.open(tmp_path / "s.npy").verify()
    assert found["is_damaged"] and found["damage"][0][2][0] == 0
    np.save(tmp_path / "bare.npy", [1])
    with pytest.raises(FileNotFoundError, match="no checksums"):
        nf.verify(tmp_path / "bare.npy")
    (tmp_path / "s.npy").write_bytes(bytes(50) + data[50:])
    assert nf.verify(tmp_path / "s.npy")["header_differs"]
    (tmp_path / "s.npy").write_bytes(data)
    assert nf.checksum(tmp_path / "s.npy")["blocks"] == 1 and not nf.verify(tmp_path / "s.npy")["is_damaged"]
    with open(tmp_path / "s.npy", "ab") as file:
        file.write(b"xyz")
    assert nf.check(tmp_path / "s.npy")["trailing"] == 3
    assert nf.repair(tmp_path / "s.npy")["cut"] == 3


def test_descriptions(x, known):
    found = x.stats()
    assert found["count"] == known.size and found["max"] == known.max() and found["zeros"] == 0
    assert found["mean"] == pytest.approx(known.mean(dtype="f8"), rel=1e-12)
    found = x.describe([0.5], bins=4)
    assert found["quantiles"] == [pytest.approx(np.median(known.astype("f8")))]
    counts, edges = np.histogram(known, 4)
    assert found["histogram"][0] == counts.tolist() and found["histogram"][1] == pytest.approx(edges.tolist())
    with pytest.raises(TypeError, match="expression"):
        (x + 1).stats()


# Pickles and copies.


def test_pickles_by_reference(path, x, known):
    data = pickle.dumps(x)
    assert len(data) < 1024
    again = pickle.loads(data)
    assert again.shape == x.shape and again.dtype == x.dtype
    same(again, known)
    same(pickle.loads(pickle.dumps(x[1:, ::-2].T)), known[1:, ::-2].T)
    # A pickle of what was not opened yet is the same one.
    assert len(pickle.dumps(pickle.loads(data))) < 1024
    started = time.perf_counter()
    for _ in range(200):
        pickle.loads(pickle.dumps(x))
    assert (time.perf_counter() - started) / 200 < 500e-6


def test_unpickling_reads_no_file(path, x):
    data = pickle.dumps(x)
    path.unlink()
    again = pickle.loads(data)
    assert again.shape == (6, 7, 8)
    with pytest.raises(FileNotFoundError):
        float(again.mean())
    np.save(path, np.zeros((6, 7, 8), "f4"))
    with pytest.raises(ValueError, match="another file"):
        float(pickle.loads(data).mean())


def test_expressions_are_pickled_too(x, known):
    z = (x - x.mean(axis=0)) / np.float32(2) + np.arange(8, dtype="f4")
    again = pickle.loads(pickle.dumps(np.sqrt(abs(z))[1:].sum(axis=(0, 1))))
    np.testing.assert_array_equal(again.compute(), np.sqrt(abs(z))[1:].sum(axis=(0, 1)).compute())
    same(pickle.loads(pickle.dumps(nf.asarray([1.5, 2.5]))), np.array([1.5, 2.5]))
    with nf.open(x.filename, "r+") as writer:
        again = pickle.loads(pickle.dumps(writer))
        writer[0] = 2
        assert again.mode == "r" and float(again[0, 0, 0]) == 2
    private = nf.open(x.filename, "c")
    private[0] = 1
    assert float(pickle.loads(pickle.dumps(private))[0, 0, 0]) == 1


def test_copies(x, known):
    assert copy.copy(x) is x and copy.deepcopy([x])[0] is x
    copied = np.copy(x)
    same(copied, known)
    assert copied.filename is None


# What it looks like.


def test_repr(x, known):
    assert repr(x).startswith("ndfolio.Array([[[") and "mode='r'" in repr(x) and "shape=(6, 7, 8)" in repr(x)
    assert str(x) == str(known)
    assert str(nf.asarray([1, 2]) * 2) == "[2 4]"
    assert str(x.max()) == str(known.max())
    assert "dtype=int64" in repr(nf.asarray([1]))


@pytest.mark.parametrize("shape", [(2000,), (50, 60), (7, 3, 900), (3, 4, 5, 60), (0, 5), (1, 5000), (4, 4, 4, 4, 4, 4)])
def test_large_arrays_look_as_numpys(shape, tmp_path):
    known = np.random.default_rng(2).integers(0, 1000, shape)
    np.save(tmp_path / "l.npy", known)
    x = nf.open(tmp_path / "l.npy")
    if len(shape) <= 4:
        assert str(x) == str(known)
    assert "shape=" in repr(x)


def test_a_look_reads_corners_only(tmp_path, monkeypatch):
    x = nf.create(tmp_path / "big.npy", (5000, 5000), "f8")
    assert "..." in repr(x) and "0." in repr(x)
    # A look at what takes a large pass first shows no values.
    z = x - x.mean(axis=0)
    assert repr(z) == "<ndfolio.Array shape=(5000, 5000), dtype=float64>"
    assert "..." in repr(np.sqrt(x + 1))
    assert z.profile is None
    assert z._repr_html_().count("<img") == 0
    x.close()


def test_html(x, tmp_path):
    html = x._repr_html_()
    assert "image/png" in html and "(6, 7, 8)" in html and "float32" in html
    assert "<img" not in nf.asarray(["a"])._repr_html_()
    for known in (np.zeros((3, 4)), np.array([np.nan]), np.arange(1000), np.ones((2, 300), "c8"), np.array([[True]])):
        picture = _html.thumbnail(nf.asarray(known))
        assert picture.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", picture[16:24])
        start = picture.index(b"IDAT") + 4
        length = struct.unpack(">I", picture[start - 8 : start - 4])[0]
        assert len(zlib.decompress(picture[start : start + length])) == height * (width + 1)
        assert max(width, height) <= 96
    assert _html.thumbnail(nf.asarray(5)) is None and _html.thumbnail(nf.asarray(np.zeros((0, 3)))) is None


def test_explain(x):
    text = ((x - x.mean(axis=0)) / x.std(axis=0)).explain()
    assert "passes   2" in text and x.filename in text and "memory" in text


# Other ways to make one.


def test_asarray(tmp_path, path, known):
    same(nf.asarray([[1, 2]]), np.array([[1, 2]]))
    same(nf.asarray(1.5), np.array(1.5))
    same(nf.asarray(True, dtype="i2"), np.array(1, "i2"))
    same(nf.asarray(path), known)
    same(nf.asarray(np.asfortranarray(known)), known)
    same(nf.asarray(known[::-1, ::2]), known[::-1, ::2])
    same(nf.asarray(known.astype(">f8")), known.astype("f8"))
    x = nf.asarray(known)
    assert nf.asarray(x) is x and nf.asarray(x, "f8").dtype == np.float64
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        nf.asarray(known, copy=False)
    big = np.arange(100000.0)
    same(nf.asarray(big), big)
    records = np.zeros(3000, [("a", "i4"), ("b", "f8")])
    same(nf.asarray(records), records)
    with pytest.raises((TypeError, ValueError), match="object"):
        nf.asarray(np.array([None]))


def test_memory_maps_are_taken_as_their_files(path, known):
    mapped = np.load(path, mmap_mode="r")
    x = nf.asarray(mapped[2:])
    assert x.filename == str(path)
    same(x, known[2:])
    assert nf.asarray(mapped[:, 1:]).filename is None
    same(nf.asarray(mapped[:, 1:]), known[:, 1:])
    same(nf.asarray(mapped.T), known.T)
    private = np.load(path, mmap_mode="c")
    private[0] = 5
    assert nf.asarray(private).filename is None and float(nf.asarray(private)[0, 0, 0]) == 5


def test_raw_files_and_archives(tmp_path, known):
    (tmp_path / "x.bin").write_bytes(b"head" + known.tobytes())
    same(nf.open(tmp_path / "x.bin", dtype="f4", shape=(6, 7, -1), offset=4), known)
    same(nf.open(str(tmp_path / "x.bin"), dtype="f4", offset=4), known.ravel())
    same(nf.open(tmp_path / "x.bin", dtype="f4", shape=known.shape[::-1], offset=4, order="F"), known.T)
    np.savez(tmp_path / "a.npz", one=known, two=known[0])
    same(nf.open(tmp_path / "a.npz", key="two"), known[0])
    same(pickle.loads(pickle.dumps(nf.open(tmp_path / "a.npz", key="two"))), known[0])


@pytest.mark.parametrize("io", ["auto", "mmap", "pread", "direct"])
def test_ways_of_reading(io, path, known):
    x = nf.open(path, io=io)
    np.testing.assert_allclose((x + 1).sum(axis=0).compute(), (known + 1).sum(axis=0), rtol=1e-6)
