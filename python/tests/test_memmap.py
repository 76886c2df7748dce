"""The class memmap beside NumPy's: arguments, files, attributes, views and result types."""

import ctypes
import gc
import io
import operator
import os
import pathlib
import tempfile
import threading
import weakref

import ndfolio as nf
import numpy as np
import pytest

MODES = ["r", "c", "r+", "w+"]
ALIASES = {"readonly": "r", "copyonwrite": "c", "readwrite": "r+", "write": "w+"}


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def outcome(cls, size, arguments):
    """What a call gives: the kind of error, or the array and the file."""
    path = "outcome.bin"
    if size is not None:
        with open(path, "wb") as file:
            file.write(bytes(i % 251 for i in range(size)))
    elif os.path.exists(path):
        os.remove(path)
    try:
        found = cls(path, **arguments)
    except Exception as error:
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")
    result = (found.dtype, found.shape, found.strides, found.tobytes(), found.mode, found.offset)
    flags = (found.flags.writeable, found.flags.aligned, found.flags.owndata, found.flags.f_contiguous)
    attributes = (found.filename, type(found).__name__, os.path.getsize(path))
    del found
    return result + flags + attributes


# Every row of the table of file state and mode, and some more.
STATES = [
    (100, {"shape": 200}),
    (100, {"shape": 50}),
    (0, {"shape": None}),
    (0, {"shape": 0}),
    (0, {"shape": (0, 4)}),
    (0, {"shape": ()}),
    (10, {"shape": (0, 4)}),
    (10, {"shape": 0, "offset": 10}),
    (4096, {"shape": 0, "offset": 4096}),
    (10, {"shape": 0, "offset": 4096}),
    (96, {"dtype": "f8", "offset": 104, "shape": None}),
    (96, {"dtype": "f8", "offset": 104, "shape": (1,)}),
    (None, {"shape": 3}),
    (100, {"shape": None}),
    (100, {"dtype": "f8", "shape": None}),
    (96, {"dtype": "f8", "shape": None}),
    (96, {"dtype": ">f8", "shape": (3, 4)}),
    (96, {"dtype": "f8", "shape": (3, 4), "order": "F"}),
    (96, {"dtype": "f8", "shape": [3, 4], "order": "A"}),
    (96, {"dtype": "f8", "shape": (4,), "offset": 3}),
    (96, {"dtype": None, "shape": (4,)}),
    (96, {"dtype": "S3", "shape": np.array([2, 5])}),
    (96, {"dtype": "(2,)f4", "shape": (3,)}),
    (96, {"dtype": [("a", "i1"), ("b", "f8")], "shape": (3,)}),
    (96, {"dtype": "M8[s]", "shape": np.int32(3)}),
    (96, {"dtype": "g", "shape": range(2, 4), "offset": np.int64(0)}),
    (96, {"dtype": "S", "shape": None}),
    (96, {"shape": 3.0}),
    (96, {"shape": (3.0,)}),
    (96, {"shape": ("3",)}),
    (96, {"shape": (2, True)}),
    (96, {"shape": (2, 3), "offset": 2.0}),
    (96, {"shape": (2, 3), "offset": "8"}),
    (96, {"shape": (2, 3), "offset": -1}),
    (96, {"shape": (2, 3), "order": "X"}),
    (96, {"shape": (1 << 40, 1 << 40)}),
    (96, {"shape": (1,) * 65}),
    (96, {"shape": (1,) * 64}),
    (96, {"shape": (-2, -3)}),
    (96, {"shape": (5, 0, 1 << 62)}),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size, arguments", STATES)
def test_arguments_do_what_they_do_in_numpy(mode, size, arguments):
    wanted = outcome(np.memmap, size, {"mode": mode, **arguments})
    found = outcome(nf.memmap, size, {"mode": mode, **arguments})
    if isinstance(wanted, str) and isinstance(found, str) and wanted != found:
        # These say more than NumPy's, of the same file: too big a shape, and a length that is no number of items.
        assert (wanted, found) in {
            ("OverflowError", "ValueError"),
            ("RuntimeWarning", "ValueError"),
            ("OSError", "ValueError"),
            ("ValueError", "OverflowError"),
        }, (wanted, found)
        return
    assert found == wanted


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
@pytest.mark.parametrize("shape", [-1, (-1,), (2, -1)])
def test_negative_shapes_are_the_same_error(mode, shape):
    assert outcome(nf.memmap, 96, {"mode": mode, "shape": shape}) == "OverflowError"
    if mode != "r+":
        assert outcome(np.memmap, 96, {"mode": mode, "shape": shape}) == "OverflowError"


@pytest.mark.parametrize("alias, mode", ALIASES.items())
def test_modes_have_other_names(alias, mode):
    assert outcome(nf.memmap, 96, {"mode": alias, "shape": 8})[4] == mode


@pytest.mark.parametrize("mode", ["rb", "", "a", "R", None, 1])
def test_other_modes_are_refused_before_the_file_is_touched(mode):
    assert outcome(nf.memmap, 96, {"mode": mode, "shape": 8}) == "ValueError"
    assert os.path.getsize("outcome.bin") == 96


def test_arguments_can_be_given_by_position():
    np.arange(24, dtype="i2").tofile("a.bin")
    found = nf.memmap("a.bin", "i2", "r", 8, (2, 3), "F")
    wanted = np.memmap("a.bin", "i2", "r", 8, (2, 3), "F")
    assert np.array_equal(found, wanted) and found.strides == wanted.strides
    assert nf.memmap("a.bin").shape == (48,) and nf.memmap("a.bin").mode == "r+"


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
@pytest.mark.parametrize("offset", [0, 1, 7, 4095, 4096, 4097, 8192, 12287])
def test_any_offset_maps_the_same_bytes(mode, offset):
    data = np.random.default_rng(7).integers(0, 256, 12288, np.uint8)
    data.tofile("a.bin")
    found = nf.memmap("a.bin", mode=mode, offset=offset)
    assert np.array_equal(found, data[offset:])
    assert found.ctypes.data % 4096 == offset % 4096


def test_modes_do_what_they_say():
    np.zeros(8, "u1").tofile("a.bin")
    private, shared, reading = (nf.memmap("a.bin", mode=mode) for mode in ("c", "r+", "r"))
    with pytest.raises(ValueError, match="read-only"):
        reading[0] = 1
    with pytest.raises(ValueError):
        reading.flags.writeable = True
    with pytest.raises(ValueError):
        reading.setflags(write=True)
    assert not np.asarray(reading)[1:].flags.writeable
    with pytest.raises(ValueError):
        np.asarray(reading).flags.writeable = True
    assert memoryview(reading).readonly and not memoryview(shared).readonly
    with pytest.raises(TypeError, match="not writable"):
        (ctypes.c_char * 8).from_buffer(reading._mmap)
    private[0] = 5
    shared[1] = 6
    shared.flush()
    assert list(np.fromfile("a.bin", "u1")[:2]) == [0, 6]
    # A page that was written here does not follow the file any more.
    assert list(private[:2]) == [5, 0] and list(reading[:2]) == [0, 6]


def test_new_files_have_their_space_and_the_length_asked_for():
    for size in (10, 10_000, 1 << 20):
        made = nf.memmap("a.bin", mode="w+", shape=size - 7, offset=7)
        about = os.stat("a.bin")
        assert about.st_size == size and about.st_blocks * 512 >= size
        assert not made.any()
    assert made.mode == "w+"
    # Shorter than the one before.
    nf.memmap("a.bin", mode="w+", shape=3)
    assert os.path.getsize("a.bin") == 3
    grown = nf.memmap("a.bin", mode="r+", shape=1 << 20)
    assert os.stat("a.bin").st_blocks * 512 >= 1 << 20 and not grown.any()


def test_kinds_of_file_names():
    np.arange(4, dtype="u1").tofile("a.bin")
    here = os.path.realpath("a.bin")
    os.symlink("a.bin", "link")
    os.mkdir("b")
    for name in ("a.bin", "./b/../a.bin", here, "link"):
        found = nf.memmap(name, mode="r")
        assert found.filename == np.memmap(name, mode="r").filename and type(found.filename) is str
    for name in (pathlib.Path("a.bin"), pathlib.Path("link")):
        found = nf.memmap(name, mode="r")
        assert found.filename == np.memmap(name, mode="r").filename
        assert isinstance(found.filename, pathlib.Path)
    assert nf.memmap(b"a.bin", mode="r").filename is None
    assert list(nf.memmap(b"a.bin", mode="r")) == [0, 1, 2, 3]
    for name, error in [
        (3, TypeError),
        (None, TypeError),
        (io.BytesIO(b"abc"), io.UnsupportedOperation),
        (os.getcwd(), IsADirectoryError),
        ("missing", FileNotFoundError),
        ("missing/too", FileNotFoundError),
        ("null\0", ValueError),
    ]:
        with pytest.raises(error) as caught:
            nf.memmap(name, mode="r")
        if isinstance(caught.value, FileNotFoundError):
            assert caught.value.errno == 2 and "missing" in str(caught.value.filename)


def test_file_objects():
    with open("a.bin", "w+b") as file:
        file.write(b"0123456789")
        # Not yet in the file, and counted.
        found = nf.memmap(file, mode="r+")
        assert bytes(found) == b"0123456789" and file.tell() == 10
        assert found.filename == os.path.abspath("a.bin")
        longer = nf.memmap(file, mode="w+", shape=12, offset=2)
        assert bytes(longer) == b"23456789" + bytes(4) and file.tell() == 14
        longer[0] = ord("x")
        file.seek(0)
        assert file.read(4) == b"01x3"
    assert bytes(found[:4]) == b"01x3"
    with open("a.bin", "rb") as file:
        assert bytes(nf.memmap(file, mode="r", shape=3, offset=1)) == b"1x3"
        with pytest.raises(PermissionError):
            nf.memmap(file, mode="r+")
        with pytest.raises(io.UnsupportedOperation):
            nf.memmap(file, mode="r+", shape=100)
    with pytest.raises(ValueError):
        nf.memmap(file, mode="r")
    with open("a.bin", encoding="utf8") as file:
        assert nf.memmap(file, mode="r").shape == (14,)
    with open("a.bin", "rb", buffering=0) as file:
        assert nf.memmap(file, mode="c").shape == (14,)
    with tempfile.TemporaryFile() as file:
        found = nf.memmap(file, shape=4)
        found[:] = 3
        assert found.filename is None and os.fstat(file.fileno()).st_size == 4
        assert found.prefetch() == 4
    with tempfile.NamedTemporaryFile() as file:
        assert nf.memmap(file, shape=4).filename == file.name


def test_permissions():
    np.zeros(4, "u1").tofile("a.bin")
    os.chmod("a.bin", 0o444)
    if os.access("a.bin", os.W_OK):
        pytest.skip("everything is allowed to this user")
    with pytest.raises(PermissionError):
        nf.memmap("a.bin")
    assert nf.memmap("a.bin", mode="c").flags.writeable


@pytest.fixture
def pair():
    np.arange(24, dtype="f4").tofile("pair.bin")
    return tuple(cls("pair.bin", "f4", "r+", 0, (4, 6)) for cls in (nf.memmap, np.memmap))


# How results are made of an array `a`.
RESULTS = """
a[1] | a[1:3] | a[::-1] | a[...] | a[()] | a[None] | a[1, 2, ...] | a.T | a.reshape(-1) | a.ravel() | a.view('i4')
a.real | a.diagonal() | np.diag(a) | np.flip(a) | np.moveaxis(a, 0, 1) | np.split(a, 2)[1] | np.asanyarray(a)
a.astype('f4', copy=False) | np.broadcast_to(a, (2, 4, 6), subok=True) | list(a)[0] | np.add(a, 1, out=a)
operator.iadd(a, 1) | a[1, 2] | a.sum() | np.median(a) | np.linalg.norm(a) | a[1, 2, ...] + 1 | a[1, 2, ...][()]
a + 1 | a < 3 | -a | a.sum(0) | a.mean(axis=1) | a.max(0) | a.cumsum() | np.where(a > 3, a, 0) | np.stack([a, a])
np.concatenate([a, a]) | a @ a.T | np.einsum('ij,ij->i', a, a) | a.clip(1, 2) | a.round() | np.diff(a) | np.unique(a)
np.median(a, 0) | np.quantile(a, 0.5, axis=1) | np.nanmax(a) | np.nansum(a, 0) | a[[0, 1]] | a[a > 3] | np.copy(a)
np.array(a) | np.ascontiguousarray(a) | np.squeeze(a) | np.broadcast_to(a, (2, 4, 6)) | np.cov(a) | np.pad(a, 1)
np.lib.stride_tricks.sliding_window_view(a, 3, 1) | np.fft.rfft(a) | np.linalg.svd(a)[1] | np.digitize(a, [3, 9])
np.asarray(a) | np.lib.stride_tricks.as_strided(a, (2, 2), (4, 4)) | np.matmul(a, a.T) | np.hypot(a, a)
np.lib.stride_tricks.as_strided(a, (2, 2), (4, 4), subok=True) | a.any() | np.add.reduce(a) | np.add.outer(a[0], a[1])
a[0].searchsorted(3) | np.interp(3, a[0], a[1]) | divmod(a, 2)[0] | a.item(3) | a.tolist()
"""


@pytest.mark.parametrize("text", [part.strip() for part in RESULTS.replace("\n", "|").split("|") if part.strip()])
def test_results_have_the_types_and_values_of_numpys(pair, text):
    ours, numpys = (eval(text, {"np": np, "operator": operator}, {"a": a}) for a in pair)
    if isinstance(numpys, np.memmap):
        assert type(ours) is nf.memmap and type(numpys) is np.memmap
        assert (ours._mmap is pair[0]._mmap) == (numpys._mmap is pair[1]._mmap)
        for name in ("filename", "offset", "mode"):
            assert getattr(ours, name) == getattr(numpys, name)
    else:
        assert type(ours) is type(numpys)
    assert np.array_equal(ours, numpys)
    if isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.strides) == (numpys.dtype, numpys.strides)
        for flag in ("writeable", "aligned", "c_contiguous", "f_contiguous"):
            assert getattr(ours.flags, flag) == getattr(numpys.flags, flag), flag


