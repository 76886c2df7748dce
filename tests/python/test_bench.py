"""`bench`: numbers that can be, kept for each machine and device, and nothing left behind."""

import json
import os
import time
from pathlib import Path

import pytest
from conftest import refused, run

NAMES = ["memory_one_thread", "memory_all_threads", "mmap_one_thread", "mmap_all_threads", "pread_one_thread",
         "pread_all_threads", "direct_read", "random_reads", "write", "sha256_one_thread"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ndfolio"


def bench(*args, **options):
    return run("bench", *args, "--size", "32MiB", "--json", **options).json


def test_the_numbers_can_be(tmp_path, cache):
    folder = tmp_path / "data"
    folder.mkdir()
    start = time.monotonic()
    found = bench(folder)
    assert time.monotonic() - start < 15
    assert list(folder.iterdir()) == []
    assert list(found["limits"]) == NAMES
    for name, value in found["limits"].items():
        if value is None:
            assert name in ("direct_read", "random_reads"), name
        else:
            assert 10 < value < 1e13, (name, value)
    assert found["limits"]["memory_one_thread"] > 1e8
    assert found["threads"] >= 1 and found["file_bytes"] == 32 << 20 and found["version"] == 1
    [kept] = cache.iterdir()
    assert str(kept) == found.pop("kept_in")
    assert json.loads(kept.read_text()) == found


def test_a_device_has_one_file(tmp_path, cache):
    (tmp_path / "a.npy").write_bytes(b"x")
    names = set()
    for target in [tmp_path, tmp_path / "a.npy"]:
        names.add(bench(target)["kept_in"])
    assert len(names) == 1 and len(list(cache.iterdir())) == 1
    if os.access("/dev/shm", os.W_OK) and os.stat("/dev/shm").st_dev != os.stat(tmp_path).st_dev:
        assert bench("/dev/shm")["kept_in"] not in names


def test_the_table(tmp_path):
    text = run("bench", tmp_path, "--size", "16MiB", "--threads", "1").out
    for word in ["memory, read", "page cache, through a mapping", "by system calls", "disk, read 1 MiB", "disk, written",
                 "SHA-256", "GB/s", "1 threads", "kept in "]:
        assert word in text, text


def test_what_is_kept_is_replaced(tmp_path, cache):
    file = bench(tmp_path)["kept_in"]
    for garbage in [b"", b"{", b"\x00" * 200_000, b'{"version": 99}']:
        Path(file).write_bytes(garbage)
        bench(tmp_path)
        assert json.loads(Path(file).read_text())["version"] == 1
    assert len(list(cache.iterdir())) == 1


def test_without_a_place_to_keep_it(tmp_path):
    found = bench(tmp_path, env={"XDG_CACHE_HOME": "not/absolute", "HOME": ""})
    assert found["kept_in"] is None
    assert "kept nowhere" in run("bench", tmp_path, "--size", "16MiB", env={"XDG_CACHE_HOME": "", "HOME": ""}).out


def test_home_is_used_without_xdg(tmp_path):
    kept = bench(tmp_path, env={"XDG_CACHE_HOME": "", "HOME": str(tmp_path / "home")})["kept_in"]
    assert kept.startswith(str(tmp_path / "home/.cache/ndfolio/limits-"))


def test_errors(tmp_path):
    refused("bench", tmp_path / "none", path=tmp_path / "none", words=["no such file"])
    (tmp_path / "cache").write_text("in the way")
    refused("bench", tmp_path, "--size", "16MiB", path=tmp_path / "cache/ndfolio")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    refused("bench", folder, path=folder, words=["permission"])
