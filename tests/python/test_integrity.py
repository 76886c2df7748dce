"""`checksum`, `verify` and `check`: damage is found and named, and nothing is mended that could lose something."""

import fcntl
import os
import subprocess

import numpy as np
import pytest
from conftest import BIN, run, same

MIB = 1 << 20


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 16]))


def sidecar(path):
    return path.with_name(path.name + ".ndsum")


@pytest.fixture
def summed(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1_000_000, dtype="<f8").reshape(10_000, 100))
    run("checksum", path)
    return path


def test_good(summed):
    assert run("verify", summed).out.startswith(f"{summed}: good, 8 blocks")
    found = run("verify", summed, "--json").json
    assert found["verdict"] == "good" and found["differing"] == [] and not found["modified_since"]
    assert found["checksums"]["covered"] == summed.stat().st_size
    assert found["checksums"]["path"] == str(sidecar(summed))


def test_damage_is_named(summed):
    row = 3000
    flip(summed, 128 + row * 800 + 5)
    result = run("verify", summed, check=1)
    assert "damaged  bytes 2097152..3145728, block 2, rows 2621..3932" in result.out, result.out
    found = run("verify", summed, "--json", check=1).json
    assert found["verdict"] == "damaged" and found["modified_since"]
    one, = found["differing"]
    assert one["blocks"] == [2, 3] and one["axis"] == 0 and one["rows"][0] <= row < one["rows"][1]


@pytest.mark.parametrize("selection", ["[3000, 5]", "[:, 7]", "[::3]", ""])
def test_set_and_fill_keep_them(summed, selection):
    run("set", f"{summed}{selection}", "7")
    assert run("verify", summed, "--json").json["checksums"]["generation"] == 2
    run("fill", f"{summed}{selection}", "8")
    run("eval", "x * 2", f"x={summed}{selection}", "--into", f"{summed}{selection}")
    assert run("verify", summed, "--json").json["verdict"] == "good"
    expected = np.arange(1_000_000, dtype="<f8").reshape(10_000, 100)
    exec(f"expected{selection or '[...]'} = 16")
    same(np.load(summed), expected)


def test_fortran_order_names_columns(tmp_path):
    path = tmp_path / "f.npy"
    np.save(path, np.asfortranarray(np.zeros((1000, 2000), "<f4")))
    run("checksum", path)
    flip(path, 128 + 4000 * 700)
    one, = run("verify", path, "--json", check=1).json["differing"]
    assert one["axis"] == 1 and one["rows"][0] <= 700 < one["rows"][1]
    assert "of axis 1" in run("verify", path, check=1).out


def test_what_others_append_is_not_covered(summed):
    with open(summed, "ab") as file:
        file.write(b"x" * 1000)
    result = run("verify", summed)
    assert "good" in result.out and "not covered: 1000 bytes" in result.out
    np.save(summed, np.ones(5_000_000))
    assert run("verify", summed, "--json").json["verdict"] == "not covered"
    run("checksum", summed)
    run("verify", summed)


def test_without_checksums(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    assert "ndfolio checksum FILE" in run("verify", path, check=2).err
    assert "whole file" in run("checksum", f"{path}[0]", check=2).err


def test_archives_and_raw_files(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(300_000), y=np.ones(3))
    run("checksum", path)
    run("verify", path)
    run("verify", f"{path}::x")
    flip(path, MIB + 5)
    assert "rows" in run("verify", f"{path}::x", check=1).out
    raw = tmp_path / "r.bin"
    raw.write_bytes(bytes(3 * MIB))
    run("checksum", raw, "--dtype", "<f4")
    run("verify", raw)
    flip(raw, 0)
    run("verify", raw, check=1)


@pytest.mark.parametrize("bad", [b"", b"text", b"\x93NDSUM\x01\x01" + b"\xff" * 200, b"\x93NDSUM\x01\x01" + bytes(88)])
def test_hostile_checksums(summed, bad):
    sidecar(summed).write_bytes(bad)
    assert "a.npy.ndsum: not a file of checksums" in run("verify", summed, check=1).err
    assert "not a file of checksums" in run("check", summed, check=1).out
    run("set", f"{summed}[0, 0]", "1")
    assert sidecar(summed).read_bytes() == bad


def test_huge_hostile_checksums_take_no_memory(summed):
    good = bytearray(sidecar(summed).read_bytes())
    good[32:40] = (1 << 43).to_bytes(8, "little")
    with open(sidecar(summed), "wb") as file:
        file.write(good[:80])
        file.truncate(80 + 16 * ((1 << 23) + 1))
    assert "more memory" in run("verify", summed, "--memory", "16MiB", check=1).err


def test_check(summed):
    assert run("check", summed).out.startswith(f"{summed}: whole")
    found = run("check", summed, "--json", "--nan").json
    assert found["whole"] and found["trailing"] == 0 and found["leftovers"] == [] and found["nan"] == 0
    assert found["checksums"]["blocks"] == 8 and found["repaired"] is None


def test_check_counts_nan(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([1, np.nan, np.nan]))
    assert "nan        2" in run("check", path, "--nan").out


def test_check_of_a_cut_file(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1000))
    os.truncate(path, 5000)
    result = run("check", path, check=1)
    assert "not whole" in result.out and "promises 8000 bytes" in result.out
    assert run("check", path, "--repair", "--json", check=1).json["repaired"]["cut"] == 0
    assert path.stat().st_size == 5000