COPIES = """
a.copy() | a.flatten() | a.T.ravel() | a.astype('f8') | np.sort(a) | np.argsort(a) | np.partition(a, 2) | np.take(a, [1])
a.take([1]) | a.argmax(0) | np.dot(a, a.T) | a.dot(a.T) | np.zeros_like(a) | np.empty_like(a) * 0 | a.imag | a.byteswap()
np.roll(a, 1) | np.tile(a, 2) | np.repeat(a, 2) | a.flat[:2] | np.array(a, subok=True) | __import__('copy').copy(a)
__import__('copy').deepcopy(a)
"""


@pytest.mark.parametrize("text", [part.strip() for part in COPIES.replace("\n", "|").split("|") if part.strip()])
def test_copies_are_in_no_file(pair, text):
    ours, numpys = (eval(text, {"np": np}, {"a": a}) for a in pair)
    assert np.array_equal(ours, numpys) and ours.dtype == numpys.dtype
    assert getattr(ours, "_mmap", None) is None and getattr(ours, "filename", None) is None
    assert not np.shares_memory(ours, pair[0])
    ours.flush() if isinstance(ours, nf.memmap) else None


def test_attributes_of_views(pair):
    ours, numpys = pair
    for array in (ours, ours[1:], ours[1:][0], ours.T, ours.view("u1")):
        assert array._mmap is ours._mmap and array.filename == numpys.filename
        assert (array.offset, array.mode) == (0, "r+")
    assert ours.base is ours._mmap and ours[1:].base is ours and ours[1:][1:].base is ours
    assert np.asarray(ours).base is ours
    assert weakref.ref(ours)() is ours and nf.memmap[int, np.dtype("f4")] is not None
    ours.filename = "mine"
    ours.anything = 3
    assert ours[1:].filename == "mine" and not hasattr(ours[1:], "anything")
    assert repr(ours) == repr(numpys) and str(ours) == str(numpys)
    with pytest.raises(TypeError):
        hash(ours)
    with pytest.raises(ValueError):
        ours.resize(3)
    assert type(ours).__name__ == "memmap" and isinstance(ours, np.memmap)
    assert nf.memmap.__mro__[1:] == np.memmap.__mro__ and ours.__array_priority__ == -100.0


