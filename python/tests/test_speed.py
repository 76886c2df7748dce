"""What opening, pickling and importing cost, beside NumPy: with room for machines that are busy."""

import os
import pickle
import subprocess
import sys
import time

import ndfolio as nf
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.zeros((100, 1000)))


def best(*functions):
    """The shortest time of each, measured in turn."""
    times = [[] for _ in functions]
    for _ in range(300):
        for function, found in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            found.append(time.perf_counter() - start)
    return [min(found) for found in times]


def test_mapping_is_not_slower_than_numpys():
    def memmap(cls):
        return lambda: cls("a.npy", mode="r", dtype="f8", shape=(100, 1000), offset=128)

    ours, numpys = best(memmap(nf.memmap), memmap(np.memmap))
    assert ours < numpys * 1.1


def test_load_is_three_times_as_fast():
    ours, numpys = best(lambda: nf.load("a.npy", mmap_mode="r"), lambda: np.load("a.npy", mmap_mode="r"))
    assert ours < numpys / 2


def test_views_and_small_results_are_not_slower():
    ours, numpys = nf.load("a.npy", mmap_mode="r"), np.load("a.npy", mmap_mode="r")
    for use in (lambda a: a[3], lambda a: a[3, 4], lambda a: a[3] + 1, lambda a: a[3, :128].sum(), lambda a: a.T):
        found = best(lambda: use(ours), lambda: use(numpys))
        # Half a microsecond is what the clock and the calls cost.
        assert found[0] < found[1] * 1.3 + 1e-6


def test_pickles_take_microseconds():
    a = nf.load("a.npy", mmap_mode="r")
    text = pickle.dumps(a)
    dumps, loads = best(lambda: pickle.dumps(a), lambda: pickle.loads(text))
    assert len(text) < 1024 and dumps < 50e-6 and loads < 50e-6


def test_importing_costs_little_beyond_numpy(tmp_path):
    # Compiled by the first run, as an installed package is.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "compiled")
    # Of the processor, as a busy machine makes it wait.
    program = "import numpy, time; start = time.process_time(); import ndfolio; print(time.process_time() - start)"
    command = [sys.executable, "-c", program]
    times = [float(subprocess.check_output(command, env=environment)) for _ in range(6)]
    assert min(times) < 0.03