def test_repair_cuts_what_no_header_counts(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000.0))
    with open(path, "ab") as file:
        file.write(b"rest")
    assert "trailing   4 bytes" in run("check", path).out
    assert path.stat().st_size == 8132
    assert "cut 4 bytes" in run("check", path, "--repair").out
    assert path.stat().st_size == 8128
    same(np.load(path), np.arange(1000.0))
    assert "nothing to mend" in run("check", path, "--repair").out


def test_what_a_killed_append_leaves(tmp_path):
    path = tmp_path / "a.npy"
    run("create", path, "--growable", "--shape", "0,4", "--dtype", "<f8")
    rows = tmp_path / "rows.npy"
    np.save(rows, np.arange(400.0).reshape(-1, 4))
    run("append", path, rows)
    size = path.stat().st_size
    with open(path, "ab") as file:
        file.write(bytes(1000))
    # It belongs to nobody: it is told, and no checksum covers it.
    assert "trailing   1000 bytes" in run("check", path).out
    run("checksum", path)
    assert run("check", path, "--json").json["checksums"]["covered"] == size
    assert "good" in run("verify", path).out
    assert "cut 1000 bytes" in run("check", path, "--repair").out
    assert path.stat().st_size == size
    assert "good" in run("verify", path).out
    run("append", path, rows)
    assert "good" in run("verify", path).out
    same(np.load(path), np.vstack([np.load(rows)] * 2))


def test_repair_leaves_what_is_covered(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000.0))
    with open(path, "ab") as file:
        file.write(b"rest")
    run("checksum", path)
    assert "they are covered by the checksums" in run("check", path, "--repair").out
    assert path.stat().st_size == 8132


def test_repair_leaves_raw_files(tmp_path):
    path = tmp_path / "r.bin"
    path.write_bytes(bytes(100))
    assert run("check", path, "--dtype", "<f4", "--shape", "3", "--repair", "--json").json["repaired"]["cut"] == 0
    assert path.stat().st_size == 100


def test_leftovers(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    dead = tmp_path / ".a.npy.999-0123456789abcdef.part"
    held = tmp_path / ".a.npy.998-0123456789abcdef.part"
    other = tmp_path / ".a.npy.part"
    for name in dead, held, other:
        name.write_bytes(b"12345")
    with open(held, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = run("check", path, "--json").json["leftovers"]
        assert {one["path"]: one["held"] for one in found} == {str(dead): False, str(held): True}
        assert f"removed {dead}" in run("check", path, "--repair").out
    assert not dead.exists() and held.exists() and other.exists()


def test_somebody_who_appends_is_not_cut_off(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    with open(path, "ab") as file:
        file.write(b"rows that are not counted yet")
    size = path.stat().st_size
    holder = subprocess.Popen(["python3", "-c", f"""
import fcntl, struct, sys, time
file = open({str(path)!r}, "r+b")
fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 1 << 62, 1, 0))
print("locked", flush=True)
time.sleep(60)
"""], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"locked\n"
        assert str(path) in run("check", path, "--repair", check=1).err
        assert path.stat().st_size == size
    finally:
        holder.kill()
        holder.communicate()
    run("check", path, "--repair")
    assert path.stat().st_size == size - 29


def test_explain_and_profile(summed):
    assert "buffers" in run("explain", f"verify {summed}").out
    done = subprocess.run([BIN, "verify", summed, "--profile"], capture_output=True, text=True)
    assert done.returncode == 0 and "buffers" in done.stderr