def test_attributes_are_changed_in_place(pair):
    ours = pair[0]
    ours.shape = (24,)
    assert ours._mmap is not None and ours.shape == (24,)
    ours += 1
    assert type(ours) is nf.memmap and np.fromfile("pair.bin", "f4")[0] == 1


def test_the_memory_lives_as_long_as_a_view(pair):
    view = np.asarray(pair[0])[2:]
    mapping = weakref.ref(pair[0]._mmap)
    del pair
    gc.collect()
    assert mapping() is not None and view[0, 0] == 12


def test_no_descriptor_is_kept():
    np.zeros(10, "u1").tofile("a.bin")
    np.save("a.npy", np.zeros(10))
    np.savez("a.npz", a=np.zeros(10))
    before = len(os.listdir("/proc/self/fd"))
    kept = [nf.memmap("a.bin", mode=mode) for mode in ("r", "c", "r+") for _ in range(100)]
    kept += [nf.load("a.npy", mmap_mode="r") for _ in range(100)]
    with nf.load("a.npz", mmap_mode="r") as archive:
        kept += [archive["a"] for _ in range(100)]
    with open("a.bin", "r+b") as file:
        kept += [nf.memmap(file) for _ in range(100)]
    kept += [nf.memmap("b.bin", mode="w+", shape=3) for _ in range(10)]
    nf.save("c.npy", kept[0])
    assert len(os.listdir("/proc/self/fd")) == before
    assert sum(int(array.sum()) for array in kept) == 0


