"""`explain`: what a command would do, without doing it, and as the command then does it."""

import json
import os
import re

import numpy as np
import pytest
from conftest import BIN, refused, run

ROWS, COLUMNS = 2048, 8192
KEYS = ["passes", "stages", "files", "bytes", "device_bytes", "bytes_written", "threads", "budget", "buffer_bytes", "state_bytes", "result_bytes",
        "seconds", "is_measured", "notes"]
LIMITS = {"version": 1, "processor": "x", "threads": 2, "file_system": "ext4", "file_bytes": 1, "measured_at": 1,
          "limits": {name: 1e9 for name in [
              "memory_one_thread", "memory_all_threads", "mmap_one_thread", "mmap_all_threads", "pread_one_thread",
              "pread_all_threads", "direct_read", "write", "sha256_one_thread"]} | {"random_reads": 1e5}}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("explain") / "big.npy"
    np.save(path, np.arange(ROWS * COLUMNS, dtype="f4").reshape(ROWS, COLUMNS))
    with open(path, "rb") as file:
        os.fsync(file)
    run("cache", "touch", path)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder for what was measured, empty at first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ["NDFOLIO_MEMORY", "NDFOLIO_THREADS", "NDFOLIO_IO"]:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "ndfolio"


def measured(cache, path):
    """Puts limits of round numbers where `bench` keeps those of this machine."""
    run("bench", path, "--size", "16MiB", "--json")
    [file] = cache.iterdir()
    file.write_text(json.dumps(LIMITS))


def explain(*words, **options):
    found = run("explain", "--json", "--", *words, **options).json
    assert list(found) == KEYS
    return found


def happened(*words, **options):
    """What --profile says on stderr: the two columns by name."""
    import subprocess
    done = subprocess.run([BIN, *map(str, words), "--profile"], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode in (0, 1), done.stderr
    return done.stderr


CALLS = [("stats",), ("stats", "--axis", "0"), ("reduce", "sum"), ("reduce", "argmax", "var", "--axis", "1"), ("digest",)]


@pytest.mark.parametrize("call", CALLS)
def test_a_hot_file(path, call):
    found = explain(call[0], path, *call[1:])
    assert (found["passes"], found["bytes"], found["bytes_written"]) == (1, 4 * ROWS * COLUMNS, 0)
    [file] = found["files"]
    assert file["path"] == str(path) and file["resident"] == 1.0 and found["device_bytes"] == 0
    assert file["engine"] in ("mmap", "pread") and file["reason"]
    # A mapped file needs none.
    assert 0 <= found["buffer_bytes"] <= found["budget"] <= 64 << 20
    assert 1 <= found["threads"] <= os.cpu_count()
    assert found["seconds"] is None and not found["is_measured"] and found["notes"] == []


def test_a_cold_file(path):
    left = run("cache", "evict", path, "--json").json
    if left["resident_pages"] > 4096:
        pytest.skip("this file system keeps pages that it was asked to drop")
    for _ in range(2):
        found = explain("reduce", path, "sum")
        assert found["files"][0]["resident"] < 0.3
        assert found["device_bytes"] > 0.7 * 4 * ROWS * COLUMNS
    # It was read by none of them.
    assert run("cache", path, "--json").json["share"] < 0.3
    run("cache", "touch", path)


def test_the_run_uses_the_same_evidence(path):
    for words in [("stats", path), ("reduce", path, "sum", "--io", "direct"), ("reduce", path, "sum", "--io", "mmap"),
                  ("digest", path), ("reduce", f"{path}[:, ::9]", "max", "--axis", "1")]:
        found = explain(*words)
        text = happened(*words)
        engine = found["files"][0]["engine"]
        assert re.search(rf"read by\s+{engine}\s+{engine}\n", text), (words, text)
        threads = found["threads"]
        assert re.search(rf"threads\s+{threads}\s+{threads}\n", text), text


def test_quoted_and_unquoted(path):
    call = f"reduce '{path}' sum --axis 0 --memory 1MiB"
    text = run("explain", call).out
    assert text == run("explain", "--", "reduce", path, "sum", "--axis", "0", "--memory", "1MiB").out
    assert text == run("explain", f"ndfolio {call}").out
    assert run("explain", call, "--json").json["budget"] == 1 << 20
    for word in ["passes", "read by", "because", "threads", "from the device", "budget", "buffers", "results", "time"]:
        assert re.search(rf"^{word} ", text, re.M), text


def test_time_is_not_guessed(path, cache):
    text = run("explain", f"stats {path}").out
    assert f"not measured yet; run: ndfolio bench {path.parent}" in text
    measured(cache, path)
    found = explain("stats", path)
    assert found["seconds"] == pytest.approx(4 * ROWS * COLUMNS / 1e9) and found["is_measured"]
    assert explain("digest", path)["seconds"] == pytest.approx(2 * 4 * ROWS * COLUMNS / 1e9)
    assert "s at the measured limits" in run("explain", f"stats {path}").out
    # What is not ours is as if it was not there.
    [file] = cache.iterdir()
    file.write_bytes(b"\xff" * 100)
    assert explain("stats", path)["seconds"] is None


def test_settings_of_the_environment_count(path):
    found = explain("stats", path, env={"NDFOLIO_MEMORY": "2MiB", "NDFOLIO_THREADS": "1", "NDFOLIO_IO": "pread"})
    assert (found["budget"], found["threads"], found["files"][0]["engine"]) == (2 << 20, 1, "pread")
    assert "asked for" in found["files"][0]["reason"]


def test_more_memory_than_there_is(path):
    found = explain("reduce", path, "sum", "--memory", "100000GiB")
    assert found["budget"] < 100000 << 30
    [note] = found["notes"]
    assert str(100000 << 30) in note and "left" in note
    assert "note" in happened("reduce", path, "sum", "--memory", "100000GiB")
    assert run("reduce", path, "sum", "--memory", "100000GiB").out == run("reduce", path, "sum").out


def test_convert(path, tmp_path):
    target = tmp_path / "new.npy"
    found = explain("convert", path, target, "--to-dtype", "<f8", "--to-order", "F")
    assert (found["bytes"], found["bytes_written"]) == (4 * ROWS * COLUMNS, 8 * ROWS * COLUMNS)
    assert 0 < found["buffer_bytes"] <= found["budget"]
    assert not target.exists()
    refused("explain", f"convert {path} {target} --to-dtype i2", words=["cast"])


def test_diff(path):
    found = explain("diff", path, f"{path}[:, ::-1]")
    assert [file["path"] for file in found["files"]] == [str(path)] * 2
    assert found["bytes"] == 2 * 4 * ROWS * COLUMNS and found["result_bytes"] == 0
    refused("explain", f"diff {path} '{path}[0]'", words=["shape", "broadcast"][1:])


def test_no_items(save):
    found = explain("stats", save(np.zeros((0, 5))))
    assert (found["passes"], found["bytes"], found["files"]) == (0, 0, [])


def test_what_cannot_be_explained(path, tmp_path):
    for call, words in [
        (f"show {path}", ["show", "expected"][1:]), ("reduce", ["explain"]), (f"reduce {path} nothing", ["nothing"]),
        ("stats 'a", ["quote"]), ("explain 'stats a'", ["expected"]), (f"stats {path} --axis 9", ["axis"]),
        (f"reduce {path} sum --memory lots", ["lots"]),
    ]:
        line = refused("explain", call)
        assert all(word in line for word in words), (call, line)
    refused("explain", f"stats {tmp_path / 'none.npy'}", path=tmp_path / "none.npy")
    refused("explain", "")
