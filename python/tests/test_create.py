"""New files: made whole or not at all, and read by NumPy."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

import ndfolio as nf


@pytest.mark.parametrize("dtype", ["f4", ">i2", "?", "c16", "M8[ns]", "S7", "U3", [("a", "<i4"), ("b", "<f8", (2,))]])
@pytest.mark.parametrize("order", ["C", "F"])
def test_new_files_are_zeros(dtype, order, tmp_path):
    with nf.create(tmp_path / "x.npy", (3, 4), dtype, order) as x:
        assert x.mode == "r+" and x.shape == (3, 4) and x.dtype == np.dtype(dtype)
    found = np.load(tmp_path / "x.npy")
    assert found.dtype == np.dtype(dtype) and found.flags["F_CONTIGUOUS" if order == "F" else "C_CONTIGUOUS"]
    np.testing.assert_array_equal(found, np.zeros((3, 4), dtype))


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("f4", 1.5), (">i2", 300), ("?", True), ("c8", 1j), ("M8[s]", np.datetime64("2020-01-02")), ("S4", b"ab"), ("U3", "äö")],
)
def test_filled_files(dtype, fill, tmp_path):
    nf.create(tmp_path / "x.npy", (2, 3), dtype, fill=fill).close()
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.full((2, 3), fill, dtype))


def test_shapes(tmp_path):
    for i, (given, shape) in enumerate([(5, (5,)), ((), ()), ([2, 3], (2, 3)), (np.int64(4), (4,)), ((0, 3), (0, 3))]):
        with nf.create(tmp_path / f"{i}.npy", given, "i4") as x:
            assert x.shape == shape
        assert np.load(tmp_path / f"{i}.npy").shape == shape
    for wrong, error in [((2, -1), ValueError), (2.5, TypeError), ((1.5,), TypeError), ((2**40, 2**40), ValueError)]:
        with pytest.raises(error):
            nf.create(tmp_path / "wrong.npy", wrong, "i4")
        assert not (tmp_path / "wrong.npy").exists()


def test_a_file_that_is_there(tmp_path):
    np.save(tmp_path / "x.npy", [1, 2])
    with pytest.raises(FileExistsError) as caught:
        nf.create(tmp_path / "x.npy", 3, "i4")
    assert caught.value.filename == str(tmp_path / "x.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), [1, 2])
    nf.create(tmp_path / "x.npy", 3, "i4", overwrite=True).close()
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.zeros(3, "i4"))


def test_raw_files(tmp_path):
    with nf.create(tmp_path / "x.bin", (2, 2), "<f4", fill=2) as x:
        x[0, 1] = 5
    assert np.fromfile(tmp_path / "x.bin", "<f4").tolist() == [2, 5, 2, 2]


def test_what_cannot_be_filled(tmp_path):
    with pytest.raises((TypeError, ValueError)):
        nf.create(tmp_path / "x.npy", 3, "i4", fill="a")
    with pytest.raises((TypeError, ValueError), match="object"):
        nf.create(tmp_path / "x.npy", 3, object)
    with pytest.raises(ValueError, match="order"):
        nf.create(tmp_path / "x.npy", 3, "i4", order="K")
    assert os.listdir(tmp_path) == []


def test_no_room_leaves_nothing(tmp_path):
    code = f"""
import resource, ndfolio as nf, os
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    nf.create({str(tmp_path / "x.npy")!r}, 1 << 20, 'f8')
except OSError as error:
    import errno; assert error.errno == errno.EFBIG, error
    print('refused', os.listdir({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "refused []", done.stderr
    assert resource.RLIMIT_FSIZE is not None


def test_two_writers(tmp_path):
    with nf.create(tmp_path / "x.npy", 3, "i4"):
        code = f"import ndfolio as nf\ntry: nf.open({str(tmp_path / 'x.npy')!r}, 'r+')\nexcept BlockingIOError: print('locked')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "locked", done.stderr
