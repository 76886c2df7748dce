"""`file[::member][[slice]]`, everywhere the same."""

import os
import shutil

import numpy as np
import pytest
from arrays import filled
from conftest import refused, run


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "archive.npz"
    members = {"w": filled("<f8", (4, 5)), "größe": filled(">i2", (3,)),
               "f": np.asfortranarray(filled("<f4", (2, 3)))}
    np.savez(path, **members)
    return path, members


def test_members(archive):
    path, members = archive
    info = run("info", "--json", path).json
    assert info["format"] == "npz" and info["dtype"] is None and info["shape"] is None
    found = {m["name"]: (m["dtype"], m["shape"], m["order"], m["mappable"]) for m in info["members"]}
    orders = {"w": "C", "größe": "C", "f": "F"}
    assert found == {name: (a.dtype.str, list(a.shape), orders[name], True) for name, a in members.items()}
    data = path.read_bytes()
    for member in info["members"]:
        array = members[member["name"]]
        assert data[member["offset"] :][: array.nbytes] == array.tobytes("A")


def test_member(archive):
    path, members = archive
    for name, array in members.items():
        assert run("show", f"{path}::{name}").out == f"{array}\n"
        assert run("info", "--json", f"{path}::{name}").json["shape"] == list(array.shape)
    assert run("show", f"{path}::w[1:, ::-2]").out == f"{members['w'][1:, ::-2]}\n"
    assert run("show", f"{path}::w.npy").out == f"{members['w']}\n"


def test_member_that_is_not_there(archive):
    path, _ = archive
    line = refused("show", f"{path}::nothing", path=path)
    assert "w" in line and "größe" in line
    refused("stats", path, path=path)


def test_archive_of_one_needs_no_name(tmp_path):
    np.savez(tmp_path / "one.npz", only=np.arange(3))
    assert run("show", tmp_path / "one.npz").out == "[0 1 2]\n"


def test_compressed_member(tmp_path):
    path = tmp_path / "c.npz"
    np.savez_compressed(path, a=np.arange(1000))
    member = run("info", "--json", path, check=3).json["members"][0]
    assert (member["name"], member["mappable"]) == ("a", False) and member["reason"]
    parts = run("show", f"{path}::a", check=3).err.rstrip("\n").split("; ", 2)
    assert len(parts) == 3 and f"{path}::a" in parts[0] and parts[2].startswith("run: "), parts


def test_real_names_win(tmp_path, monkeypatch):
    for name in ["a[0].npy", "b[0]", "c::d.npy", "x.npz::w"]:
        with open(tmp_path / name, "wb") as file:
            np.save(file, np.arange(3))
        assert run("show", tmp_path / name).out == "[0 1 2]\n"
        assert run("show", f"{tmp_path / name}[1]").out == "1\n"


@pytest.mark.parametrize("name", [b"caf\xe9.npy", b"new\nline.npy", b" spaces .npy", b"-dash.npy",
                                  "ü.npy".encode(),
                                  b"'quote\".npy"])
def test_odd_names(tmp_path, name):
    path = os.fsencode(tmp_path) + b"/" + name
    with open(path, "wb") as file:
        np.save(file, np.arange(5.0))
    for command in ["info", "stats", "digest", "show"]:
        run(command, path)
    run("info", "--json", path)
    assert run("show", path + b"[1:3]").out == "[1. 2.]\n"
    run("set", path + b"[0]", "7")
    run("convert", path, path + b".f4.npy", "--to-dtype", "f4")
    assert np.load(os.fsdecode(path + b".f4.npy")).tolist() == [7, 1, 2, 3, 4]
    run("create", path + b".2.npy", "--dtype", "u1", "--shape", "2")


def test_relative_and_dashed(save, tmp_path):
    save(np.arange(3), "-x.npy")
    assert run("show", "--", "-x.npy", cwd=tmp_path).out == "[0 1 2]\n"
    assert run("show", "./-x.npy[2]", cwd=tmp_path).out == "2\n"


@pytest.mark.parametrize("selection", ["[9]", "[-6]", "[0,0]", "[::0]", "[1", "[]]", "[a]", "[1.5]", "['x']",
                                       "[..., ...]",
                                       "[99999999999999999999]", "[[0, 1]]", "[True]"])
def test_bad_selections(save, selection):
    path = save(np.arange(5))
    refused("show", f"{path}{selection}", path=path)


def test_links_are_followed(save, tmp_path):
    path = save(np.arange(3))
    (tmp_path / "link.npy").symlink_to(path)
    assert run("show", tmp_path / "link.npy").out == "[0 1 2]\n"
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    refused("show", tmp_path / "loop.npy", path=tmp_path / "loop.npy")


def test_extension_does_not_matter(save, tmp_path):
    path = save(np.arange(3))
    shutil.copy(path, tmp_path / "a.dat")
    assert run("info", "--json", tmp_path / "a.dat").json["format"] == "npy"
