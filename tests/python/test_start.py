"""Opening costs nothing that a person or a loop in a shell would notice, whatever the file's size.

The bounds are loose, for other work may share the machine; `cargo xtask bench` measures sharply.
"""

import os
import time

import numpy as np
from conftest import BIN, run

RUNS = 200


def fastest(command):
    """The least time from spawn to exit, in milliseconds: what the work costs when nothing disturbs it."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    best = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=silent)
        status = os.waitpid(pid, 0)[1]
        best = min(best, time.perf_counter() - start)
        assert status == 0
    return best * 1e3


def info(path):
    return fastest([str(BIN), "info", str(path)])


def test_start_is_fast(save):
    cost = info(save(np.zeros((3, 4)))) - fastest(["/bin/true"])
    assert cost < 5, f"{cost:.2f} ms above /bin/true"


def test_open_does_not_depend_on_size(save, tmp_path):
    run("create", tmp_path / "big.npy", "--dtype", "f4", "--shape", "25000000000", "--sparse")
    small, big = info(save(np.zeros(250_000, "f4"))), info(tmp_path / "big.npy")
    assert big < small + 2, f"100 GB: {big:.2f} ms, 1 MB: {small:.2f} ms"
