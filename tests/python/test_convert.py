"""`convert`: values as astype makes them, files that appear whole or not at all."""

import json
import os
import signal
import subprocess
import time
import warnings

import numpy as np
import pytest
from arrays import filled
from conftest import BIN, npy_bytes, refused, run, same

CODES = ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]


def samples(code):
    """Values that casts get wrong: extremes, halves between two floats, subnormals, infinities, NaN."""
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return np.array([True, False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        edge = [info.min, info.max, info.max - 1, 0, 1, info.max // 2, info.max // 3]
        return np.concatenate([np.array(edge, dtype), filled(dtype, (50,))])
    edge = [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, 2049.0, 2051.0, 65504.0, 65520.0, 1e-8, 6e-8, 3e38,
            1e-40,
            1 + 2**-11, 1 + 2**-11 + 2**-40, 16777217.0, 1e300]
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.array(edge).astype(dtype)
        if dtype.kind == "c":
            values = values + 1j * values[::-1].real
    return np.concatenate([values, filled(dtype, (50,))])


def ways(casting):
    return [(a, b) for a in CODES for b in CODES if np.can_cast(a, b, casting)]


@pytest.mark.parametrize("source, target", ways("same_kind"))
def test_casts(save, tmp_path, source, target):
    for swap, order in [("<", "<"), (">", "<"), ("<", ">"), (">", ">")]:
        array = samples(source).astype(np.dtype(source).newbyteorder(swap))
        wanted = np.dtype(target).newbyteorder(order)
        with np.errstate(all="ignore"):
            expected = array.astype(wanted)
        path, out = save(array), tmp_path / "out.npy"
        run("convert", path, out, "--to-dtype", wanted.str, "--force")
        same(np.load(out), expected)


@pytest.mark.parametrize("source, target", [("f8", "i4"), ("f4", "u1"), ("f8", "b1"), ("c16", "f4"),
                                            ("i4", "b1"),
                                            ("i4", "u2")])
def test_unsafe_casts_only_when_asked(save, tmp_path, source, target):
    array = np.array([0, 1, 2, 100, 3.75]).astype(source)
    path, out = save(array), tmp_path / "out.npy"
    refused("convert", path, out, "--to-dtype", target, words=["casting"])
    assert not out.exists()
    run("convert", path, out, "--to-dtype", target, "--casting", "unsafe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(np.load(out), array.astype(target))


@pytest.mark.parametrize("casting, source, target, allowed", [
    ("no", "<f4", "<f4", True), ("no", "<f4", ">f4", False), ("equiv", "<f4", ">f4", True),
    ("equiv", "f4", "f8", False),
    ("safe", "f4", "f8", True), ("safe", "f8", "f4", False), ("safe", "i4", "f4", False),
    ("same_kind", "i4", "f4", True),
    ("same_kind", "i8", "i4", True), ("same_kind", "f4", "i8", False)])
def test_casting_rules(save, tmp_path, casting, source, target, allowed):
    assert np.can_cast(source, target, casting) == allowed
    path, out = save(np.arange(4).astype(source)), tmp_path / "out.npy"
    run("convert", path, out, "--to-dtype", target, "--casting", casting, check=0 if allowed else (1, 2))
    assert out.exists() == allowed


@pytest.mark.parametrize("source, target", [("|S3", "|S8"), ("<U3", "<U6"), (">U3", "<U3"),
                                            ("<M8[s]", "<M8[ms]"),
                                            ("<M8[D]", ">M8[s]"), ("<m8[m]", "<m8[s]"),
                                            (">M8[ns]", "<M8[ns]")])
def test_text_and_time(save, tmp_path, source, target):
    array = filled(source, (20,))
    run("convert", save(array), tmp_path / "out.npy", "--to-dtype", target)
    same(np.load(tmp_path / "out.npy"), array.astype(target))


SHAPES = [(3, 4), (1, 5), (5, 1), (7,), (), (0, 3), (2, 3, 4), (3, 1, 4, 2), (65, 129), (1000, 3), (3, 1000)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["|u1", "<i2", ">f4", "<f8", "<c16", "|S5"])
def test_order(save, tmp_path, shape, dtype):
    array = filled(dtype, shape)
    for start, goal in [("C", "F"), ("F", "C"), ("C", "C"), ("F", "F")]:
        source, out = save(array.copy(start)), tmp_path / "out.npy"
        run("convert", source, out, "--to-order", goal, "--force")
        assert out.read_bytes() == npy_bytes(array.copy(goal)), (start, goal)


@pytest.mark.parametrize("selection", ["[::2]", "[:, 1]", "[::-1, ::-2]", "[3]", "[..., None]", "[5:5]"])
def test_selections(save, tmp_path, selection):
    array = filled("<f4", (9, 11))
    run("convert", f"{save(array)}{selection}", tmp_path / "out.npy")
    same(np.load(tmp_path / "out.npy"), eval(f"array{selection}"))


def test_field_to_its_own_file(save, tmp_path):
    array = filled([("a", "<i4"), ("b", ">f8", (2, 3))], (6,))
    run("convert", f"{save(array)}['b']", tmp_path / "out.npy")
    same(np.load(tmp_path / "out.npy"), array["b"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_raw_with_offset_and_sidecar(save, tmp_path, order):
    array = filled(">i4", (5, 7))
    out, back = tmp_path / "out.bin", tmp_path / "back.npy"
    run("convert", save(array), out, "--to-order", order, "--to-offset", "96", "--sidecar")
    data = out.read_bytes()
    assert data == bytes(96) + array.copy(order).tobytes("A")
    about = json.loads((tmp_path / "out.bin.json").read_text())
    assert about == {"dtype": ">i4", "shape": [5, 7], "offset": 96, "order": order}
    assert run("info", "--json", out).json["order"] == order
    run("convert", out, back)
    same(np.load(back), array)


def test_extension_and_to_format(save, tmp_path):
    array = filled("<u2", (10,))
    path = save(array)
    run("convert", path, tmp_path / "a.dat")
    assert (tmp_path / "a.dat").read_bytes() == array.tobytes()
    run("convert", path, tmp_path / "b.dat", "--to-format", "npy")
    assert (tmp_path / "b.dat").read_bytes() == path.read_bytes()


def test_npz_member(tmp_path):
    array = filled("<f8", (6, 2))
    np.savez(tmp_path / "z.npz", w=array, v=array[0])
    run("convert", f"{tmp_path / 'z.npz'}::w", tmp_path / "w.npy")
    assert (tmp_path / "w.npy").read_bytes() == npy_bytes(array)


def test_existing_target(save, tmp_path):
    path, out = save(np.arange(3.0)), save(np.arange(4), "out.npy")
    refused("convert", path, out, path=out, words=["--force"])
    run("convert", path, out, "--force")
    assert out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("options", [["--to-dtype", "<f4"], ["--to-order", "F"], []])
def test_onto_itself(save, options):
    """The array would lose the file that it is read from: refused, whatever name the file has."""
    path = save(filled("<f8", (300, 400)))
    link = path.with_name("link.npy")
    link.symlink_to(path)
    for target in [path, link]:
        refused("convert", path, target, "--force", *options, path=target, words=["over the file"])


def test_part_of_itself(save):
    path = save(filled("<i4", (50, 6)))
    refused("convert", f"{path}[::-2]", path, "--force", path=path, words=["under another name"])


def test_a_failure_leaves_the_target(save, tmp_path):
    path, out = save(np.arange(100.0)), save(np.arange(4), "out.npy")
    path.write_bytes(path.read_bytes()[:-8])
    refused("convert", path, out, "--force", path=path)
    refused("convert", path, tmp_path / "new.npy", path=path)
    assert not (tmp_path / "new.npy").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_in_the_middle(tmp_path, number):
    """The old target or the whole new one, at any moment; Ctrl-C leaves no other file."""
    big, out = tmp_path / "big.npy", tmp_path / "out.npy"
    run("create", big, "--dtype", "f4", "--shape", "4096,16384", "--sparse")
    old = npy_bytes(np.arange(4))
    for wait in (0.01, 0.03, 0.06):
        out.write_bytes(old)
        process = subprocess.Popen([BIN, "-q", "convert", big, out, "--to-order", "F", "--force"],
                                   stderr=subprocess.PIPE)
        time.sleep(wait)
        os.kill(process.pid, number)
        process.communicate(timeout=30)
        whole = out.stat().st_size == big.stat().st_size and np.load(out, mmap_mode="r").flags.f_contiguous
        assert out.read_bytes() == old if not whole else process.returncode is not None
        if number != signal.SIGKILL:
            assert sorted(entry.name for entry in tmp_path.iterdir()) == ["big.npy", "out.npy"]
