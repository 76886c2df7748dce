"""Everything that np.save writes opens, and is what NumPy says it is."""

import hashlib
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from arrays import DTYPES, SHAPES, arrays, filled
from conftest import canonical, header, json_dtype, npy_bytes, run
from hypothesis import given


def check_info(path, version=None):
    array = np.load(path, mmap_mode="r", max_header_size=1 << 20)
    info = run("info", "--json", path).json
    flags = array.flags
    expected = {
        "path": str(path), "format": "npy", "dtype": json_dtype(array.dtype), "shape": list(array.shape),
        "order": "C" if flags.c_contiguous else "F", "strides": list(array.strides), "offset": array.offset,
        "nbytes": array.nbytes, "itemsize": array.itemsize, "size": array.size, "ndim": array.ndim,
        "file_size": path.stat().st_size, "mappable": True}
    if array.size:
        expected["aligned"] = bool(flags.aligned)
    found = {key: info.get(key, "missing") for key in expected}
    assert found == expected
    assert info["version"] == (version or "{}.{}".format(*path.read_bytes()[6:8]))
    check_byteorder(info["byteorder"], array.dtype)
    return array


def check_byteorder(found, dtype):
    names = {"<": "little", ">": "big", "|": "not applicable"}
    if dtype.names is None:
        assert found == names[dtype.str[0]]
    else:
        assert found in {"mixed", "little", "big", "not applicable"}


def check_digest(path, array):
    expected = hashlib.sha256(canonical(np.asarray(array))).hexdigest()
    line = run("digest", path).out
    assert line == f"{expected}  {path}\n"


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_shape_and_order(save, name):
    for number, shape in enumerate(SHAPES):
        for order in "CF":
            path = save(filled(DTYPES[name], shape, number).copy(order), f"{number}{order}.npy")
            check_digest(path, check_info(path))


@given(array=arrays())
def test_any_array(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npy")
        path.write_bytes(npy_bytes(array))
        check_digest(path, check_info(path))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("name", ["<f4", ">i8", "|S5", "packed"])
def test_every_version(save, version, name):
    path = save(filled(DTYPES[name], (3, 4)), version=version)
    check_digest(path, check_info(path, "{}.{}".format(*version)))


TEXTS = {
    "python 2 numbers": "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }",
    "no trailing comma": "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}",
    "keys in another order": "{'shape': (3, 4), 'descr': '<f4', 'fortran_order': True}",
    "double quotes": '{"descr": "<f4", "fortran_order": False, "shape": (3, 4), }',
    "line breaks and tabs": "{\t'descr':\n'<f4',\n 'fortran_order' : False,'shape':(3,4,),}",
    "native order": "{'descr': '=f4', 'fortran_order': False, 'shape': (3, 4), }",
    "unicode prefix": "{u'descr': u'<f4', u'fortran_order': False, u'shape': (3, 4), }",
}


@pytest.mark.parametrize("pad", [1, 16, 64])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_headers_of_other_writers(tmp_path, text, pad):
    """Old NumPy aligned to 16 bytes, some writers align to nothing: such data is read where it lies."""
    data = np.arange(12, dtype="<f4").tobytes()
    path = tmp_path / "a.npy"
    path.write_bytes(header(text, pad=pad) + data)
    check_digest(path, check_info(path))
    same_values = np.load(io.BytesIO(path.read_bytes()))
    assert run("show", path).out == f"{same_values}\n"


def test_trailing_bytes_are_not_data(save):
    path = save(np.arange(5))
    path.write_bytes(path.read_bytes() + b"left by an append that was killed")
    check_digest(path, check_info(path))


def test_info_is_the_default_and_readable(save):
    path = save(np.zeros((2, 3), ">f4", order="F"))
    text = run("info", path).out
    assert run(path).out == text
    for word in [str(path), ">f4", "(2, 3)", "128"]:
        assert word in text


def test_raw_file(tmp_path):
    path = tmp_path / "a.bin"
    array = np.arange(24, dtype=">i2")
    path.write_bytes(b"head" + array.tobytes())
    how = ["--dtype", ">i2", "--shape", "4,-1", "--offset", "4", "--order", "F"]
    info = run("info", "--json", path, *how).json
    assert [info[key] for key in ("format", "version", "dtype", "shape", "order", "strides", "offset")] == [
        "raw", None, ">i2", [4, 6], "F", [2, 8], 4]
    whole = run("info", "--json", path, "--dtype", ">i2", "--offset", "4").json
    assert whole["shape"] == [24]
    line = run("digest", path, "--dtype", ">i2", "--offset", "4").out
    assert line.split()[0] == hashlib.sha256(array.astype("<i2").tobytes()).hexdigest()


def test_digest_json(save):
    array = filled(">c8", (2, 3))
    path = save(array)
    assert run("digest", "--json", path).json == {
        "sha256": hashlib.sha256(canonical(array)).hexdigest(), "dtype": ">c8", "shape": [2, 3]}


def test_digest_is_the_same_in_any_container(save, tmp_path):
    array = filled("<f8", (5, 6))
    (tmp_path / "r.bin").write_bytes(array.tobytes())
    np.savez(tmp_path / "z.npz", w=array)
    digests = [run("digest", *args).out.split()[0] for args in [
        (save(array, "c.npy"),), (save(np.asfortranarray(array), "f.npy"),),
        (save(array.astype(">f8"), "b.npy"),),
        (tmp_path / "r.bin", "--dtype", "<f8", "--shape", "5,6"), (f"{tmp_path / 'z.npz'}::w",)]]
    assert set(digests) == {hashlib.sha256(array.tobytes()).hexdigest()}
