"""`show` prints what NumPy prints."""

import csv
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from arrays import DTYPES, arrays, filled
from conftest import npy_bytes, run, same
from hypothesis import given, settings

FLOATS = {
    "short": [0.1, 1.5, -2.25],
    "whole": [1.0, 20.0, -300.0],
    "wide range": [1e-5, 1.0, 1e10],
    "large": [1e16, 2.0],
    "small": [1e-300, 5e-324],
    "specials": [np.nan, np.inf, -np.inf, -0.0, 1.25],
    "only nan": [np.nan, np.nan],
    "long digits": [1 / 3, 2 / 3, 1e-3 / 7],
    "max": [sys.float_info.max, -1.0],
}


def shown(array):
    """What print() writes; None where NumPy itself fails, as for a count of no unit."""
    try:
        return str(array) + "\n"
    except ValueError:
        return None


def check(out, expected):
    if expected is not None:
        assert out == expected


def whole(array, **options):
    return np.array2string(array, threshold=sys.maxsize, **options) + "\n"


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 3), (3, 0, 2), (2, 3, 4), (1001,), (40, 50)])
def test_every_dtype(save, name, shape):
    path = save(filled(DTYPES[name], shape))
    expected = np.load(path)
    if shape == () and name in ("<f16", "<c32"):
        # A long double shows the digits of the nearest double.
        expected = expected.astype("c16" if name == "<c32" else "f8")
    check(run("show", path).out, shown(expected))


@pytest.mark.parametrize("name", [name for name in DTYPES if name != "<M8"])
def test_all_of_it(save, name):
    path = save(filled(DTYPES[name], (25, 51)))
    assert run("show", "--all", path).out == whole(np.load(path))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "c8", "c16"])
@pytest.mark.parametrize("name", FLOATS)
def test_how_floats_are_written(save, dtype, name):
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        values = np.array(FLOATS[name]).astype(dtype)
        if values.dtype.kind == "c":
            values = values + 1j * values[::-1]
    path = save(values)
    assert run("show", path).out == shown(values)
    for precision in (0, 2, 3, 12):
        out = run("show", path, "--precision", precision).out
        assert out == np.array2string(values, precision=precision) + "\n"


@given(array=arrays())
@settings(max_examples=150)
def test_any_array(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npy")
        path.write_bytes(npy_bytes(array))
        check(run("show", path).out, shown(np.load(path)))


@pytest.mark.parametrize("shape", [(1000,), (1001,), (2, 501), (10, 10, 11), (7, 200), (200, 7),
                                   (3, 3, 3, 100)])
def test_elision(save, shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    assert run("show", save(array)).out == shown(array)


SELECTIONS = ["[0]", "[-1]", "[1:3]", "[::-1]", "[::2, 1]", "[..., 0]", "[1, ..., ::3]", "[None, 0]",
              "[:, newaxis, 2]",
              "[5:2]", "[2:100]", "[-2:, ::-2]", "[0, 0, 0]", "[0][1]", "[1:][0][..., ::2]",
              "[:, :, 3:1:-1]", "[...]"]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_slices(save, selection, order):
    array = filled(">i2", (3, 4, 5)).copy(order)
    path = save(array)
    expected = eval(f"array{selection}", {"array": array, "newaxis": None})
    assert run("show", f"{path}{selection}").out == shown(expected)
    info = run("info", "--json", f"{path}{selection}").json
    assert info["shape"] == list(np.shape(expected))
    data = run("show", f"{path}{selection}", "--format", "raw").raw
    # An item that NumPy took out has the machine's byte order, and not the file's.
    assert data == np.array(expected, array.dtype).tobytes()


@pytest.mark.parametrize("selection", ["['a']", "['b']", "['b'][1:, 0]", "[2:]['a']", "[0]['b'][1]", "[1]",
                                       '["a"]'])
def test_fields(save, selection):
    array = filled(DTYPES["packed"], (4,))
    expected = eval(f"array{selection}")
    assert run("show", f"{save(array)}{selection}").out == shown(expected)


def test_field_of_a_field_and_title(save, tmp_path):
    nested = filled(DTYPES["nested"], (4,))
    assert run("show", f"{save(nested)}['p']['y']").out == shown(nested["p"]["y"])
    titled = filled(DTYPES["titles"], (4,))
    assert run("show", f"{save(titled, 't.npy')}['a']").out == shown(titled["a"])


@pytest.mark.parametrize("dtype", ["|b1", ">i2", "<u8", "<f2", "<f4", ">f8", "<U5"])
@pytest.mark.parametrize("shape", [(5,), (3, 4)])
def test_csv(save, dtype, shape):
    array = filled(dtype, shape)
    rows = list(csv.reader(io.StringIO(run("show", "--format", "csv", save(array)).out)))
    read = np.array(rows)
    if dtype == "|b1":
        read = np.char.lower(read) == "true" if not read[0][0].isdigit() else read.astype(int).astype(bool)
    got = read.astype(array.dtype)
    same(got.reshape(shape), array)
    assert len(rows) == shape[0]


def test_csv_of_a_structure_has_a_header(save):
    array = np.array([(1, 2.5), (-3, 0.1)], [("a", "<i4"), ("b", "<f8")])
    rows = list(csv.reader(io.StringIO(run("show", "--format", "csv", save(array)).out)))
    assert rows == [["a", "b"], ["1", "2.5"], ["-3", "0.1"]]


@pytest.mark.parametrize("dtype", ["|b1", "|i1", ">i2", "<u8", "<f4", ">f8", "<U5"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4), (2, 2, 2)])
def test_json(save, dtype, shape):
    array = filled(dtype, shape)
    values = json.loads(run("show", "--format", "json", save(array)).out)
    same(np.array(values, dtype).reshape(shape), array)
    assert np.shape(values) == shape


@pytest.mark.parametrize("name", ["|b1", ">i2", "<f8", ">c8", "<U5", "<M8[ns]", "packed", "aligned"])
def test_npy_and_raw(save, name):
    path = save(filled(DTYPES[name], (6, 5)))
    array = np.load(path)
    for selection in ["", "[::2]", "[1:3, ::-1]", "[2]"]:
        expected = eval(f"array{selection}")
        same(np.load(io.BytesIO(run("show", f"{path}{selection}", "--format", "npy").raw)), expected)
    if array.dtype.names is None:
        assert run("show", path, "--format", "raw").raw == array.tobytes()


def test_more_than_a_thousand_items_in_full_for_other_formats(save):
    array = np.arange(3000)
    assert json.loads(run("show", "--format", "json", save(array)).out) == array.tolist()
