"""`cache`: what is in memory, and putting it there and away."""

import os

import numpy as np
import pytest
from conftest import refused, run

SIZE = 64 << 20
# What the look afterwards reads again: the header's page, and what the system reads ahead behind it.
FEW = 4096


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "c.npy"
    np.save(path, np.arange(SIZE // 8))
    with open(path, "rb") as file:
        os.fsync(file)
    found = run("cache", "evict", "--json", path).json
    if found["resident_pages"] > FEW:
        pytest.skip("this file system keeps pages that it was asked to drop")
    return path


def test_touch_and_evict(path):
    found = run("cache", "touch", path, "--json").json
    assert found["resident_pages"] == found["pages"] and found["share"] == 1.0
    assert found["pages"] * found["page_size"] >= SIZE
    assert all(share == 1.0 for share in found["map"])
    text = run("cache", path).out
    assert "100.0 %" in text and "█" * 60 in text
    found = run("cache", "evict", path, "--json").json
    assert found["resident_pages"] <= FEW and found["resident_bytes"] == found["resident_pages"] * found["page_size"]


def test_a_slice(path):
    quarter = SIZE // 8 // 4
    run("cache", "touch", f"{path}[:{quarter}]")
    found = run("cache", path, "--json").json
    assert 0.24 < found["share"] < 0.5
    part = run("cache", f"{path}[:{quarter}]", "--json").json
    assert part["share"] == 1.0
    assert run("cache", f"{path}[{3 * quarter}:]", "--json").json["share"] < 0.3


def test_looking_reads_nothing(path):
    for _ in range(3):
        run("cache", path)
        # The header's page, and what was read ahead behind it.
        assert run("cache", path, "--json").json["share"] < 0.3
    run("info", path)


def test_members(tmp_path):
    path = tmp_path / "z.npz"
    np.savez(path, a=np.zeros(100_000), b=np.zeros(50_000))
    found = run("cache", path, "--json").json
    assert [member["path"] for member in found["members"]] == [f"{path}::a", f"{path}::b"]
    assert run("cache", f"{path}::b", "--json").json["pages"] < 110


def test_errors(tmp_path):
    path = tmp_path / "none.npy"
    refused("cache", path, path=path)
    refused("cache", "evict", path, path=path)
