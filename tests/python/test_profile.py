"""`--profile`: what was predicted and what happened, on stderr, beside the same output."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import BIN, run

ROWS, COLUMNS = 2048, 8192
BYTES = 4 * ROWS * COLUMNS


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("profile") / "a.npy"
    np.save(path, np.arange(ROWS * COLUMNS, dtype="f4").reshape(ROWS, COLUMNS))
    with open(path, "rb") as file:
        os.fsync(file)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def profile(*words, check=0):
    """The output, and the lines on stderr by name."""
    done = subprocess.run([BIN, *map(str, words), "--profile"], capture_output=True, text=True, timeout=60)
    assert done.returncode == check, done.stderr
    lines = done.stderr.splitlines()
    assert re.fullmatch(r"\s+predicted\s+happened", lines[0]), done.stderr
    found, last = {}, None
    for line in lines[1:]:
        name = line[:16].strip()
        last = name or last
        found[last] = f"{found.get(last, '')} {line[16:].strip()}".strip()
    return done.stdout, found


def size(text):
    """The bytes of the last size in a line."""
    number, unit = re.findall(r"([\d.]+) (bytes|KiB|MiB|GiB)", text)[-1]
    return float(number) * 1024 ** ["bytes", "KiB", "MiB", "GiB"].index(unit)


NAMES = ["passes", "read by", "because", "threads", "bytes of items", "in memory before", "from the device", "budget",
         "buffers", "private memory", "with file pages", "page faults", "I/O, arithmetic", "time", "speed"]


@pytest.mark.parametrize("call", [
    ("stats",), ("stats", "--json", "--axis", "0"), ("reduce", "sum"), ("reduce", "max", "--axis", "1", "--json"), ("digest",)])
def test_reading(path, call):
    out, found = profile(call[0], path, *call[1:])
    assert out == run(call[0], path, *call[1:]).out
    assert [name for name in NAMES if name not in found] == []
    assert found["passes"].split() == ["1", "1"]
    assert size(found["bytes of items"].replace(" pieces", "")) == BYTES
    assert size(found["buffers"]) <= size(found["budget"])
    if sys.platform == "linux":
        assert 0 < size(found["private memory"]) < 64 << 20
        assert re.search(r"\d+ minor, \d+ major", found["page faults"])


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_cold_file_comes_from_the_device(path):
    left = run("cache", "evict", path, "--json").json
    if left["resident_pages"] > 4096:
        pytest.skip("this file system keeps pages that it was asked to drop")
    _, found = profile("reduce", path, "sum")
    before, after = re.findall(r"[\d.]+ MiB", found["from the device"])
    assert float(before.split()[0]) > 40 and float(after.split()[0]) > 40, found
    run("cache", "touch", path)
    _, found = profile("reduce", path, "sum")
    assert "MiB" not in found["from the device"], found


def test_another_order_of_a_cold_file(path, tmp_path):
    left = run("cache", "evict", path, "--json").json
    if left["resident_pages"] > 4096:
        pytest.skip("this file system keeps pages that it was asked to drop")
    new = tmp_path / "f.npy"
    _, found = profile("convert", path, new, "--to-order", "F")
    assert "brought to the page cache first" in found["because"] and found["read by"].split() == ["mmap", "mmap"]
    assert np.array_equal(np.load(new), np.load(path)) and np.load(new).flags.f_contiguous
    assert run("cache", path, "--json").json["share"] > 0.9
    # Not where somebody says how it is to be read.
    run("cache", "evict", path, "--json")
    _, found = profile("convert", path, new, "--to-order", "F", "--io", "pread", "--force")
    assert "brought" not in found["because"] and np.array_equal(np.load(new), np.load(path))


def test_writing(path, tmp_path):
    _, found = profile("convert", path, tmp_path / "f.npy", "--to-order", "F")
    assert re.findall(r"[\d.]+ MiB", found["written"]) == ["64.0 MiB", "64.0 MiB"]
    _, found = profile("create", tmp_path / "n.npy", "--dtype", "<f8", "--shape", "1000,1000", "--fill", "1")
    assert size(found["written"]) == pytest.approx(8e6, rel=0.02) and found["read by"].startswith("-")
    _, found = profile("fill", tmp_path / "n.npy", "2")
    assert size(found["written"]) == pytest.approx(8e6, rel=0.02)


def test_diff(path):
    out, found = profile("diff", path, path)
    assert out == "" and found["bytes of items"].startswith("128.0 MiB")
    _, found = profile("diff", path, f"{path}[0]", check=1)
    assert found["passes"].split() == ["-", "0"]


def test_the_share_of_the_limit(path, tmp_path):
    run("bench", path, "--size", "32MiB")
    _, found = profile("reduce", path, "sum")
    assert re.fullmatch(r"- +\d+ %", found["of the limit"]), found
    assert "at the measured limits" in found["time"]


def test_without_it_nothing_is_said(path):
    # conftest.run refuses any word on stderr.
    run("stats", path)
    run("reduce", path, "sum", "--memory", "100000GiB")
