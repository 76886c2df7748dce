"""`create`: whole files of the right size, and room on the disk for them."""

import json

import numpy as np
import pytest
from conftest import refused, run


def blocks(path):
    return path.stat().st_blocks * 512


def test_room_is_reserved(tmp_path):
    """A full disk is an error now, not a signal at the first store."""
    run("create", tmp_path / "a.npy", "--dtype", "f8", "--shape", "1000,1000")
    assert blocks(tmp_path / "a.npy") >= 8_000_000
    assert not np.load(tmp_path / "a.npy").any()


def test_sparse(tmp_path):
    path = tmp_path / "a.npy"
    run("create", path, "--dtype", "f8", "--shape", "100000,100000", "--sparse")
    assert blocks(path) < 1 << 20
    mapped = np.load(path, mmap_mode="r")
    assert mapped.shape == (100_000, 100_000) and mapped[-1, -1] == 0


@pytest.mark.parametrize("value", ["0", "0.0"])
def test_sparse_with_zero_fill(tmp_path, value):
    run("create", tmp_path / "a.npy", "--dtype", "f8", "--shape", "1000000", "--sparse", "--fill", value)
    assert np.load(tmp_path / "a.npy", mmap_mode="r").sum() == 0


def test_existing_file(save):
    path = save(np.arange(3))
    refused("create", path, "--dtype", "f4", "--shape", "2", path=path, words=["--force"])
    run("create", path, "--dtype", "f4", "--shape", "2", "--fill", "1", "--force")
    assert np.load(path).tolist() == [1, 1]


def test_raw_and_sidecar(tmp_path):
    path = tmp_path / "a.bin"
    run("create", path, "--format", "raw", "--dtype", ">i2", "--shape", "3,4", "--order", "F", "--offset",
        "10",
        "--fill", "258", "--sidecar")
    assert path.read_bytes() == bytes(10) + b"\1\2" * 12
    assert json.loads((tmp_path / "a.bin.json").read_text()) == {
        "dtype": ">i2", "shape": [3, 4], "offset": 10, "order": "F"}
    info = run("info", "--json", path).json
    assert (info["dtype"], info["shape"], info["order"], info["offset"]) == (">i2", [3, 4], "F", 10)
    assert run("show", path).out == f"{np.full((3, 4), 258)}\n"


@pytest.mark.parametrize("text, shape", [("5", (5,)), ("5,", (5,)), ("2,3", (2, 3)), ("(2, 3)", (2, 3)),
                                         ("0", (0,)),
                                         ("()", ())])
def test_how_a_shape_is_written(tmp_path, text, shape):
    run("create", tmp_path / "a.npy", "--dtype", "f4", "--shape", text)
    assert np.load(tmp_path / "a.npy").shape == shape


@pytest.mark.parametrize("text, dtype", [("float32", "<f4"), ("f4", "<f4"), ("int", "<i8"),
                                         ("M8[ns]", "<M8[ns]"),
                                         ("i4,f8", [("f0", "<i4"), ("f1", "<f8")]), ("bool", "|b1"),
                                         (">u2", ">u2")])
def test_how_a_dtype_is_written(tmp_path, text, dtype):
    run("create", tmp_path / "a.npy", "--dtype", text, "--shape", "3")
    assert np.load(tmp_path / "a.npy").dtype == np.dtype(dtype)


def test_mode_follows_the_umask(tmp_path):
    run("create", tmp_path / "a.npy", "--dtype", "f4", "--shape", "3", umask=0o027)
    assert (tmp_path / "a.npy").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("dtype, shape, value", [
    ("f4", "-3", None), ("f4", "2,-1", None), ("f4", "9223372036854775807,8", None),
    ("f4", "4294967296,4294967296", None),
    ("f4", "0,9223372036854775807,9223372036854775807", None), ("f4", "99999999999999999999", None),
    ("f4", "2.5", None),
    ("f4", "2,x", None), ("f4", ",".join(["1"] * 65), None), ("f3", "2", None), ("float33", "2", None),
    ("O", "2", None),
    ("object", "2", None), ("[('a', 'O')]", "2", None), ("i1", "2", "200"), ("i4", "2", "x"),
    ("", "2", None)])
def test_refused_before_a_file_is_made(tmp_path, dtype, shape, value):
    path = tmp_path / "a.npy"
    # `=`, for a shape may begin with a minus.
    fill = [f"--fill={value}"] if value is not None else []
    refused("create", path, f"--dtype={dtype}", f"--shape={shape}", *fill, "--sparse", path=path,
            code=(1, 2, 3))
    assert not path.exists()


def test_folder_that_is_not_there(tmp_path):
    folder = tmp_path / "no/such"
    refused("create", folder / "a.npy", "--dtype", "f4", "--shape", "3", path=folder)
