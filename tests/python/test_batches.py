"""`batches`: what it says of batches, and what making them measures."""

import signal
import subprocess
import time

import numpy as np
import pytest
from conftest import BIN, refused, run


@pytest.fixture
def rows(save):
    return save(np.arange(10_000 * 8, dtype="<f4").reshape(10_000, 8))


def test_nothing_is_read_without_a_dry_run(rows):
    about = run("batches", rows, "--batch-size", 64, "--shuffle", "blocks", "--json").json
    assert (about["items"], about["item_bytes"], about["batches"]) == (10_000, 32, 157)
    assert about["order"] == "blocks of 4096, 16 together"
    assert about["measured"] is None
    assert "order: full" in run("batches", rows, "--shuffle", "full").out


@pytest.mark.parametrize("shuffle", ["none", "full", "blocks"])
@pytest.mark.parametrize("way", ["auto", "mmap", "pread", "direct"])
def test_a_dry_run_makes_every_batch(rows, shuffle, way):
    made = run("batches", rows, "--shuffle", shuffle, "--dry-run", "--io", way, "--epochs", 2, "--json").json
    measured = made["measured"]
    assert (measured["batches"], measured["items"]) == (2 * made["batches"], 20_000)
    assert measured["bytes"] == 20_000 * 32
    text = run("batches", rows, "--shuffle", shuffle, "--dry-run", "--batches", 5).out
    assert "5 batches in" in text and "private memory" in text


def test_several_arrays_ranks_and_casts(rows, tmp_path):
    np.save(tmp_path / "y.npy", np.arange(10_000, dtype=">u2"))
    words = ["batches", rows, tmp_path / "y.npy", "--to-dtype", "<f8", "--to-dtype", "<i8", "-b", 100, "--dry-run", "--json"]
    made = run(*words, "--world-size", 3, "--rank", 2).json
    assert made["batches"] == 34
    assert made["measured"]["bytes"] == made["measured"]["items"] * 72
    dropped = run(*words, "--world-size", 3, "--drop-last").json["measured"]
    assert (dropped["batches"], dropped["items"]) == (33, 3300)


def test_windows(save):
    tokens = save(np.arange(50_000, dtype="<u2"))
    words = ["batches", tokens, "--windows", 256, "--to-dtype", "<i8", "--dry-run", "--json"]
    assert run(*words).json["items"] == (50_000 - 257) // 256 + 1
    drawn = run(*words, "--random", 1000).json
    assert drawn["items"] == 1000
    assert drawn["measured"]["bytes"] == 1000 * 256 * 8 * 2
    assert run(*words, "--every", 1, "--no-target", "--batches", 3).json["items"] == 50_000 - 255


def test_memory_stays_within_what_it_was_given(tmp_path):
    path = tmp_path / "big.npy"
    np.lib.format.open_memmap(path, "w+", "<f4", (40_000, 1024))[:] = 1
    for shuffle in ["none", "full", "blocks"]:
        words = ["batches", path, "--shuffle", shuffle, "--dry-run", "--json", "--memory", "40MiB"]
        once = run(*words).json
        assert once["memory"]["bytes"] <= 40 << 20
        assert once["measured"]["private_peak"] <= (40 + 8) << 20
        more = run(*words, "--epochs", 3).json
        assert more["measured"]["private_peak"] <= once["measured"]["private_peak"] + (4 << 20)


def test_what_is_refused(rows, save):
    assert "99 rows" in refused("batches", rows, save(np.zeros((99, 2)), "short.npy"))
    assert "needs" in refused("batches", rows, "-b", 10_000, "--memory", "64KiB")
    assert "--shuffle blocks" in refused("batches", rows, "--block", 5)
    assert "one FILE" in refused("batches", rows, rows, "--windows", 5)
    assert "no rows" in refused("batches", save(np.zeros((0, 3)), "empty.npy"))


def test_ctrl_c_ends_it_at_once(rows):
    words = [BIN, "batches", rows, "--shuffle", "full", "--dry-run", "--epochs", "1000000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(0.5)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert time.monotonic() - started < 1