def test_close_and_with():
    with nf.memmap("a.bin", mode="w+", shape=(3, 4)) as a:
        a[:] = 7
        view, plain = a[1:], np.asarray(a)
        assert not a.closed
    assert a.closed and view.closed
    assert list(np.fromfile("a.bin", "u1")) == [7] * 12
    for touch in (
        lambda: a[0, 0],
        lambda: view[0],
        lambda: a + 1,
        lambda: a.sum(),
        lambda: operator.setitem(a, 0, 1),
        lambda: a.check(),
        lambda: a.prefetch() and None or a.check(),
    ):
        with pytest.raises(ValueError, match="closed"):
            touch()
    # C code reads zeros, and writes to nowhere.
    assert not plain.any()
    plain[:] = 1
    assert list(np.fromfile("a.bin", "u1")) == [7] * 12
    a.close()
    a.flush()
    assert "..." not in repr(a._mmap) and "closed" in repr(a._mmap)


def test_parts_can_be_flushed_advised_and_fetched():
    a = nf.memmap("a.bin", dtype="i4", mode="w+", shape=(1000, 10))
    a[:] = 3
    for region in (None, 5, slice(10, 20), (slice(10, 20), 3), (1, 2), np.s_[::-1], np.s_[5:5], ...):
        a.flush(region)
        a[10:].flush(region)
        a.advise("willneed", region)
        assert a.residency(region)["pages"] <= 10
    assert a.prefetch(slice(10, 20)) == 400 and a.prefetch((slice(10, 20), 3)) == 364
    assert a[5].prefetch() == 40 and a.prefetch(np.s_[5:5]) == 0
    for advice in ("normal", "sequential", "random", "willneed", "dontneed"):
        a.advise(advice)
    assert (a == 3).all()
    for wrong in ("often", "WILLNEED", ""):
        with pytest.raises(ValueError):
            a.advise(wrong)
    with pytest.raises(ValueError):
        a.flush([1, 2])
    with pytest.raises(IndexError):
        a.flush(1000)
    found = a.residency()
    assert found["pages"] == 10 and found["resident"] in (10, None) and found["page_size"] == 4096
    copy = a.copy()
    copy.flush()
    with pytest.raises(ValueError):
        copy.advise("normal")
    private = nf.memmap("a.bin", dtype="i4", mode="c")
    private[0] = 9
    with pytest.raises(OSError):
        private.advise("dontneed")
    assert private[0] == 9 and a[0, 0] == 3


