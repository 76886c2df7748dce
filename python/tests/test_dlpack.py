"""DLPack, the buffer protocol and `__array_interface__`: what memory others get, and what they may do with it."""

import ctypes
import gc
import weakref

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _dlpack

xp = nf.array_api


def old_address(capsule):
    """Where the items are that a consumer from before DLPack 1.0 gets, which takes all of them for writable."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, b"dltensor"), ctypes.POINTER(ctypes.c_void_p))[0]


class Asked:
    """A producer that is asked for what the test says."""

    def __init__(self, x, **kwargs):
        self.x, self.kwargs = x, kwargs

    def __dlpack__(self, **kwargs):
        return self.x.__dlpack__(**self.kwargs)

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


@pytest.fixture
def known():
    return np.arange(60, dtype="f8").reshape(5, 4, 3)


@pytest.fixture
def path(tmp_path, known):
    np.save(tmp_path / "x.npy", known)
    return tmp_path / "x.npy"


def address(array):
    return array.__array_interface__["data"][0]


DTYPES = ["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_file_itself_is_handed_out(tmp_path, dtype):
    known = np.arange(24).reshape(4, 6).astype(dtype)
    np.save(tmp_path / "x.npy", known)
    x = nf.open(tmp_path / "x.npy")
    found = np.from_dlpack(x)
    np.testing.assert_array_equal(found, known, strict=True)
    assert address(found) == address(x) and not found.flags.writeable
    view = np.from_dlpack(x[1:, ::-2])
    np.testing.assert_array_equal(view, known[1:, ::-2], strict=True)
    assert address(view) == address(x) + known[:1].nbytes + 5 * known.itemsize


def test_a_map_for_reading_is_never_handed_out_writable(path, known):
    x = nf.open(path)
    for version in (None, (0, 8)):
        with pytest.raises(BufferError, match="reading only"):
            x.__dlpack__(max_version=version, copy=False)
    capsule = x.__dlpack__()
    items = (ctypes.c_double * known.size).from_address(old_address(capsule))
    assert list(items) == list(known.flat) and old_address(capsule) != address(x)
    items[:] = [0.0] * known.size
    np.testing.assert_array_equal(np.load(path), known)
    np.testing.assert_array_equal(x, known)
    # With a version that can say so, there is no copy.
    shared = np.from_dlpack(Asked(x, max_version=(1, 0), copy=False))
    assert address(shared) == address(x)
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1
    broadcast = np.from_dlpack(np.broadcast_to(x[0, 0], (9, 3)))
    assert not broadcast.flags.writeable


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_is_written_through_it(path, known, mode):
    with nf.open(path, mode) as x:
        shared = np.from_dlpack(x)
        assert shared.flags.writeable
        shared[1] = -2
        assert float(x[1, 0, 0]) == -2
        for version in (None, (0, 8)):
            assert old_address(x.__dlpack__(max_version=version, copy=False)) == address(x)
        if mode == "r+":
            known[1] = -2
    np.testing.assert_array_equal(np.load(path), known)


def test_the_mapping_lives_as_long_as_who_has_it(path, known):
    x = nf.open(path)
    seen = weakref.ref(x)
    found = np.from_dlpack(x)
    x.close()
    del x
    gc.collect()
    assert seen() is None
    np.testing.assert_array_equal(found, known)
    capsule = nf.open(path).__dlpack__(max_version=(1, 1))
    del capsule
    gc.collect()


def test_copies_on_request(path, known):
    x = nf.open(path)
    copy = np.from_dlpack(x, copy=True)
    assert address(copy) != address(x) and copy.flags.writeable
    np.testing.assert_array_equal(copy, known)
    with nf.config(memory="1MiB"):
        np.save(path, np.zeros(1 << 18))
        y = nf.open(path)
        assert np.from_dlpack(y).shape == (1 << 18,)
        with pytest.raises(MemoryError, match="2097152 bytes"):
            y.__dlpack__(copy=True)
        with pytest.raises(MemoryError, match="DLPack"):
            y.__dlpack__()


def test_what_dlpack_cannot_describe_is_copied(tmp_path, known):
    swapped = tmp_path / "swapped.npy"
    np.save(swapped, known.astype(">f8"))
    odd = tmp_path / "odd.bin"
    odd.write_bytes(b"?" + known.tobytes())
    records = tmp_path / "records.npy"
    np.save(records, np.zeros(5, [("a", "i1"), ("b", "f8")]))
    for x in (
        nf.open(swapped),
        nf.open(odd, dtype="f8", shape=known.shape, offset=1),
        nf.open(records)["b"],
    ):
        found = np.from_dlpack(x)
        assert found.flags.aligned and found.dtype.isnative and found.flags.writeable
        np.testing.assert_array_equal(found, np.asarray(x))
        with pytest.raises(BufferError, match="byte order"):
            x.__dlpack__(copy=False, max_version=(1, 0))


def test_expressions_are_computed(path, known):
    x = nf.open(path) * 2
    found = np.from_dlpack(x)
    np.testing.assert_array_equal(found, known * 2)
    np.testing.assert_array_equal(np.from_dlpack(x, copy=False), known * 2)
    assert found.flags.writeable
    scalar = np.from_dlpack(x.sum())
    assert scalar.shape == () and scalar == known.sum() * 2
    assert np.from_dlpack(xp.zeros((0, 3))).shape == (0, 3)


def test_what_cannot_be(path):
    x = nf.open(path)
    assert x.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match=r"\(2, 0\)"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(RuntimeError, match="stream"):
        x.__dlpack__(stream=3, max_version=(1, 0))
    for dtype in ("M8[s]", "S3"):
        with pytest.raises(BufferError, match="no dtype"):
            nf.asarray(np.zeros(3, dtype)).__dlpack__()


def test_maps_of_numpy(path, known):
    """What the class of maps does: the same, with the map itself as what is shared."""

    def export(x, **kwargs):
        asked = {"stream": None, "max_version": None, "dl_device": None, "copy": None, **kwargs}
        return _dlpack.export(x, x.view(np.ndarray), *asked.values())

    x = np.load(path, mmap_mode="r")
    assert old_address(export(x)) != address(x)
    with pytest.raises(BufferError, match="reading only"):
        export(x, copy=False)
    export(x, max_version=(1, 0), copy=False)
    assert old_address(export(np.load(path, mmap_mode="r+"), copy=False)) != 0
    odd = np.memmap(path, "f4", "r+", offset=1, shape=(4,))
    assert old_address(export(odd)) % 4 == 0
    with pytest.raises(BufferError, match="not aligned"):
        export(odd, copy=False)


def test_the_class_of_maps(path, known):
    x = nf.open_memmap(path, "r")
    with pytest.raises(BufferError, match="readonly"):
        x.__dlpack__()
    found = np.from_dlpack(x)
    assert address(found) == address(x) and not found.flags.writeable
    del x
    gc.collect()
    np.testing.assert_array_equal(found, known)


def test_taking_from_others(path, known):
    found = xp.from_dlpack(known)
    assert type(found) is nf.Array
    known[0] = -1
    assert float(found[0, 0, 0]) == 0
    x = nf.open(path)
    assert xp.from_dlpack(x) is x and xp.from_dlpack(x, copy=False) is x
    assert xp.from_dlpack(x, copy=True).filename is None
    with pytest.raises(BufferError, match="another library"):
        xp.from_dlpack(known, copy=False)
    with pytest.raises(TypeError, match="__dlpack__"):
        xp.from_dlpack([1, 2])

    class Elsewhere:
        def __dlpack__(self, **kwargs):
            raise AssertionError("nobody can read this")

        def __dlpack_device__(self):
            return (2, 1)

    with pytest.raises(BufferError, match=r"\(2, 1\)"):
        xp.from_dlpack(Elsewhere())


def test_buffers(path, known):
    with memoryview(nf.open(path)) as view:
        assert view.readonly and view.shape == known.shape and view.format == "d"
        assert bytes(view) == known.tobytes()
    with nf.open(path, "r+") as x, memoryview(x) as view:
        assert not view.readonly
        view[0, 0, 0] = 99.0
        assert float(x[0, 0, 0]) == 99
    with pytest.raises(BufferError, match="computes or converts"):
        memoryview(nf.open(path) + 1)
    assert np.frombuffer(nf.open(path)).sum() == np.load(path).sum()


def test_array_interface(path, known):
    x = nf.open(path)[:, 1]
    interface = x.__array_interface__
    assert interface["shape"] == (5, 3) and interface["typestr"] == "<f8" and interface["data"][1] is True
    assert interface["strides"] == (96, 8)
    np.testing.assert_array_equal(np.asarray(x), known[:, 1])
    assert nf.open(path, "r+").__array_interface__["data"][1] is False
    assert not hasattr(x + 1, "__array_interface__")


def test_maps_hand_out_what_receivers_can_use(tmp_path):
    data = np.arange(12.0)
    (tmp_path / "odd.bin").write_bytes(b"x" + data.tobytes())
    odd = nf.memmap(tmp_path / "odd.bin", dtype="f8", mode="r", offset=1)
    assert not odd.flags.aligned
    with pytest.raises(BufferError, match="not aligned"):
        odd.__dlpack__(max_version=(1, 0), copy=False)
    received = np.from_dlpack(odd)
    assert received.flags.aligned and np.array_equal(received, data)
    np.save(tmp_path / "a.npy", data)
    for mode, writeable in (("r", False), ("r+", True)):
        a = nf.load(tmp_path / "a.npy", mmap_mode=mode)
        received = np.from_dlpack(a)
        assert received.flags.writeable is writeable and np.shares_memory(received, a)
    a.close()
    with pytest.raises(ValueError, match="closed"):
        a.__dlpack__()
