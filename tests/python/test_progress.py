"""Progress on a terminal: bytes, rate and time left, and nothing of it in the end."""

import os
import pty
import re
import subprocess
import sys

import pytest
from conftest import BIN, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a terminal of Linux")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("progress") / "a.npy"
    run("create", path, "--dtype", "<f4", "--shape", "8192,16384", "--fill", "1")
    yield path
    path.unlink()


def told(*words, **options):
    """What the command writes to a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([BIN, *map(str, words)], stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 1 << 16)
        except OSError:
            break
    os.close(ours)
    assert process.wait(timeout=60) == 0, text
    return text.decode()


CALLS = {
    "stats": ["{}"], "reduce": ["{}", "sum", "--axis", "0"], "digest": ["{}"], "diff": ["{}", "{}"],
    "convert": ["{}", "{}.new", "--force"], "cache touch": ["{}"], "cache evict": ["{}"],
    "create": ["{}.new", "--dtype", "u1", "--shape", "200000000", "--fill", "1", "--force"], "fill": ["{}", "2"],
}


@pytest.mark.parametrize("command", CALLS)
def test_bytes_rate_and_time(path, command):
    words = [*command.split(), *(word.format(path) for word in CALLS[command])]
    text = told(*words)
    # 512 MiB read, and for new files as much written.
    assert re.search(r"\d+ %  [\d.]+ ?\S*B of [\d.]+ ?\S*iB  [\d.]+ ?\S*B/s  \S+ left", text), text[:300]
    # The line is wiped out in the end.
    last = text.rpartition("left")[2]
    assert "\x1b[2K" in last and re.sub(r"\x1b\[\d*[A-Z]", "", last).strip() == "", text[-100:]
    assert told(*words, "--quiet") == ""


def test_measuring(tmp_path):
    os.environ["XDG_CACHE_HOME"] = str(tmp_path)
    assert "left" in told("bench", tmp_path, "--size", "64MiB")
    assert told("bench", tmp_path, "--size", "16MiB", "--quiet") == ""


def test_small_passes_and_pipes_see_nothing(path):
    assert told("stats", f"{path}[:10]") == ""
    # conftest.run refuses any word on stderr.
    run("stats", path)
