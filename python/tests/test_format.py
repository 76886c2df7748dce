"""open_memmap, load and save beside NumPy's: the same bytes, the same arrays, the same kinds of error."""

import io
import os
import pathlib
import struct
import warnings
import zipfile

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import ndfolio as nf
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def padded():
    # Its padding is zeros.
    a = np.zeros(5, np.dtype([("a", "i1"), ("b", "f8"), ("c", [("d", "i2"), ("e", "i8")])], align=True))
    a["a"], a["b"], a["c"]["e"] = 1, np.arange(5), 7
    return a


ARRAYS = {
    "f8": np.arange(6.0).reshape(2, 3),
    "F": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "neither": np.arange(24).reshape(4, 6)[::2, ::3],
    "0d": np.float32(3),
    "empty": np.zeros((0, 4), "i2"),
    "bool": np.array([True, False]),
    "big endian": np.arange(5, dtype=">i4"),
    "half": np.arange(5, dtype="f2"),
    "long double": np.arange(5, dtype="g"),
    "complex": np.arange(5, dtype="c16") * 1j,
    "bytes": np.array([b"ab", b"c"]),
    "text": np.array(["äöü", "x"]),
    "void": np.zeros(3, "V7"),
    "time": np.array(["2020-01-01", "NaT"], "M8[25s]"),
    "span": np.array([1, 2], "m8[us]"),
    "record": np.array([(1, 2.0)], [("a", "<i4"), ("b", ">f8")]),
    "sub-array": np.zeros(3, [("a", "f4", (2, 3)), (("Title", "b"), "i4")]),
    "nested": np.zeros(3, [("a", [("b", "i1"), ("c", "f8")])]),
    "padded": padded(),
    "no fields": np.zeros(3, []),
    "latin1": np.zeros(3, [("é", "i4")]),
    "unicode": np.zeros(3, [("整形", "f4")]),
    "long header": np.zeros(3, [("%d" % i + "x" * 100, "f4") for i in range(700)]),
    "objects": np.array([1, "a", None], object),
    "list": [[1, 2], [3, 4]],
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1),
}