def test_both_classes_at_once(pair):
    ours, numpys = pair
    for result in (ours + numpys, numpys + ours, np.add(numpys, ours), np.concatenate([ours, numpys])):
        assert type(result) is np.ndarray
    assert type(np.add(numpys, 1, out=ours)) is nf.memmap and type(np.add(ours, 1, out=numpys)) is np.memmap
    seen = numpys.view(nf.memmap)
    assert type(seen) is nf.memmap and seen._mmap is None and np.array_equal(seen, numpys)
    seen = ours.view(np.memmap)
    assert type(seen) is np.memmap and seen.filename == ours.filename
    seen[0] = 77
    seen.flush()
    assert ours[0, 0] == 77


def test_subclasses_keep_their_class():
    class Mine(nf.memmap):
        pass

    mine = Mine("a.bin", mode="w+", shape=(3, 4))
    for result in (mine.sum(0), mine.sum(), mine[1:], mine[[0, 1]], mine + 1):
        assert type(result) is Mine
    assert mine[1:]._mmap is mine._mmap and mine[[0, 1]]._mmap is None


def test_threads_use_one_map():
    a = nf.memmap("a.bin", dtype="i8", mode="w+", shape=(8, 1000))

    def fill(row):
        for value in range(50):
            a[row] = value
            a.flush(row)
            nf.memmap("a.bin", dtype="i8", mode="r").sum()

    threads = [threading.Thread(target=fill, args=(row,)) for row in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (a == 49).all()


def test_a_sparse_file_beyond_four_gibibytes():
    with open("a.bin", "wb") as file:
        file.truncate(5 << 30)
    a = nf.memmap("a.bin", dtype="u1", mode="r+")
    assert a.shape == (5 << 30,)
    a[-1] = 7
    assert nf.memmap("a.bin", mode="r", offset=(5 << 30) - 1)[0] == 7
    assert nf.memmap("a.bin", dtype="f8", mode="c", shape=(1 << 29, 1), offset=8)[-1, 0] == 0
