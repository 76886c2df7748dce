"""What ndfolio writes is, byte for byte, what np.save writes."""

import numpy as np
import pytest
from arrays import DTYPES, SHAPES, filled
from conftest import npy_bytes, run

FILLS = {"|b1": "true", "|i1": "-128", "|u1": "255", "<i2": "-300", ">u4": "4000000000",
         "<i8": "-9223372036854775808", "<u8": "18446744073709551615", "<f2": "1.5", "<f4": "0.1",
         ">f4": "0.1", "<f8": "-1e300", ">f8": "inf", "<c8": "1+2j", ">c16": "-0.5-1e10j", "|S5": "abc",
         "<U5": "äbc", ">U5": "xyz", "<M8[D]": "2020-01-31", "<M8[ns]": "2020-01-31T12:00:00.000000001",
         ">M8[s]": "NaT", "<m8[s]": "-90"}


@pytest.mark.parametrize("dtype", FILLS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(0,), (7,), (2, 3), (1, 5), (4, 1, 3)])
def test_create_with_fill(tmp_path, dtype, shape, order):
    text = FILLS[dtype]
    path = tmp_path / "a.npy"
    run("create", path, "--dtype", dtype, "--shape", ",".join(map(str, shape)), "--order", order,
        f"--fill={text}")
    kinds = {"b": bool, "i": int, "u": int, "f": float, "c": complex, "M": np.datetime64, "m": int}
    value = kinds.get(np.dtype(dtype).kind, str)(text)
    assert path.read_bytes() == npy_bytes(np.full(shape, value, dtype, order=order))


@pytest.mark.parametrize("name", DTYPES)
def test_create_of_zeros(tmp_path, name):
    dtype = np.dtype(DTYPES[name])
    path = tmp_path / "a.npy"
    given = dtype.str if dtype.names is None else repr(dtype.descr)
    run("create", path, "--dtype", given, "--shape", "3,4")
    # A descr list knows nothing of alignment, which changes no byte.
    made = dtype if dtype.names is None else np.lib.format.descr_to_dtype(dtype.descr)
    assert path.read_bytes() == npy_bytes(np.zeros((3, 4), made))


def test_create_zero_dimensional(tmp_path):
    run("create", tmp_path / "a.npy", "--dtype", "f8", "--shape", "()", "--fill", "2.5")
    assert (tmp_path / "a.npy").read_bytes() == npy_bytes(np.float64(2.5))


@pytest.mark.parametrize("name", DTYPES)
def test_convert_keeps_every_byte(save, tmp_path, name):
    """All shapes and both orders of one dtype: .npy to .npy is the identity on what np.save wrote."""
    for number, shape in enumerate(SHAPES):
        for order in "CF":
            array = filled(DTYPES[name], shape, number).copy(order)
            source, target = save(array, f"{number}{order}.npy"), tmp_path / f"{number}{order}-out.npy"
            run("convert", source, target)
            assert target.read_bytes() == source.read_bytes(), (shape, order)


@pytest.mark.parametrize("dtype", ["<f4", ">i2", "|S5", "<M8[ns]", "<c16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_convert_from_raw(tmp_path, dtype, order):
    array = filled(dtype, (5, 6), 3).copy(order)
    (tmp_path / "a.bin").write_bytes(b"\1" * 24 + array.tobytes("A") + b"trailing")
    how = ["--dtype", dtype, "--shape", "5,6", "--offset", "24", "--order", order]
    run("convert", tmp_path / "a.bin", tmp_path / "a.npy", *how)
    assert (tmp_path / "a.npy").read_bytes() == npy_bytes(array)


def test_big_header_takes_version_2(tmp_path):
    """Larger than what is read without asking, here and in NumPy, and still written as NumPy does."""
    path, dtype = tmp_path / "a.npy", np.dtype([(f"field_{i:05}", "<f4") for i in range(3000)])
    run("create", path, "--dtype", repr(dtype.descr), "--shape", "2")
    data = path.read_bytes()
    assert data[6] == 2 and data == npy_bytes(np.zeros(2, dtype))


@pytest.mark.parametrize("field, version", [("größe", 1), ("长度", 3)])
def test_names_choose_the_version(save, tmp_path, field, version):
    source = save(np.arange(4).astype([(field, "<i4")]))
    assert source.read_bytes()[6] == version
    run("convert", source, tmp_path / "b.npy")
    assert (tmp_path / "b.npy").read_bytes() == source.read_bytes()


def test_data_starts_at_a_multiple_of_64_with_room_to_grow(tmp_path):
    for digits in range(1, 12):
        path = tmp_path / f"{digits}.npy"
        run("create", path, "--dtype", "u1", "--shape", 10 ** (digits - 1), "--sparse")
        with open(path, "rb") as file:
            data = file.read(256)
        length = 10 + int.from_bytes(data[8:10], "little")
        assert length % 64 == 0 and data[:length].count(b" ") >= 21 - digits
        assert np.load(path, mmap_mode="r").shape == (10 ** (digits - 1),)
