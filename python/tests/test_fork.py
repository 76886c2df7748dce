"""Processes and threads: nothing hangs, whatever way they come to be."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import ndfolio as nf

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def x(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(1_000_000.0).reshape(1000, 1000))
    return nf.open(tmp_path / "x.npy")


def total(x):
    return float(x.sum())


def fused(x):
    return float(((x - x.mean(axis=0)) / x.std(axis=0)).max())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes(method, x):
    # Threads were used before the processes are made.
    expected = total(x), fused(x)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        rows = list(pool.map(total, [x[i] for i in range(8)], timeout=60))
        both = pool.submit(total, x).result(timeout=60), pool.submit(fused, x).result(timeout=60)
        expression = pool.submit(total, np.sqrt(x + 1)).result(timeout=60)
    assert rows == [total(x[i]) for i in range(8)]
    assert both == expected and expression == total(np.sqrt(x + 1))


def in_child(act):
    """What a forked child of this process gives."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(act()).encode())
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def test_a_forked_child_reads_what_its_parent_opened(x):
    expected = fused(x)
    view = np.asarray(x)
    assert in_child(lambda: fused(x)) == str(expected)
    assert in_child(lambda: float(view[3].sum()) == float(x[3].sum())) == "True"


def test_fork_while_a_pass_runs_in_another_thread(x):
    stop = threading.Event()

    def work():
        while not stop.is_set():
            fused(x)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert [in_child(lambda: total(x)) for _ in range(5)] == [str(total(x))] * 5
    finally:
        stop.set()
        thread.join()


def test_a_forked_child_does_not_write_to_what_its_parent_opened(tmp_path):
    with nf.create(tmp_path / "y.npy", 1000, "f8") as y:

        def write():
            y[0] = 1

        assert in_child(write).startswith("RuntimeError") and "open the file again" in in_child(write)
        assert float(y[0]) == 0


def test_threads_share_an_array(x):
    expected = fused(x)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fused, [x] * 12)) == [expected] * 12


def test_no_thread_stays(x):
    before = len(os.listdir("/proc/self/task"))
    fused(x)
    assert len(os.listdir("/proc/self/task")) == before


class Rows:
    """What a loader of batches asks for."""

    def __init__(self, x):
        self.x = x

    def batch(self, start):
        return np.stack([np.asarray(self.x[i]) for i in range(start, start + 50)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_four_loaders_over_one_file(method, x):
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context(method)) as pool:
        batches = list(pool.map(Rows(x).batch, range(0, 1000, 50), timeout=120))
    np.testing.assert_array_equal(np.concatenate(batches), np.asarray(x))
