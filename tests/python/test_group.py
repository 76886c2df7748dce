"""In a control group with little memory: the default follows it, and more than it has is not used."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import BIN, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
LIMIT = 96 << 20


def own_group():
    """The folder of this process's memory group, and the name of the file with its limit."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/"), "memory.limit_in_bytes"
    return Path("/sys/fs/cgroup"), "memory.max"


@pytest.fixture
def group():
    """A group with a limit, by its procs file."""
    parent, name = own_group()
    folder = parent / f"ndfolio-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        (folder / name).write_text(str(LIMIT))
        with contextlib.suppress(OSError):
            (folder / "memory.swap.max").write_text("0")
        yield folder
    except OSError as error:
        pytest.skip(f"the control group has no memory limit: {error}")
    finally:
        folder.rmdir()


def within(group, *args):
    """Runs the command in the group."""
    def enter():
        (group / "cgroup.procs").write_text(str(os.getpid()))

    done = subprocess.run([BIN, *map(str, args)], capture_output=True, text=True, timeout=120, preexec_fn=enter)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done


def test_the_default_follows_the_group(group, save):
    path = save(np.zeros((1000, 1000)))
    found = json.loads(within(group, "explain", f"stats {path}", "--json").stdout)
    assert LIMIT // 16 < found["budget"] <= LIMIT // 8
    assert run("explain", f"stats {path}", "--json").json["budget"] > found["budget"]


def test_more_than_the_group_has_is_not_used(group, tmp_path):
    """Without the limit in mind, half a gigabyte of buffers would have the process killed."""
    path, target = tmp_path / "a.npy", tmp_path / "f.npy"
    run("create", path, "--dtype", "<f8", "--shape", "8192,8192", "--fill", "2")
    done = within(group, "convert", path, target, "--to-order", "F", "--memory", "2GiB", "--profile")
    assert str(group.name) in done.stderr and str(LIMIT) in done.stderr
    for name in (path, target):
        assert within(group, "digest", name, "--memory", "2GiB").stdout.split()[0] == run("digest", path).out.split()[0]
    within(group, "reduce", path, "sum", "var", "--axis", "0", "--memory", "2GiB")
    [note] = json.loads(within(group, "explain", f"digest {target} --memory 2GiB", "--json").stdout)["notes"]
    assert "would be killed" in note
