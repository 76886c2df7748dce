"""Items that indices pick: NumPy's results, errors in NumPy's words, and what fits the budget."""

import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ndfolio as nf
from ndfolio import _picking
from ndfolio import array_api as xp

DTYPES = ["u1", "<i2", ">i4", "<f8", ">f4", "?", "c8", "f2", "S3", "<U2", "M8[s]", [("a", "<i2"), ("b", "S2", (2,))]]
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def items(shape, dtype, seed=0):
    """Items of any dtype, different from each other as far as that goes."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind in "SUV":
        if dtype.names:
            found = np.zeros(shape, dtype)
            found["a"] = random.integers(-999, 999, shape)
            found["b"] = random.integers(10, 99, (*shape, 2)).astype("S2")
            return found
        return random.integers(10, 99, shape).astype("S2").astype(dtype)
    if dtype.kind == "M":
        return random.integers(0, 1 << 40, shape).astype(dtype)
    return (random.normal(size=shape) * 50).astype(dtype)


@pytest.fixture(autouse=True, params=[0, 64], ids=["by a pass", "few by NumPy"])
def few(request, monkeypatch):
    """Most arrays here are so small that no pass would be made."""
    monkeypatch.setattr(_picking, "_FEW", request.param)
    return request.param


@pytest.fixture
def file(tmp_path):
    """Makes a file of an array, and opens that."""

    def make(array, mode="r", order="C"):
        path = tmp_path / f"x{len(os.listdir(tmp_path))}.npy"
        np.save(path, np.asarray(array, order=order))
        return nf.open(path, mode)

    return make


def same(found, expected):
    found = np.asarray(found.compute() if isinstance(found, nf.Array) else found)
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)


@st.composite
def index_parts(draw, shape):
    """An index that has an array or a mask somewhere."""
    parts, axis = [], 0
    common = draw(st.sampled_from([(3,), (2, 3), (1,), (0,)]))
    while axis < len(shape):
        kind = draw(st.sampled_from(["array", "array", "slice", "int", "mask", "new", "stop", "bool"]))
        extent = shape[axis]
        if kind == "stop":
            break
        if kind == "new":
            parts.append(None)
            continue
        if kind == "bool":
            parts.append(draw(st.booleans()))
            continue
        if kind == "slice":
            bound = st.one_of(st.none(), st.integers(-extent - 1, extent + 1))
            step = st.one_of(st.none(), st.sampled_from([-2, -1, 1, 2]))
            parts.append(slice(draw(bound), draw(bound), draw(step)))
        elif kind == "int":
            parts.append(draw(st.integers(-extent, extent - 1)))
        elif kind == "mask":
            axes = draw(st.integers(1, len(shape) - axis))
            seed = draw(st.integers(0, 99))
            parts.append(np.random.default_rng(seed).random(shape[axis : axis + axes]) < 0.4)
            axis += axes - 1
        else:
            cut = draw(st.sampled_from([common, common, (1, *common[1:]), common[1:] or (1,)]))
            seed = draw(st.integers(0, 99))
            array = np.random.default_rng(seed).integers(-extent, extent, cut)
            parts.append(array.astype(draw(st.sampled_from(["i1", "i4", "i8", ">i2"]))))
        axis += 1
    if draw(st.booleans()) and axis <= len(shape):
        parts.insert(draw(st.integers(0, len(parts))), ...)
    return tuple(parts)


def attempt(act):
    try:
        return act(), None
    except (IndexError, ValueError) as error:
        return None, type(error)


@QUICK
@given(st.data())
def test_all_kinds_of_indices(tmp_path_factory, data):
    ndim = data.draw(st.integers(1, 4))
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=ndim, max_size=ndim)))
    known = items(shape, data.draw(st.sampled_from(DTYPES)))
    order = data.draw(st.sampled_from("CF"))
    path = tmp_path_factory.mktemp("kinds") / "x.npy"
    np.save(path, np.asarray(known, order=order))
    x = nf.open(path, data.draw(st.sampled_from(["r", "r+", "c"])))
    if data.draw(st.booleans()):
        x, known = x.T[::-1], known.T[::-1]
    key = data.draw(index_parts(known.shape))
    expected, error = attempt(lambda: np.asarray(known[key]))
    if error is not None:
        with pytest.raises((IndexError, ValueError)):
            x[key].compute()
        return
    same(x[key], expected)
    if known.dtype.kind in "iuf":
        same(x[key] * 2, expected * 2)


@QUICK
@given(st.data())
def test_all_kinds_of_places_are_written_to(tmp_path_factory, data):
    ndim = data.draw(st.integers(1, 3))
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=ndim, max_size=ndim)))
    known = items(shape, data.draw(st.sampled_from(DTYPES)))
    order = data.draw(st.sampled_from("CF"))
    path = tmp_path_factory.mktemp("places") / "x.npy"
    np.save(path, np.asarray(known, order=order))
    mode = data.draw(st.sampled_from(["r+", "c"]))
    x = nf.open(path, mode)
    key = data.draw(index_parts(shape))
    picked, error = attempt(lambda: known[key])
    if error is not None:
        with pytest.raises((IndexError, ValueError)):
            x[key] = 0
        return
    cut = data.draw(st.integers(0, picked.ndim))
    values = items(picked.shape[cut:], known.dtype, 1)
    if data.draw(st.booleans()) and known.dtype.names is None:
        values = values.astype(known.dtype.newbyteorder("="))
    known[key] = values
    x[key] = values
    np.testing.assert_array_equal(np.asarray(x.compute()), known)
    x.close()
    if mode == "r+":
        np.testing.assert_array_equal(np.load(path), known)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_take(file, dtype, order):
    known = items((6, 5, 4), dtype)
    x = file(known, order=order)
    indices = np.array([[0, 3], [-1, 2]])
    for axis in (0, 1, -1, None):
        same(x.take(indices, axis), known.take(indices, axis))
        same(np.take(x, indices, axis=axis), np.take(known, indices, axis=axis))
        far = indices * 7
        for mode in ("wrap", "clip"):
            same(x.take(far, axis, mode=mode), known.take(far, axis, mode=mode))
    same(x.take(3, axis=1), known.take(3, axis=1))
    same(x.take(-1), known.take(-1))
    same(x.take(np.empty((0, 2), int), 1), known.take(np.empty((0, 2), int), 1))
    same(x.take([True, False], 0), known.take([True, False], 0))
    same(xp.take(x, xp.asarray([4, 0]), axis=1), known.take([4, 0], 1))


def test_take_of_expressions_and_into_memory(file):
    known = items((6, 5), "f4")
    x = file(known)
    for mode in ("raise", "wrap", "clip"):
        far = [1, -2] if mode == "raise" else [100, -100]
        same((x + 1).take(far, 0, mode=mode), (known + 1).take(far, 0, mode=mode))
        same((x + 1).take(far, mode=mode), (known + 1).take(far, mode=mode))
    out = np.empty((2, 5), "f8")
    assert np.take(x, [1, 0], axis=0, out=out) is out
    np.testing.assert_array_equal(out, known[[1, 0]])


def test_compress_extract_and_along(file):
    known = items((6, 5), "i4")
    x = file(known)
    mask = [True, False, True]
    for axis in (0, 1, None):
        same(x.compress(mask, axis), known.compress(mask, axis))
        same(np.compress(mask, x, axis), np.compress(mask, known, axis))
    same(np.extract(known > 3, x), np.extract(known > 3, known))
    for axis in (0, 1, -1):
        indices = np.argsort(known, axis=axis)
        for array, expected in ((x, known), (x + 1, known + 1)):
            same(np.take_along_axis(array, indices, axis), np.take_along_axis(expected, indices, axis))
            same(xp.take_along_axis(array, indices, axis=axis), np.take_along_axis(expected, indices, axis))
    indices = np.array([[4], [0], [0], [1], [2], [-1]])
    same(np.take_along_axis(x, indices, 1), np.take_along_axis(known, indices, 1))
    same(np.take_along_axis(x, np.array([3, 29]), None), np.take_along_axis(known, np.array([3, 29]), None))


def test_windows(file):
    known = items((40, 3), ">i2")
    x = file(known)
    starts = np.array([0, 35, 7, -33])
    expected = known[(starts % 40)[:, None] + np.arange(5)]
    same(x.windows(starts, 5), expected)
    same((x + 1).windows(starts, 5), expected + 1)
    same(x[:, 1].windows(starts, 5).astype("i8"), expected[:, :, 1].astype("i8"))
    same(x.windows(np.array([], int), 5), np.empty((0, 5, 3), ">i2"))
    for array in (x, x + 1):
        with pytest.raises(IndexError, match="a window of 5 rows from 36 on is out of bounds for axis 0 with size 40"):
            array.windows([36], 5).compute()
        with pytest.raises(IndexError, match="a window of 41 rows from 0 on is out of bounds for axis 0 with size 40"):
            array.windows([0], 41)


def test_samples(file):
    known = np.arange(1000)
    x = file(known)
    rows = np.asarray(x.sample(100, seed=3))
    assert len(set(rows.tolist())) == 100 and list(rows) != sorted(rows)
    np.testing.assert_array_equal(x.sample(100, seed=3), rows)
    np.testing.assert_array_equal((x * 1).sample(100, seed=3), rows)
    assert np.asarray(x.sample(100)).tolist() != np.asarray(x.sample(100)).tolist()
    assert sorted(np.asarray(x.sample(1000, 1))) == known.tolist()
    with pytest.raises(ValueError, match="1001 .* 1000"):
        x.sample(1001)
    with pytest.raises(ValueError, match="seed"):
        x.sample(1, seed=-1)


def test_indices_that_are_in_files(file):
    known, places = items((50, 4), "f4"), np.random.default_rng(0).integers(-50, 50, 70)
    x = file(known)
    for dtype in ("i8", ">i4", "i1", "u1"):
        indices = (places % 50 if dtype == "u1" else places).astype(dtype)
        same(x[file(indices)], known[indices])
        same(x.take(file(indices), 0), known.take(indices, 0))
    mask = known > 0
    same(x[file(mask)], known[mask])
    same(x[file(mask, order="F")], known[mask])
    same(x[file(mask[:, 1])], known[mask[:, 1]])
    same(x[file(mask)[:, 2], 1:], known[mask[:, 2], 1:])
    same(x[x > 0], known[known > 0])


def test_items_are_read_when_they_are_wanted_and_copied_where_they_can_be_written(file, few):
    known = items((30, 4), "f4")
    x = file(known, "r+")
    first, second = [1, 2, 3], [7, 8, 9]
    x[first], x[second] = x[second], x[first]
    known[first], known[second] = known[second], known[first]
    same(x, known)
    copy = x[first]
    x[first] = 0
    same(copy, known[first])
    x[[5, 5]] += 1
    known[5] += 1
    np.testing.assert_array_equal(x[5], known[5])
    y = file(known)
    waiting = y.take([4, 4, 0], axis=0)
    assert waiting.shape == (3, 4) and waiting.dtype == np.dtype("f4") and waiting.filename is None
    assert waiting.profile is None
    same(waiting, known[[4, 4, 0]])
    assert few or waiting.profile["bytes"] > 0
    assert "reads" in y[[1, 2]].explain() and len(pickle.dumps(y[[1, 2]])) < 1000
    same(pickle.loads(pickle.dumps(y[[1, 2]])), known[[1, 2]])
    waiting[0] = 9
    assert float(waiting[0, 0]) == 9 and float(y[4, 0]) == known[4, 0]


def test_what_is_picked_is_part_of_expressions(file):
    known = items((30, 4), "f4")
    x = file(known)
    y = x[[3, 1, 3]]
    same(y + x[:3], known[[3, 1, 3]] + known[:3])
    same(y.T[1:], known[[3, 1, 3]].T[1:])
    low, high, other = nf.compute(x[[1, 2]], y, x[0])
    same(low, known[[1, 2]])
    same(high, known[[3, 1, 3]])
    same(other, known[0])
    assert float(x[[5]].sum()) == pytest.approx(float(known[[5]].sum()))
    assert "shape=(3, 4)" in repr(x[[3, 1, 3]])


def test_a_result_larger_than_the_budget(file, tmp_path):
    known = np.arange(1 << 18, dtype="f8").reshape(-1, 64)
    x = file(known)
    rows = np.random.default_rng(0).integers(0, len(known), 2 * len(known))
    with nf.config(memory="1MiB", threads=2):
        picked = x[rows]
        with pytest.raises(MemoryError, match="result in memory.*4.0 MiB|4194304") as caught:
            picked.compute()
        assert "save" in str(caught.value)
        saved = x.take(rows, axis=0).save(tmp_path / "out.npy")
        assert saved.profile["bytes_written"] >= picked.nbytes
        small = x.take(rows, axis=0).save(tmp_path / "small.npy", dtype="i4", casting="unsafe")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), known[rows])
    np.testing.assert_array_equal(np.load(tmp_path / "small.npy"), known[rows].astype("i4"))
    assert small.dtype == np.dtype("i4")
    with pytest.raises(FileExistsError):
        x[[1]].save(tmp_path / "out.npy", overwrite=False)
    x[[2, 1]].save(tmp_path / "f.npy", order="F")
    assert np.load(tmp_path / "f.npy").flags.f_contiguous


def test_put_and_its_like(file):
    for dtype in ("f4", ">i2"):
        known = items((6, 5), dtype)
        x = file(known, "r+")
        mask = known > 10

        def both(act):
            act(x)
            act(known)
            np.testing.assert_array_equal(x.compute(), known)

        both(lambda a: np.put(a, [0, 7, -1, 7], [1, 2, 3, 4]))
        both(lambda a: np.put(a, [[0, 7], [5, 6]], [5, 6]))
        both(lambda a: a.put(3, 9))
        both(lambda a: np.put(a, [0, 100, -100], [1, 2, 3], mode="clip"))
        both(lambda a: np.put(a, [0, 100, -100], [1, 2, 3], mode="wrap"))
        both(lambda a: np.put(a, [], []))
        both(lambda a: np.put(a, [1, 2], []))
        both(lambda a: np.place(a, mask, [1, 2, 3]))
        both(lambda a: np.putmask(a, mask, np.arange(30).reshape(6, 5).astype(a.dtype)))
        both(lambda a: np.putmask(a, mask, [5, 6]))
        both(lambda a: np.put_along_axis(a, np.array([[0], [1], [2], [3], [4], [0]]), 8, 1))
        both(lambda a: np.put_along_axis(a, np.array([[2, 1, 0, 4, 3]]), np.array([[1, 2, 3, 4, 5]]), 0))
        both(lambda a: np.put_along_axis(a, np.array([3, 4]), 7, None))
        for wrong in (lambda a: np.put(a, [30], 1), lambda a: np.put_along_axis(a, np.array([[6]]), 1, 0)):
            for array in (x, known):
                with pytest.raises(IndexError, match="out of bounds"):
                    wrong(array)
        with pytest.raises(ValueError, match="empty"):
            np.place(x, mask, [])
        with pytest.raises(ValueError, match="same size"):
            np.putmask(x, [True], 1)
        np.testing.assert_array_equal(x.compute(), known)
        y, other = x + 0, known + 0
        np.put(y, [1, 2], 3)
        np.put(other, [1, 2], 3)
        same(y, other)


def test_errors_of_indices(file, tmp_path):
    x = file(items((3, 4), "f4"), "r+")
    for array in (x, x + 1):
        for key, words in [
            ([0, 3], "index 3 is out of bounds for axis 0 with size 3"),
            ((slice(None), [1, -5]), "index -5 is out of bounds for axis 1 with size 4"),
            (([0], 4), "index 4 is out of bounds for axis 1 with size 4"),
            ([0.5], "must be of integer"),
            (np.array([1.0]), "must be of integer"),
            (([0, 1], [0, 1, 2]), r"could not be broadcast together with shapes \(2,\) \(3,\)"),
            (([0], [0], [0]), "too many indices for array: array is 2-dimensional, but 3 were indexed"),
            (np.zeros(4, bool), "boolean index did not match indexed array along axis 0; size of axis is 3"),
            (np.zeros((3, 5), bool), "along axis 1; size of axis is 4 but size of corresponding boolean axis is 5"),
        ]:
            with pytest.raises(IndexError, match=words):
                array[key]
    for key, value, words in [
        ([0, 1], np.zeros(3), r"value array of shape \(3,\) could not be broadcast to indexing result of shape \(2, ?4\)"),
        ([0, 3], 1, "index 3 is out of bounds"),
        (np.zeros(4, bool), 1, "boolean index did not match"),
    ]:
        with pytest.raises((IndexError, ValueError), match=words):
            x[key] = value
    for act, error, words in [
        (lambda: x.take([5], 0), IndexError, "index 5 is out of bounds for axis 0 with size 3"),
        (lambda: x.take([12]), IndexError, "index 12 is out of bounds for axis 0 with size 12"),
        (lambda: x.take([0.5]), TypeError, "according to the rule 'same_kind'"),
        (lambda: x.take([0], 2), np.exceptions.AxisError, "axis 2"),
        (lambda: x.take([0], mode="x"), ValueError, "clipmode"),
        (lambda: x[:0].take([0], 0), IndexError, "cannot do a non-empty take from an empty axes"),
        (lambda: np.take_along_axis(x, np.zeros(3, int), 0), ValueError, "same number of dimensions"),
        (lambda: np.take_along_axis(x, np.zeros((3, 1)), 1), IndexError, "integer array"),
        (lambda: x.compress([[True]]), ValueError, "1-d"),
    ]:
        with pytest.raises(error, match=words):
            act()
    y = nf.open(x.filename)
    with pytest.raises(ValueError, match="r\\+"):
        y[[1]] = 0
    late = nf.asarray(np.array([1, 9])).save(tmp_path / "late.npy")
    with pytest.raises(IndexError, match="index 9 is out of bounds for axis 0 with size 3"):
        x[late].compute()


def test_few_items_of_a_file_that_is_cut(file):
    x = file(np.arange(1 << 16))
    os.truncate(x.filename, 4096)
    with pytest.raises(OSError, match="cut"):
        x[[3, 60_000]].compute()


def test_a_condition_larger_than_the_budget(file):
    known = np.random.default_rng(0).normal(size=1 << 21)
    x = file(known, "r+")
    with nf.config(memory="1MiB", threads=1):
        x[x > 0.5] = 0
    known[known > 0.5] = 0
    np.testing.assert_array_equal(x, known)


def test_rows_of_large_maps(tmp_path, monkeypatch):
    known = np.random.default_rng(0).integers(-999, 999, (40_000, 64)).astype(">i4")
    known.tofile(tmp_path / "m.bin")
    calls = []
    of_map = _picking.of_map

    def counted(*args):
        calls.append(of_map(*args))
        return calls[-1]

    monkeypatch.setattr(_picking, "of_map", counted)
    monkeypatch.setattr(_picking, "_WORTH", 1 << 20)
    looked, is_cached = _picking._is_cached, [False]
    monkeypatch.setattr(_picking, "_is_cached", lambda *args: is_cached[0])
    rows = np.random.default_rng(1).integers(-40_000, 40_000, 6000)
    for mode, taken in (("r", True), ("r+", True), ("c", False)):
        m = nf.memmap(tmp_path / "m.bin", ">i4", mode, shape=known.shape)
        for index in (rows, rows.astype("i4"), known[:, 0] > 0, rows % 40_000):
            calls.clear()
            is_cached[0] = False
            found, expected = m[index], known[index]
            assert type(found) is np.ndarray and found.dtype == expected.dtype and found.flags.writeable
            np.testing.assert_array_equal(found, expected)
            assert (len(calls), calls[0] is not NotImplemented) == (1, taken)
            is_cached[0] = True
            np.testing.assert_array_equal(m[index], known[index])
            assert calls[1] is NotImplemented
        with pytest.raises(IndexError, match="index 40000 is out of bounds for axis 0 with size 40000"):
            m[np.append(rows, 40_000)]
        with pytest.raises(IndexError, match="boolean index did not match"):
            m[np.ones(39_999, bool)]
        calls.clear()
        np.testing.assert_array_equal(m[rows[:20]], known[rows[:20]])
        assert not calls
        with nf.config(accelerate=False):
            np.testing.assert_array_equal(m[rows], known[rows])
        assert calls == [NotImplemented]
    m = nf.memmap(tmp_path / "m.bin", ">i4", "r", shape=known.shape)
    m.prefetch()
    assert looked(m, rows) and looked(m, known[:, 0] > 0) and looked(m, np.array([40_000]))


def test_rows_of_a_map_that_no_page_cache_holds(tmp_path):
    hole = tmp_path / "hole.bin"
    with open(hole, "wb") as file:
        file.truncate(1 << 25)
    m = nf.memmap(hole, "u1", "r", shape=(-(-(1 << 25) // 512), 512))
    rows = np.random.default_rng(0).integers(0, len(m), 20_000)
    # Nobody read it yet.
    assert m.residency()["resident"] or not _picking._is_cached(m, rows)
    assert not m[rows].any()