def by_numpy(arr):
    """The bytes that NumPy saves, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        buffer = io.BytesIO()
        np.save(buffer, arr)
    return buffer.getvalue(), sorted(str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", ARRAYS)
def test_saved_bytes_are_numpys(name):
    arr = ARRAYS[name]
    wanted, warned = by_numpy(arr)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nf.save("a", arr)
    assert sorted(str(warning.message) for warning in caught) == warned
    with open("a.npy", "rb") as file:
        assert file.read() == wanted
    if name not in ("objects", "no fields"):
        size = 10**9
        for mode in ("r", "r+", "c"):
            ours = nf.load("a.npy", mmap_mode=mode, max_header_size=size)
            numpys = np.load("a.npy", mmap_mode=mode, max_header_size=size)
            assert ours.dtype == numpys.dtype and ours.shape == numpys.shape and ours.strides == numpys.strides
            assert (ours.offset, ours.mode, ours.filename) == (numpys.offset, numpys.mode, numpys.filename)
            assert ours.tobytes() == numpys.tobytes() and ours.flags.writeable == numpys.flags.writeable
    found, wanted = (module.load("a.npy", allow_pickle=True) for module in (nf, np))
    assert str(found.tolist()) == str(wanted.tolist()) and found.dtype == wanted.dtype


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in ("objects", "list", "no fields")])
def test_made_files_are_numpys(name, order):
    arr = np.asarray(ARRAYS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for make, path in ((nf.open_memmap, "ours.npy"), (np.lib.format.open_memmap, "numpys.npy")):
            made = make(path, "w+", arr.dtype, arr.shape, fortran_order=order)
            made[...] = arr
            assert made.mode == "r+" and made.flags.writeable
            made.flush()
    with open("ours.npy", "rb") as ours, open("numpys.npy", "rb") as numpys:
        assert ours.read() == numpys.read()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(version):
    nf.open_memmap("ours.npy", "w+", "i4", (2, 3), version=version)[:] = 5
    np.lib.format.open_memmap("numpys.npy", "w+", "i4", (2, 3), version=version)[:] = 5
    with open("ours.npy", "rb") as ours, open("numpys.npy", "rb") as numpys:
        assert ours.read() == numpys.read()
    assert (nf.load("ours.npy", mmap_mode="r") == 5).all()


def test_padding_is_zeros():
    a = padded()
    raw = a.view("u1").reshape(5, -1)
    raw[:, 1:8] = 0xAA
    raw[:, 18:24] = 0xBB
    nf.save("a.npy", a)
    nf.save("b.npy", a[::2])
    found = nf.load("a.npy")
    assert np.array_equal(found, a) and np.array_equal(nf.load("b.npy"), a[::2])
    for name in ("a.npy", "b.npy"):
        with open(name, "rb") as file:
            data = file.read()
        assert b"\xaa" not in data[-40:] and b"\xbb" not in data[-40:]


def test_names():
    for name in ("x", "x.npy", pathlib.Path("x"), pathlib.Path("x.npy")):
        nf.save(name, np.arange(3))
        assert os.listdir() == ["x.npy"]
    with pytest.raises(TypeError):
        nf.save(b"x.npy", np.arange(3))
    assert nf.load(b"x.npy", mmap_mode="r").filename is None
    assert isinstance(nf.load(pathlib.Path("x.npy"), mmap_mode="r").filename, pathlib.Path)
    with open("y.npy", "wb") as file:
        nf.save(file, np.arange(3))
        nf.save(file, np.arange(2))
    with open("y.npy", "rb") as file:
        assert nf.load(file).shape == (3,) and nf.load(file).shape == (2,)
        with pytest.raises(EOFError):
            nf.load(file)
        file.seek(0)
        with pytest.raises(ValueError, match="file handles"):
            nf.load(file, mmap_mode="r")
    for name, error in [("missing", FileNotFoundError), (".", IsADirectoryError), (io.BytesIO(), EOFError)]:
        for mode in (None, "r"):
            with pytest.raises(error):
                nf.load(name, mmap_mode=mode)
    with pytest.raises(FileNotFoundError):
        nf.save("no/where", np.arange(3))
    for name in (io.BytesIO(), None, 3):
        with pytest.raises((TypeError, ValueError)):
            nf.open_memmap(name)


def test_permissions_and_links_stay():
    nf.save("a.npy", np.arange(3))
    os.chmod("a.npy", 0o640)
    os.symlink("a.npy", "link.npy")
    nf.save("link.npy", np.arange(4))
    assert os.path.islink("link.npy") and os.stat("a.npy").st_mode & 0o777 == 0o640
    assert nf.load("a.npy").shape == (4,)


HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}",
    "{'shape': (2,), 'descr': '<f8', 'fortran_order': False}",
    '{"descr": "<f8", "fortran_order": False, "shape": (2L,), }',
    "{'descr': '<f8', 'fortran_order': True, 'shape': (), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (0x1, 2), }",
    "{'descr': '<f8', 'fortran_order': 1, 'shape': (1, 2), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': [1, 2], }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (1, -2), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (True,), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (9223372036854775808,), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (99999999999999999999999999,), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (4611686018427387904, 4), }",
    "{'descr': '<q9', 'fortran_order': True, 'shape': (1, 2), }",
    "{'descr': '|O', 'fortran_order': True, 'shape': (1, 2), }",
    "{'descr': [('a', 'O')], 'fortran_order': True, 'shape': (1, 2), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (1, 2), 'more': 1, }",
    "{'descr': '<f8', 'fortran_order': True, }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': " + "-" * 5000 + "1, }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': '",
    "{'descr': '<f8', 'fortran_order': True, 'shape': '''",
    "(" * 3000,
    "nonsense",
    "",
    "[]",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2,), } # comment",
    "{'descr': '=f8', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '|S8', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (007,), }",
]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), (4, 0), (0, 0)])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_of_others(header, version):
    size = "<H" if version == (1, 0) else "<I"
    text = (header + "\n").encode("latin1")
    with open("a.npy", "wb") as file:
        file.write(b"\x93NUMPY" + bytes(version) + struct.pack(size, len(text)) + text + bytes(range(16)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = np.load("a.npy", mmap_mode="r")
        except Exception:
            for mode in ("r", "r+", "c"):
                with pytest.raises(ValueError):
                    nf.load("a.npy", mmap_mode=mode)
            return
        found = nf.load("a.npy", mmap_mode="r")
    assert (found.dtype, found.shape, found.strides) == (wanted.dtype, wanted.shape, wanted.strides)
    assert found.tobytes() == wanted.tobytes() and found.offset == wanted.offset


@hypothesis.settings(deadline=None, max_examples=200)
@hypothesis.given(st.data())
def test_damaged_headers_are_errors_of_few_kinds(data):
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    bad = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(0, 80))] = data.draw(st.integers(0, 255))
    with open("damaged.npy", "wb") as file:
        file.write(bad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ours = nf.load("damaged.npy", mmap_mode="r")
        except (ValueError, EOFError):
            return
        numpys = np.load("damaged.npy", mmap_mode="r")
    assert ours.dtype == numpys.dtype and ours.shape == numpys.shape and ours.tobytes() == numpys.tobytes()


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(
    hypothesis.extra.numpy.arrays(
        hypothesis.extra.numpy.array_dtypes(max_size=3) | hypothesis.extra.numpy.scalar_dtypes(),
        hypothesis.extra.numpy.array_shapes(min_dims=0, min_side=0),
    )
)
def test_any_array_is_saved_as_numpy_saves_it(arr):
    nf.save("any.npy", arr)
    found = np.load("any.npy")
    assert found.dtype == np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(arr.dtype))
    assert found.shape == arr.shape
    if arr.dtype.itemsize and arr.size:
        mapped = nf.load("any.npy", mmap_mode="r")
        assert mapped.tobytes() == found.tobytes()


def test_archives_are_numpys():
    arrays = {"a": np.arange(5), "b": np.asfortranarray(np.ones((2, 3))), "c": np.array(["x"])}
    for ours, numpys in ((nf.savez, np.savez), (nf.savez_compressed, np.savez_compressed)):
        ours("ours", np.arange(2), **arrays)
        numpys("numpys", np.arange(2), **arrays)
        with open("ours.npz", "rb") as one, open("numpys.npz", "rb") as other:
            assert one.read() == other.read()


def test_members_of_archives_are_mapped():
    arrays = {"a": np.arange(50), "b": np.asfortranarray(np.ones((2, 3))), "e": np.zeros((0, 3))}
    nf.savez("a.npz", **arrays)
    for mode in ("r", "c"):
        with nf.load("a.npz", mmap_mode=mode) as archive:
            assert isinstance(archive, np.lib.npyio.NpzFile)
            assert sorted(archive) == sorted(arrays) and archive.files == list(arrays)
            found = {name: archive[name] for name in archive}
            assert archive["a.npy"].shape == (50,) and archive.f.a.shape == (50,)
            assert repr(archive) == repr(np.load("a.npz"))
            with pytest.raises(KeyError, match="not a file in the archive"):
                archive["z"]
        for name, wanted in arrays.items():
            array = found[name]
            assert type(array) is nf.memmap and np.array_equal(array, wanted)
            assert array.strides == wanted.strides or array.size == 0
            assert array.filename == os.path.abspath("a.npz") and array.mode == mode
            assert array.flags.writeable == (mode == "c")
    for bad in ("r+", "readwrite"):
        with pytest.raises(ValueError, match="archive"):
            nf.load("a.npz", mmap_mode=bad)
    with open("a.npz", "rb") as file, nf.load(file, mmap_mode="r") as archive:
        assert np.array_equal(archive["a"], arrays["a"])
    assert not nf.load("a.npz")["a"].flags.writeable or type(nf.load("a.npz")["a"]) is np.ndarray


def test_members_that_cannot_be_mapped():
    nf.savez_compressed("a.npz", a=np.arange(5))
    with pytest.raises(ValueError, match="compressed"):
        nf.load("a.npz", mmap_mode="r")["a"]
    assert list(nf.load("a.npz")["a"]) == [0, 1, 2, 3, 4]
    nf.savez("b.npz", a=np.array([None]))
    with pytest.raises(ValueError, match="objects"):
        nf.load("b.npz", mmap_mode="r", allow_pickle=True)["a"]
    with zipfile.ZipFile("c.npz", "w") as archive:
        archive.writestr("note.txt", "text")
        archive.writestr("short.npy", by_numpy(np.arange(5))[0][:-8])
    found = nf.load("c.npz", mmap_mode="r")
    assert found["note.txt"] == b"text"
    with pytest.raises(ValueError, match="needs 40 bytes"):
        found["short"]
    with open("d.npz", "wb") as file:
        file.write(b"PK\x03\x04 but no archive")
    with pytest.raises(zipfile.BadZipFile):
        nf.load("d.npz", mmap_mode="r")


def test_other_files():
    for content, error in ((b"", EOFError), (b"garbage", ValueError), (b"\x93NUMPY", ValueError), (b"\x93NUM", ValueError)):
        with open("a.npy", "wb") as file:
            file.write(content)
        for mode in (None, "r"):
            with pytest.raises(error):
                nf.load("a.npy", mmap_mode=mode)
    with open("a.npy", "wb") as file:
        import pickle

        pickle.dump({"a": 1}, file)
    assert nf.load("a.npy", mmap_mode="r", allow_pickle=True) == {"a": 1}
    with pytest.raises(ValueError):
        nf.load("a.npy", encoding="utf8")
    with pytest.raises(ValueError):
        nf.load("a.npy", mmap_mode="r", encoding="utf8")


def test_metadata_is_warned_of():
    arr = np.ones(3, np.dtype("f4", metadata={"unit": "m"}))
    for save in (lambda: nf.save("a.npy", arr), lambda: nf.open_memmap("b.npy", "w+", arr.dtype, (3,))):
        with pytest.warns(UserWarning, match="metadata"):
            save()
    assert nf.load("a.npy").dtype == "f4"


def test_the_length_of_headers_is_limited():
    np.save("a.npy", np.arange(3))
    for load in (nf.load, np.load):
        with pytest.raises(ValueError, match="max_header_size"):
            load("a.npy", mmap_mode="r", max_header_size=50)
        assert load("a.npy", mmap_mode="r", max_header_size=50, allow_pickle=True).shape == (3,)


def test_names_of_numpys_module():
    public = {name for name in np.lib.format.__all__}
    assert public <= set(nf.format.__all__)
    assert nf.format.open_memmap is nf.open_memmap
