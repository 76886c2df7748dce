"""The exceptions that a NumPy user expects, with the file, what was found, and the way out."""

import errno
import os
import struct

import numpy as np
import pytest

import ndfolio as nf


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(3, 4))
    return tmp_path / "x.npy"


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        nf.open(tmp_path / "none.npy")
    error = caught.value
    assert (error.errno, error.filename) == (errno.ENOENT, str(tmp_path / "none.npy"))
    assert str(error).count("none.npy") == 1 and "check the path" in str(error)


def test_other_things_than_files(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        nf.open(tmp_path)
    assert caught.value.errno == errno.EISDIR
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="FIFO"):
        nf.open(tmp_path / "pipe")
    for wrong in (5, None, 1.5, object()):
        with pytest.raises(TypeError):
            nf.open(wrong)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_what_is_forbidden(path):
    path.chmod(0)
    with pytest.raises(PermissionError) as caught:
        nf.open(path)
    assert caught.value.errno == errno.EACCES


def test_files_that_hold_no_array(tmp_path):
    for name, data, words in [
        ("empty.npy", b"", "empty file"),
        ("garbage.npy", b"garbage and more of it", "not a file of a known format"),
        ("cut.npy", b"\x93NUMPY\x01\x00", "ends within"),
        ("header.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 10) + b"{'a': 1}  ", "descr"),
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=words) as caught:
            nf.open(tmp_path / name)
        assert name in str(caught.value)


def test_files_that_are_cut(path):
    data = path.read_bytes()
    path.write_bytes(data[:-8])
    with pytest.raises(ValueError, match="not fully written"):
        nf.open(path)
    path.write_bytes(data)
    x = nf.open(path)
    os.truncate(path, 150)
    with pytest.raises(OSError, match="cut while it was open") as caught:
        float(x.sum())
    assert caught.value.errno == errno.EIO and caught.value.filename == str(path)


def test_a_file_that_is_cut_under_a_map_is_no_signal(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(1 << 16))
    x = nf.open(tmp_path / "x.npy")
    view = np.asarray(x)
    os.truncate(tmp_path / "x.npy", 4096)
    # Zeros stand for what is gone, and the process goes on.
    assert view[-1] == 0


def test_objects_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([None]), allow_pickle=True)
    with pytest.raises(ValueError, match="object"):
        nf.open(tmp_path / "o.npy")
    (tmp_path / "r").write_bytes(bytes(8))
    with pytest.raises(ValueError, match="Python objects"):
        nf.open(tmp_path / "r", dtype=object)


def test_wrong_arguments(path, tmp_path):
    for arguments, error, words in [
        ({"mode": "x"}, ValueError, "'r', 'r\\+' or 'c'"),
        ({"mode": "w+"}, ValueError, "ndfolio.create"),
        ({"io": "x"}, ValueError, "'pread'"),
        ({"dtype": "f4"}, ValueError, "open it without dtype and shape"),
        ({"dtype": "no"}, TypeError, "no"),
        ({"shape": (2, 2)}, ValueError, "dtype"),
        ({"shape": 1.5, "dtype": "f4"}, TypeError, "integer"),
        ({"offset": 1.5}, TypeError, "integer"),
        ({"order": "X", "dtype": "f4"}, ValueError, "'C' or 'F'"),
        ({"key": "a"}, ValueError, "a"),
    ]:
        with pytest.raises(error, match=words):
            nf.open(path, **arguments)
    (tmp_path / "r").write_bytes(bytes(10))
    with pytest.raises(ValueError, match="needs a file of"):
        nf.open(tmp_path / "r", dtype="f4", shape=(5,))
    with pytest.raises(ValueError, match="not a multiple"):
        nf.open(tmp_path / "r", dtype="f4")


def test_members(tmp_path):
    np.savez(tmp_path / "a.npz", one=np.ones(3), two=np.ones(2))
    with pytest.raises(ValueError, match="one"):
        nf.open(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="one"):
        nf.open(tmp_path / "a.npz", key="three")
    with pytest.raises(ValueError, match="checksum"):
        nf.open(tmp_path / "a.npz", "r+", key="one")
    np.savez_compressed(tmp_path / "c.npz", one=np.ones(3))
    with pytest.raises(ValueError, match="compress|deflate"):
        nf.open(tmp_path / "c.npz", key="one")


def test_shapes_and_dtypes_that_do_not_go_together(path):
    x = nf.open(path)
    with pytest.raises(ValueError, match=r"broadcast.*\(3,4\) \(3,\)"):
        x + np.zeros(3)
    with pytest.raises(TypeError, match="bitwise_and"):
        x & 1
    with pytest.raises(TypeError, match="sum"):
        nf.asarray(np.array(["a"])).sum()
    with pytest.raises(ValueError, match="no identity"):
        x[:0].min()
    with pytest.raises(ValueError, match="argmax of an empty"):
        x[:0].argmax()
    with pytest.raises(TypeError):
        nf.asarray(np.array(1, "g")).sum() + np.array("2020", "M8[D]")
    with pytest.raises(ValueError, match="negative integer powers"):
        (nf.asarray([2]) ** -1).compute()
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        x.sum(axis=2)
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 3"):
        x[3]


def test_messages_name_the_file_and_the_way_out(path):
    x = nf.open(path)
    with pytest.raises(ValueError) as caught:
        x[0] = 1
    assert str(path) in str(caught.value) and "r+" in str(caught.value)
    with pytest.raises(ValueError, match="convert|read"):
        x.T.reshape(-1, copy=False)
    y = nf.open(path, "r+")
    path.unlink()
    y[0] = 1
    with pytest.raises(OSError, match="replaced or removed.*open the path again") as caught:
        y.flush()
    assert caught.value.errno == errno.ESTALE
