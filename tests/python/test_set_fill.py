"""`set` and `fill` change what was selected, in place, and nothing else."""

import numpy as np
import pytest
from arrays import DTYPES, filled
from conftest import refused, run, same

ASSIGN = [("[0]", "7", 7), ("[1, 2]", "-3", -3), ("[:, 0]", "5", 5), ("[::2, ::-1]", "9", 9),
          ("[...]", "1", 1),
          ("[2]", "[1, 2, 3, 4, 5, 6]", [1, 2, 3, 4, 5, 6]),
          ("[:2, :3]", "[[1,2,3],[4,5,6]]", [[1, 2, 3], [4, 5, 6]]),
          ("[:, :2]", "[[8, 9]]", [[8, 9]]), ("[:, 3]", "[1, 2, 3, 4]", [1, 2, 3, 4]),
          ("[:, 1:2]", "[[1],[2],[3],[4]]", [[1], [2], [3], [4]])]


@pytest.mark.parametrize("dtype", ["|i1", ">i2", "<i8", "<f4", ">f8", "<c8"])
@pytest.mark.parametrize("selection, text, value", ASSIGN)
@pytest.mark.parametrize("order", ["C", "F"])
def test_set(save, dtype, selection, text, value, order):
    array = filled(dtype, (4, 6)).copy(order)
    path = save(array)
    inode = path.stat().st_ino
    exec(f"array{selection} = value")
    run("set", f"{path}{selection}", "--", text)
    same(np.load(path), array)
    assert path.stat().st_ino == inode, "not in place"


SCALARS = [("|b1", "true", True), ("|b1", "false", False), ("<f4", "nan", np.nan), ("<f8", "-inf", -np.inf),
           ("<f2", "0.1", 0.1), (">c16", "1+2j", 1 + 2j), ("<c8", "-0.5j", -0.5j), ("|S5", "abc", b"abc"),
           ("<U5", "größe", "größe"), (">U5", "a b", "a b"),
           ("<M8[D]", "2020-01-01", np.datetime64("2020-01-01")),
           (">M8[ns]", "2020-01-01T01:02:03", np.datetime64("2020-01-01T01:02:03")),
           ("<M8[s]", "NaT", np.datetime64("NaT")),
           ("<m8[s]", "90", np.timedelta64(90, "s")), ("<u8", "18446744073709551615", 2**64 - 1),
           ("<i8", "-9223372036854775808", -(2**63))]


@pytest.mark.parametrize("dtype, text, value", SCALARS)
def test_scalars(save, dtype, text, value):
    array = filled(dtype, (5,))
    path = save(array)
    array[2] = value
    run("set", f"{path}[2]", "--", text)
    same(np.load(path), array)
    array[1::2] = value
    run("fill", f"{path}[1::2]", "--", text)
    same(np.load(path), array)
    array[...] = value
    run("fill", path, "--", text)
    same(np.load(path), array)


def test_negative_value_without_dashes(save):
    path = save(np.zeros(3))
    run("set", f"{path}[1]", "-2.5")
    run("fill", f"{path}[2]", "-inf")
    assert np.load(path).tolist() == [0, -2.5, -np.inf]


def test_field(save):
    array = filled(DTYPES["packed"], (4,))
    path = save(array)
    array["a"][1:] = 5
    array["b"][2, 0] = [1, 2, 3]
    run("fill", f"{path}['a'][1:]", "5")
    run("set", f"{path}['b'][2, 0]", "[1, 2, 3]")
    same(np.load(path), array)


def test_padding_and_neighbours_are_left(tmp_path):
    """Bytes before, between and after the selected items stay as they were."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(range(256)))
    options = ["--dtype", "<u2", "--offset", "5", "--shape", "10"]
    run("fill", f"{path}[::3]", "0", *options)
    expected = bytearray(range(256))
    for item in range(0, 10, 3):
        expected[5 + 2 * item : 7 + 2 * item] = b"\0\0"
    assert path.read_bytes() == expected


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("selection", ["", "[5:-5]", "[:, 3]", "[::-7, ::2]"])
def test_fill(save, order, selection):
    array = filled("<f8", (300, 200)).copy(order)
    path = save(array)
    exec(f"array{selection or '[...]'} = 1.25")
    run("fill", f"{path}{selection}", "1.25")
    same(np.load(path), array)


def test_empty_selection_changes_nothing(save):
    path = save(np.arange(5))
    before = path.read_bytes()
    run("set", f"{path}[3:1]", "9")
    run("fill", f"{path}[5:]", "9")
    assert path.read_bytes() == before


BAD = [("|i1", "128"), ("|u1", "-1"), ("<i4", "1.5"), ("<i4", "nan"), ("<f4", "abc"), ("|b1", "maybe"),
       ("<M8[D]", "2020-13-01"), ("<i4", "[1, 2]"), ("<i4", "[[1], [2, 3]]"), ("<i4", "[1, 2, 3"),
       ("<i4", "")]


@pytest.mark.parametrize("dtype, text", BAD)
@pytest.mark.parametrize("command", ["set", "fill"])
def test_values_that_do_not_fit(save, dtype, text, command):
    path = save(filled(dtype, (3,)))
    refused(command, f"{path}[:]", "--", text, path=path)


@pytest.mark.parametrize("selection", ["[3]", "[-4]", "[0, 0]", "[::0]", "['x']"])
def test_selections_that_do_not_fit(save, selection):
    path = save(np.arange(3))
    refused("set", f"{path}{selection}", "1", path=path)


def test_read_only_file_system_of_an_archive(tmp_path):
    """A member of an archive has a checksum: writing is refused, or keeps the archive valid."""
    path = tmp_path / "z.npz"
    np.savez(path, w=np.arange(5))
    before = path.read_bytes()
    result = run("set", f"{path}::w[0]", "9", check=None)
    if result.code:
        assert path.read_bytes() == before
    else:
        with np.load(path) as archive:
            assert archive["w"].tolist() == [9, 1, 2, 3, 4]
